// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

extension Adapter {
    /// Appends the target that goes to the store: path, and query where there is one.
    /// - Parameter operation: what `match` answered for the same path.
    /// - Throws: `tenant_foreign`, `id_unknown`, `id_malformed` with the segment; `parameter_…`. What was appended is
    ///   then of no use.
    /// Cost: one pass, no allocation.
    package func rewriteTarget(
        _ operation: Int,
        _ path: borrowing CanonicalPath,
        _ scope: AdapterScope,
        into target: inout Buffer
    ) throws(AdapterFailure) -> RequestMapping {
        var mapping = RequestMapping(operation: operation)
        for index in routes.parts(of: operation) {
            switch routes.part(index) {
            case .text(let start, let count): routes.append(start, count, to: &target)
            case .field(let segment, .rewrite(let rewrite)):
                // What is canonical has escapes only for bytes that no id, no tenant's name and no UUID holds, and a
                // prefixed key keeps its own; so the segment is compared and copied as it stands.
                do throws(AdapterFailure) {
                    try inbound(rewrite, path.segment(at: segment), scope, &mapping, into: &target)
                } catch {
                    throw AdapterFailure(error.reason, segment: segment)
                }
            case .field(let segment, _): target.append(path.segment(at: segment))
            case .rest(let segment, let rule):
                if case .rewrite(let rewrite) = rule { target.append(scope.rendered[rewrite].value) }
                let end = path.bytes.count
                let start = segment < path.segmentCount ? path.range(at: segment).lowerBound : end
                target.append(path.bytes.extracting(start..<end))
            }
        }
        try appendQuery(path, scope, &mapping, into: &target)
        return mapping
    }

    private func appendQuery(
        _ path: borrowing CanonicalPath,
        _ scope: AdapterScope,
        _ mapping: inout RequestMapping,
        into target: inout Buffer
    ) throws(AdapterFailure) {
        let declared = operations[mapping.operation].parameters
        guard let declared else {
            if path.hasQuery {
                target.append(UInt8(ascii: "?"))
                target.append(path.query)
            }
            return
        }
        if !path.hasQuery, declared.isEmpty { return }
        var writer = QueryWriter()
        var seen: UInt64 = 0
        let query = path.query
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query) {
            let name = query.extracting(parameter.name)
            // An escaped spelling of a name is not the name: two readers may not take it for the same.
            guard let index = declared.firstIndex(where: { name.equals($0.name) }) else {
                throw AdapterFailure(.parameterUndeclared)
            }
            if seen & 1 << UInt64(index) != 0 { throw AdapterFailure(.parameterDuplicate) }
            seen |= 1 << UInt64(index)
            switch declared[index].rule {
            case .pass, .opaque:
                writer.separate(&target)
                target.append(query.extracting(parameter.whole))
            case .drop: break
            case .refuse, .session, .user: throw AdapterFailure(.parameterRefused)
            case .rewrite(let rewrite):
                var plain = Buffer()
                guard
                    PercentEncoding.decode(query.extracting(parameter.value), plusIsSpace: true, into: &plain)
                else { throw AdapterFailure(.parameterRefused) }
                var value = Buffer()
                try inbound(rewrite, plain.bytes, scope, &mapping, into: &value)
                writer.append(declared[index].name, value.bytes, &target)
            }
        }
        // A pinned parameter that is left out would be the store's own default, which is somebody's.
        for (index, parameter) in declared.enumerated() where seen & 1 << UInt64(index) == 0 {
            guard case .rewrite(let rewrite) = parameter.rule, case .pin = rewrites[rewrite].kind else {
                continue
            }
            let value = scope.rendered[rewrite].value
            writer.append(parameter.name, value.span, &target)
        }
    }
}

/// Puts `?` before the first parameter and `&` before the others.
private struct QueryWriter {
    private var isFirst = true

    mutating func separate(_ target: inout Buffer) {
        target.append(isFirst ? UInt8(ascii: "?") : UInt8(ascii: "&"))
        isFirst = false
    }

    mutating func append(_ name: [UInt8], _ value: borrowing Span<UInt8>, _ target: inout Buffer) {
        separate(&target)
        Query.append(name: name.span, value: value, isFirst: true, into: &target)
    }
}
