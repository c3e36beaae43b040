// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes
internal import JSON

extension Adapter {
    /// Appends the body that goes to the store.
    /// - Parameter body: the whole of a body that `requestBody` calls `.json`.
    /// - Throws: `body_invalid`, `member_…`, `id_…`, `tenant_foreign`; what was appended is then of no use.
    /// Cost: one pass and one copy.
    package func transformRequest(
        _ mapping: inout RequestMapping,
        _ body: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        if let native { return try transformNativeRequest(native, mapping, body, scope, into: &output) }
        if body.count > maximumBodyBytes { throw AdapterFailure(.bodyTooLarge) }
        output.reserve(body.count)
        if case .form(let declared) = operations[mapping.operation].request {
            var writer = ParameterWriter(isQuery: false)
            try appendParameters(body, declared, scope, &mapping, &writer, into: &output)
            return
        }
        guard var transform = BodyTransform(requestOf: mapping, self) else {
            preconditionFailure("only a body that is mapped is transformed")
        }
        try transform.feed(body, isFinal: true, &mapping, scope, into: &output)
    }

    /// Appends the body that goes to the agent.
    /// - Parameter path: the request's, as the agent sent it.
    /// - Returns: the status that goes with it: the store's own.
    /// - Throws: `response_…`, `foreign_object`; nothing of the answer may then be used.
    package func transformResponse(
        _ mapping: RequestMapping,
        status: UInt16,
        _ body: borrowing Span<UInt8>,
        _ path: borrowing CanonicalPath,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) -> UInt16 {
        if status >= 400 { return transformError(mapping, status, body, path, scope, into: &output) }
        guard case .mapped(let form) = operations[mapping.operation].response else {
            preconditionFailure("only a body that is mapped is transformed")
        }
        if body.count > maximumBodyBytes { throw AdapterFailure(.responseTooLarge) }
        output.reserve(body.count)
        try map(form, body, mapping, scope, into: &output)
        return status
    }

    /// The store's own error. One that is not declared, not JSON or missing is told in the table's words: an error is
    /// never turned into another failure.
    private func transformError(
        _ mapping: RequestMapping,
        _ status: UInt16,
        _ body: borrowing Span<UInt8>,
        _ path: borrowing CanonicalPath,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) -> UInt16 {
        let operation = operations[mapping.operation]
        // The store's words about an id name the real one.
        if status == 404, let segment = operation.idSegment,
            operation.isUnknownIDBy404 || UUIDText.occurs(in: body)
        {
            return writeError(AdapterFailure(.idUnknown, segment: segment), path, into: &output)
        }
        let start = output.count
        for form in [operation.statuses[status], errors.upstream] {
            guard let form else { continue }
            do throws(AdapterFailure) {
                try map(form, body, mapping, scope, into: &output)
                return status
            } catch {
                output.truncate(to: start)
            }
        }
        writeError(
            name: errorName(status),
            message: Array(errors.hidden.utf8),
            code: "",
            status: status,
            into: &output
        )
        return status
    }

    private func map(
        _ form: JSONBodyForm,
        _ body: borrowing Span<UInt8>,
        _ mapping: RequestMapping,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        var transform = BodyTransform(response: form, self)
        var mapping = mapping
        try transform.feed(body, isFinal: true, &mapping, scope, into: &output)
    }
}
