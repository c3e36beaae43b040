// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTPTypes

/// One request of an agent through a table, and its answer back, both whole: for commands, which are in no hurry.
package struct AdapterCall: ~Copyable {
    package enum Outcome: Sendable {
        /// Send this; give what comes back to `answer`.
        case send(method: Method, target: [UInt8], body: [UInt8])
        /// The table answers by itself.
        case local(status: UInt16, body: [UInt8])
    }

    private let adapter: Adapter
    private let scope: AdapterScope
    private var path = CanonicalPath()
    private var mapping: RequestMapping?

    package init(_ adapter: Adapter, _ scope: AdapterScope) {
        self.adapter = adapter
        self.scope = scope
    }

    /// - Parameters:
    ///   - target: path and query as an agent sends them.
    ///   - body: JSON; empty for none.
    package mutating func request(
        _ method: Method,
        _ target: [UInt8],
        _ body: [UInt8]
    ) throws(AdapterFailure) -> Outcome {
        do throws(TargetError) { try path.parse(target.span) } catch {
            throw AdapterFailure(.operationUnknown)
        }
        var fields = Fields()
        if !body.isEmpty { fields.append(.contentType, value: adapter.documentType) }
        let operation = try adapter.match(method, path, fields)
        var output = Buffer()
        var mapping = try adapter.rewriteTarget(operation, path, scope, into: &output)
        var plan = FieldPlan()
        let length: BodyLength = body.isEmpty ? .none : .fixed(body.count)
        try adapter.planRequest(&mapping, fields, length: length, scope, into: &plan)
        var sent = Buffer()
        if case .json = adapter.requestBody(mapping) {
            try adapter.transformRequest(&mapping, body.span, scope, into: &sent)
            if mapping.isAlternative {
                output.removeAll()
                _ = try adapter.rewriteTarget(operation, path, scope, alternative: true, into: &output)
            }
        } else {
            sent.append(body)
        }
        self.mapping = mapping
        if adapter.operations[operation].isLocal {
            sent.removeAll()
            let status = adapter.answer(mapping, scope, into: &sent)
            return .local(status: status, body: sent.bytes.array())
        }
        return .send(method: method, target: output.bytes.array(), body: sent.bytes.array())
    }

    /// The store's answer as the agent may see it; its owner is checked as ever.
    package mutating func answer(
        status: UInt16,
        contentType: [UInt8],
        _ body: [UInt8]
    ) throws(AdapterFailure) -> (status: UInt16, body: [UInt8]) {
        guard let mapping else { preconditionFailure("an answer comes after a request") }
        var fields = Fields()
        do throws(FieldError) {
            if !contentType.isEmpty { try fields.append(.contentType, value: contentType.span) }
        } catch {
            throw AdapterFailure(.responseInvalid)
        }
        var plan = FieldPlan()
        let authority: [UInt8] = []
        let planned = try adapter.planResponse(
            mapping,
            status: status,
            fields,
            length: body.isEmpty ? .none : .fixed(body.count),
            authority: authority.span,
            scope,
            into: &plan
        )
        switch planned {
        case .none: return (status, [])
        case .opaque, .events: return (status, body)
        case .json:
            var output = Buffer()
            let status = try adapter.transformResponse(
                mapping,
                status: status,
                body.span,
                path,
                scope,
                into: &output
            )
            return (status, output.bytes.array())
        }
    }
}
