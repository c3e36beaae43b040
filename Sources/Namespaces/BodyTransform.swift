// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import JSON

/// A body on its way through an adapter's table, in pieces: what is rewritten is so in the places that the table names,
/// all else is copied. What has left before an error is of no use: the message must then be cut off, never ended.
/// Holds a bounded window (`JSONEditor`), whatever the body's size.
package struct BodyTransform: ~Copyable {
    private enum Direction {
        case request, response
    }

    private let adapter: Adapter
    private let direction: Direction
    private var body: JSONBodyEditor
    private var plain = Buffer()
    private var changed = Buffer()
    private var count = 0

    private init(_ adapter: Adapter, _ form: JSONBodyForm, _ direction: Direction) {
        self.adapter = adapter
        self.direction = direction
        body = JSONBodyEditor(form)
    }

    /// For the body of a request; nil where the operation's is not mapped.
    package init?(requestOf mapping: RequestMapping, _ adapter: Adapter) {
        guard case .mapped(let form) = adapter.operations[mapping.operation].request else { return nil }
        self.init(adapter, form, .request)
    }

    /// For the body of a successful answer; nil where the operation's is not mapped.
    /// - Parameter isEvents: whether `planResponse` said `.events`.
    package init?(responseTo mapping: RequestMapping, isEvents: Bool, _ adapter: Adapter) {
        let operation = adapter.operations[mapping.operation]
        guard case .mapped(let form)? = isEvents ? operation.events : operation.response else { return nil }
        self.init(adapter, form, .response)
    }

    init(response form: JSONBodyForm, _ adapter: Adapter) { self.init(adapter, form, .response) }

    /// Appends what goes on of the next piece.
    /// - Parameter isFinal: whether nothing comes behind it; the body was then as declared.
    /// - Throws: a request's or a response's reason, as the direction is.
    package mutating func feed(
        _ bytes: borrowing Span<UInt8>,
        isFinal: Bool,
        _ mapping: inout RequestMapping,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        let bytes = bytes.extracting(0..<bytes.count)
        count += bytes.count
        if count > adapter.maximumBodyBytes {
            throw AdapterFailure(direction == .request ? .bodyTooLarge : .responseTooLarge)
        }
        while let request = try next(bytes, isFinal, &output) {
            switch request {
            case .value(let rewrite):
                if body.editor.isNumber != adapter.rewrites[rewrite].kind.isOfNumbers {
                    throw AdapterFailure(typeReason)
                }
                try edit(rewrite, &mapping, scope, &output)
            case .name(let rewrite): try edit(rewrite, &mapping, scope, &output)
            case .null(let rewrite):
                try checkNull(rewrite, mapping, scope)
                body.editor.keep(&output)
            case .text(let rewrite, let part):
                let rendered = scope.rendered[rewrite]
                let text =
                    switch part {
                    case .before: rendered.before
                    case .after: rendered.after
                    case .absent: rendered.absent
                    case .element: rendered.string
                    }
                body.editor.insert(text.span, &output)
            }
        }
        if direction == .request, let other = adapter.operations[mapping.operation].alternative {
            mapping.isAlternative = body.editor.rootSeen & other.bit != 0
        }
        if isFinal, direction == .request { try checkAlternatives(mapping) }
    }

    /// Of members that stand for one another, just one must be there.
    private func checkAlternatives(_ mapping: RequestMapping) throws(AdapterFailure) {
        let among = adapter.operations[mapping.operation].alternatives
        guard among != 0 else { return }
        switch (body.editor.rootSeen & among).nonzeroBitCount {
        case 0: throw AdapterFailure(.memberMissing)
        case 1: break
        default: throw AdapterFailure(.memberRefused)
        }
    }

    private mutating func next(
        _ bytes: Span<UInt8>,
        _ isFinal: Bool,
        _ output: inout Buffer
    ) throws(AdapterFailure) -> JSONEditRequest? {
        do throws(JSONEditError) {
            return try body.next(bytes, isFinal: isFinal, into: &output)
        } catch {
            throw AdapterFailure(direction == .request ? error.requestReason : error.responseReason)
        }
    }

    private mutating func edit(
        _ rewrite: Int,
        _ mapping: inout RequestMapping,
        _ scope: AdapterScope,
        _ output: inout Buffer
    ) throws(AdapterFailure) {
        var before = Buffer()
        var after = Buffer()
        swap(&before, &plain)
        swap(&after, &changed)
        before.removeAll()
        after.removeAll()
        before.append(body.editor.text)
        do throws(AdapterFailure) {
            switch direction {
            case .request:
                if case .name = adapter.rewrites[rewrite].kind, UUIDText.parse(before.bytes) != nil {
                    throw AdapterFailure(.memberRefused)
                }
                try adapter.inbound(rewrite, before.bytes, scope, &mapping, into: &after)
            case .response: try adapter.outbound(rewrite, before.bytes, scope, mapping, into: &after)
            }
        } catch {
            guard error.reason == .foreignObject, body.editor.canHide else { throw error }
            return body.editor.hide(&output)
        }
        if after.bytes.equals(before.bytes) {
            body.editor.keep(&output)
        } else if body.editor.isNumber {
            body.editor.insert(after.bytes, &output)
        } else {
            body.editor.replace(after.bytes, &output)
        }
        swap(&before, &plain)
        swap(&after, &changed)
    }

    /// Null in the place of what decides whose the object is decides nothing.
    private func checkNull(
        _ rewrite: Int,
        _ mapping: RequestMapping,
        _ scope: AdapterScope
    ) throws(AdapterFailure) {
        let kind = adapter.rewrites[rewrite]
        switch (direction, kind.kind) {
        case (.request, .pin): throw AdapterFailure(.tenantForeign)
        case (.request, .arn): throw AdapterFailure(.memberRefused)
        case (.request, .prefix(_, let list)):
            // Where one of several must be there, null would count as that one.
            if list != nil || kind.missing != .allowed
                || adapter.operations[mapping.operation].alternatives != 0
            {
                throw AdapterFailure(.memberRefused)
            }
        case (.response, .pin): throw scope.leak(kind, at: rewrite, Span())
        default: break
        }
    }

    private var typeReason: AdapterReason { direction == .request ? .memberType : .responseInvalid }
}

extension AdapterRewrite.Kind {
    fileprivate var isOfNumbers: Bool {
        switch self {
        case .shift, .own(.number), .created: true
        default: false
        }
    }
}

extension JSONEditError {
    var requestReason: AdapterReason {
        switch reason {
        case .syntax(.tooLarge): .bodyTooLarge
        case .syntax: .bodyInvalid
        case .memberUndeclared: .memberUndeclared
        case .memberDuplicate: .memberDuplicate
        case .memberRefused: .memberRefused
        case .memberMissing: .memberMissing
        case .unexpectedType: .memberType
        }
    }

    var responseReason: AdapterReason {
        switch reason {
        case .syntax(.tooLarge): .responseTooLarge
        case .syntax, .memberDuplicate, .unexpectedType: .responseInvalid
        case .memberUndeclared, .memberRefused: .responseUndeclared
        // Without its stamp nobody knows whose it is.
        case .memberMissing: .foreignObject
        }
    }
}
