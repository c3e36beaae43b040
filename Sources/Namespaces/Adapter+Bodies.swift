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
        guard case .json(let table) = operations[mapping.operation].request else {
            preconditionFailure("only a body that is mapped is transformed")
        }
        if body.count > maximumBodyBytes { throw AdapterFailure(.bodyTooLarge) }
        var changed = mapping
        do throws(JSONChange.Failure) {
            try JSONChange.apply(table, body, into: &output) {
                (rewrite, value, output) throws(AdapterFailure) in
                if case .name = rewrites[rewrite].kind, UUIDText.parse(value) != nil {
                    throw AdapterFailure(.memberRefused)
                }
                try inbound(rewrite, value, scope, &changed, into: &output)
            } null: { rewrite throws(AdapterFailure) in
                if case .pin = rewrites[rewrite].kind { throw AdapterFailure(.tenantForeign) }
            }
        } catch {
            throw AdapterFailure(error.requestReason)
        }
        mapping = changed
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
        let operation = operations[mapping.operation]
        guard case .json(let table) = operation.response else {
            preconditionFailure("only a body that is mapped is transformed")
        }
        if status >= 400 { return transformError(mapping, status, body, path, scope, into: &output) }
        if body.count > maximumBodyBytes { throw AdapterFailure(.responseTooLarge) }
        do throws(JSONChange.Failure) {
            try map(table, body, mapping, scope, into: &output)
        } catch {
            throw AdapterFailure(error.responseReason)
        }
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
        if let table = errors.upstream {
            do throws(JSONChange.Failure) {
                try map(table, body, mapping, scope, into: &output)
                return status
            } catch {
                output.truncate(to: start)
            }
        }
        writeError(name: errorName(status), message: Array(errors.hidden.utf8), code: "", into: &output)
        return status
    }

    private func map(
        _ table: JSONEditTable,
        _ body: borrowing Span<UInt8>,
        _ mapping: RequestMapping,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(JSONChange.Failure) {
        try JSONChange.apply(table, body, into: &output) { (rewrite, value, output) throws(AdapterFailure) in
            try outbound(rewrite, value, scope, mapping, into: &output)
        } null: { rewrite throws(AdapterFailure) in
            if case .pin = rewrites[rewrite].kind { throw AdapterFailure(.foreignObject) }
        }
    }
}

/// Applies changes to the strings of one document that a table names.
enum JSONChange {
    enum Failure: Error {
        case document(JSONEditError.Reason)
        case value(AdapterFailure)
    }

    /// - Parameter change: appends what takes the place of a string's meaning.
    /// - Parameter null: called where null stands in its place, which stays.
    static func apply(
        _ table: JSONEditTable,
        _ body: borrowing Span<UInt8>,
        into output: inout Buffer,
        _ change: (Int, borrowing Span<UInt8>, inout Buffer) throws(AdapterFailure) -> Void,
        null: (Int) throws(AdapterFailure) -> Void
    ) throws(Failure) {
        let bytes = body.extracting(0..<body.count)
        var editor = JSONEditor(table)
        var copied = 0
        var plain = Buffer()
        var changed = Buffer()
        output.reserve(bytes.count)
        while let edit = try next(&editor, bytes) {
            switch edit.token {
            case .null:
                do throws(AdapterFailure) { try null(edit.binding) } catch { throw .value(error) }
            case .string(let range, let escaped):
                plain.removeAll()
                changed.removeAll()
                JSONText.unescape(bytes, range, escaped: escaped, into: &plain)
                do throws(AdapterFailure) {
                    try change(edit.binding, plain.bytes, &changed)
                } catch {
                    throw .value(error)
                }
                if changed.bytes.equals(plain.bytes) { continue }
                output.append(bytes.extracting(copied..<edit.range.start))
                JSONWriter.appendString(changed.bytes, &output)
                copied = edit.range.end
            case .number, .true, .false, .beginObject, .endObject, .beginArray, .endArray, .key, .end:
                throw .document(.unexpectedType)
            }
        }
        output.append(bytes.extracting(copied..<bytes.count))
    }

    private static func next(
        _ editor: inout JSONEditor,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> JSONEdit? {
        do throws(JSONEditError) {
            return try editor.next(bytes)
        } catch {
            throw .document(error.reason)
        }
    }
}

extension JSONChange.Failure {
    var requestReason: AdapterReason {
        switch self {
        case .value(let failure): failure.reason
        case .document(let reason):
            switch reason {
            case .syntax: .bodyInvalid
            case .memberUndeclared: .memberUndeclared
            case .memberDuplicate: .memberDuplicate
            case .memberRefused: .memberRefused
            case .memberMissing: .memberMissing
            case .unexpectedType: .memberType
            }
        }
    }

    var responseReason: AdapterReason {
        switch self {
        case .value(let failure): failure.reason
        case .document(let reason):
            switch reason {
            case .syntax, .memberDuplicate, .unexpectedType: .responseInvalid
            case .memberUndeclared, .memberRefused: .responseUndeclared
            // Without its stamp nobody knows whose it is.
            case .memberMissing: .foreignObject
            }
        }
    }
}
