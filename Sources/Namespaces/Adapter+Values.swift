// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One value, from the agent's view to the store's and back, wherever it stands.
extension Adapter {
    /// Whether ids leave here sealed and come back later, so that their key must outlive a restart.
    package var sealsIDs: Bool { sealsUUIDs || sealsTexts }

    var sealsUUIDs: Bool {
        rewrites.contains {
            switch $0.kind {
            case .own(.uuid), .own(.chosen): true
            default: false
            }
        }
    }

    var sealsTexts: Bool {
        rewrites.contains {
            switch $0.kind {
            case .own(.text), .digest: true
            default: false
            }
        }
    }

    /// Appends what the store is to see in the place of `value`, a decoded text.
    func inbound(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        _ mapping: inout RequestMapping,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        try scope.checkSessions(in: value)
        switch rewrites[rewrite].kind {
        case .pin:
            let names = scope.rendered[rewrite].visible
            for choice in names.indices where value.equals(names[choice]) {
                mapping.named(rewrite, choice)
                output.append(scope.rendered[rewrite].value)
                return
            }
            throw AdapterFailure(.tenantForeign)
        case .own(.number): try openNumber(rewrite, value, scope, into: &output)
        case .own(let form): try open(rewrite, form, value, scope, into: &output)
        case .prefix(_, let list):
            let prefix = scope.rendered[rewrite].value
            guard let list else {
                output.append(prefix)
                output.append(copying: value)
                return
            }
            guard list.rewrite(value, prefix: prefix, into: &output) else {
                throw AdapterFailure(.nameRefused)
            }
        case .arn(_, let kind):
            guard ResourceName.insert(scope.rendered[rewrite].value, into: value, behind: kind, &output)
            else { throw AdapterFailure(.nameRefused) }
        case .digest:
            guard let sealer = scope.textSealer else { preconditionFailure("a scope of another adapter") }
            output.append(scope.rendered[rewrite].value)
            sealer.digest(value, as: rewrites[rewrite].name, into: &output)
        case .name:
            if UUIDText.parse(value) != nil { throw AdapterFailure(.idUnknown) }
            output.append(copying: value)
        case .screen: output.append(copying: value)
        case .except(let word):
            // Whatever stands around it: quotes and steps of a path do not make it another name.
            for index in value.indices where value.extracting(index..<value.count).hasPrefix(word) {
                throw AdapterFailure(.memberRefused)
            }
            output.append(copying: value)
        case .shift(let count):
            guard Self.append(value, plus: count, to: &output) else { throw AdapterFailure(.memberRefused) }
        case .created: throw AdapterFailure(.memberRefused)
        case .filter, .stamp, .first: preconditionFailure("not a rewrite of values that are sent")
        }
    }

    private func open(
        _ rewrite: Int,
        _ form: AdapterRewrite.IDForm,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        if form == .text {
            guard let sealer = scope.textSealer else { preconditionFailure("a scope of another adapter") }
            guard sealer.open(value, as: rewrites[rewrite].name, into: &output) else {
                throw AdapterFailure(.idUnknown)
            }
            return
        }
        guard let sealer = scope.sealer else { preconditionFailure("a scope of another adapter") }
        switch sealer.open(value, anyForm: form == .chosen, into: &output) {
        case .done: break
        case .malformed: throw AdapterFailure(.idMalformed)
        case .unknown: throw AdapterFailure(.idUnknown)
        }
    }

    /// Appends what the agent is to see in the place of `value`, a decoded text.
    func outbound(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        _ mapping: RequestMapping,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        switch rewrites[rewrite].kind {
        case .pin:
            guard value.equals(scope.rendered[rewrite].value) else {
                throw scope.leak(rewrites[rewrite], at: rewrite, value)
            }
            output.append(mapping.visible(rewrite, scope))
        case .stamp, .first:
            // It is left out: the agent never knew of it.
            guard value.equals(scope.rendered[rewrite].value) else {
                throw scope.leak(rewrites[rewrite], at: rewrite, value)
            }
        case .own(.number): try sealNumber(rewrite, value, isCreated: false, scope, into: &output)
        case .created(let owned): try sealNumber(owned, value, isCreated: true, scope, into: &output)
        case .own(let form): try seal(rewrite, form, value, scope, into: &output)
        case .prefix(_, .some):
            let prefix = scope.rendered[rewrite].value
            guard NameList.restore(value, prefix: prefix, into: &output) else {
                throw scope.leak(rewrites[rewrite], at: rewrite, value)
            }
        case .prefix(_, nil):
            let prefix = scope.rendered[rewrite].value
            guard value.hasPrefix(prefix) else { throw scope.leak(rewrites[rewrite], at: rewrite, value) }
            output.append(value.extracting(prefix.count..<value.count))
        case .arn(_, let kind):
            guard ResourceName.remove(scope.rendered[rewrite].value, from: value, behind: kind, &output)
            else { throw scope.leak(rewrites[rewrite], at: rewrite, value) }
        case .digest:
            guard let sealer = scope.textSealer else { preconditionFailure("a scope of another adapter") }
            let prefix = scope.rendered[rewrite].value
            guard value.hasPrefix(prefix),
                sealer.value(
                    value.extracting(prefix.count..<value.count),
                    as: rewrites[rewrite].name,
                    into: &output
                )
            else { throw scope.leak(rewrites[rewrite], at: rewrite, value) }
        case .name, .except: output.append(copying: value)
        case .screen: screen(value, scope, into: &output)
        case .shift(let count):
            guard Self.append(value, plus: -count, to: &output) else {
                throw AdapterFailure(.responseInvalid)
            }
        case .filter: preconditionFailure("not a rewrite of answers")
        }
    }

    private func seal(
        _ rewrite: Int,
        _ form: AdapterRewrite.IDForm,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        var isSealed = false
        if form == .text {
            guard let sealer = scope.textSealer else { preconditionFailure("a scope of another adapter") }
            isSealed = sealer.seal(value, as: rewrites[rewrite].name, into: &output)
        } else {
            guard let sealer = scope.sealer else { preconditionFailure("a scope of another adapter") }
            isSealed = sealer.seal(value, anyForm: form == .chosen, into: &output)
        }
        if !isSealed { throw AdapterFailure(.responseInvalid) }
    }

    /// Appends a whole number with so much more; false for anything else.
    private static func append(
        _ number: borrowing Span<UInt8>,
        plus count: Int,
        to output: inout Buffer
    ) -> Bool {
        guard (1...9).contains(number.count) else { return false }
        var value = 0
        for index in number.indices {
            guard ASCII.isDigit(number[index]) else { return false }
            value = value * 10 + Int(number[index] - 0x30)
        }
        output.append(decimal: value + count)
        return true
    }

    // MARK: texts for people

    /// A text as a private store would have written it: without the compartment's own prefixes. One that tells more than
    /// that is hidden.
    private func screen(_ value: borrowing Span<UInt8>, _ scope: AdapterScope, into output: inout Buffer) {
        var text = Buffer()
        text.append(copying: value)
        for (index, rewrite) in rewrites.enumerated() {
            switch rewrite.kind {
            case .prefix, .arn: break
            default: continue
            }
            Self.remove(scope.rendered[index].value, from: &text)
        }
        if Self.tells(text.bytes, scope) {
            output.append(string: errors.hidden)
        } else {
            output.append(text.bytes)
        }
    }

    private static func remove(_ prefix: [UInt8], from text: inout Buffer) {
        guard !prefix.isEmpty else { return }
        var rest = Buffer()
        var start = 0
        var index = 0
        while index + prefix.count <= text.count {
            if text.bytes.extracting(index..<index + prefix.count).equals(prefix) {
                rest.append(text.bytes.extracting(start..<index))
                index += prefix.count
                start = index
            } else {
                index += 1
            }
        }
        guard start > 0 else { return }
        rest.append(text.bytes.extracting(start..<text.count))
        swap(&text, &rest)
    }

    /// Whether a text for people holds a UUID, this compartment's code, or any code where a word begins.
    static func tells(_ text: borrowing Span<UInt8>, _ scope: AdapterScope) -> Bool {
        if UUIDText.occurs(in: text) { return true }
        let code = scope.compartment.bytes
        var inWord = false
        for index in text.indices {
            let isFirst = !inWord
            inWord = ASCII.isAlphanumeric(text[index])
            let rest = text.extracting(index..<text.count)
            if rest.hasPrefix(code) { return true }
            if isFirst, CompartmentDescription(at: rest) != nil { return true }
        }
        return false
    }
}

extension Buffer {
    /// Appends a span that the caller only borrows.
    mutating func append(copying span: borrowing Span<UInt8>) { append(span.extracting(0..<span.count)) }
}
