// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

extension Adapter {
    /// Appends the target that goes to the store: path, and query where there is one.
    /// - Parameter operation: what `match` answered for the same path.
    /// - Throws: `tenant_foreign`, `id_unknown`, `id_malformed` with the segment; `parameter_…`. What was appended is
    ///   then of no use.
    /// - Parameter alternative: whether the body was seen and its mapping says `isAlternative`.
    /// Cost: one pass, no allocation.
    package func rewriteTarget(
        _ operation: Int,
        _ path: borrowing CanonicalPath,
        _ scope: AdapterScope,
        alternative: Bool = false,
        into target: inout Buffer
    ) throws(AdapterFailure) -> RequestMapping {
        var mapping = RequestMapping(operation: operation)
        for index in routes.parts(of: operation, alternative: alternative) {
            switch routes.part(index) {
            case .text(let start, let count): routes.append(start, count, to: &target)
            case .field(let segment, .rewrite(let rewrite)):
                try append(path, segment, rewrite, scope, &mapping, into: &target)
            case .field(let segment, .resource):
                _ = try resource(at: segment, path, scope.resources)
                target.append(path.segment(at: segment))
            case .field(let segment, _): target.append(path.segment(at: segment))
            case .compartment: target.append(scope.compartment.bytes)
            case .rest(let segment, let rule):
                let end = path.bytes.count
                let start = segment < path.segmentCount ? path.range(at: segment).lowerBound : end
                let rest = path.bytes.extracting(start..<end)
                if case .rewrite(let rewrite) = rule {
                    try scope.checkSessions(in: rest)
                    target.append(scope.rendered[rewrite].value)
                }
                target.append(rest)
            }
        }
        try appendQuery(path, scope, &mapping, into: &target)
        return mapping
    }

    /// What policies decide on, where the request's path names it; nil where they decide on the route's own resource.
    /// - Throws: `resource_unknown` for what the route does not name.
    package func decidedResource(
        _ operation: Int,
        _ path: borrowing CanonicalPath,
        _ resources: StoreResources
    ) throws(AdapterFailure) -> [UInt8]? {
        guard let segment = operations[operation].resourceSegment else { return nil }
        return try resource(at: segment, path, resources)
    }

    private func resource(
        at segment: Int,
        _ path: borrowing CanonicalPath,
        _ resources: StoreResources
    ) throws(AdapterFailure) -> [UInt8] {
        var plain = Buffer()
        path.decodeSegment(at: segment, into: &plain)
        guard resources.names(plain.bytes) else {
            throw AdapterFailure(.resourceUnknown, segment: segment)
        }
        return plain.bytes.array()
    }

    /// Appends one segment, rewritten.
    private func append(
        _ path: borrowing CanonicalPath,
        _ segment: Int,
        _ rewrite: Int,
        _ scope: AdapterScope,
        _ mapping: inout RequestMapping,
        into target: inout Buffer
    ) throws(AdapterFailure) {
        do throws(AdapterFailure) {
            guard path.flags(at: segment).contains(.hasEscapes), decodes(rewrite) else {
                // What is canonical has escapes only for bytes that no UUID and no tenant's name holds, and a prefixed
                // key keeps its own; so the segment is compared and copied as it stands.
                try inbound(rewrite, path.segment(at: segment), scope, &mapping, into: &target)
                return
            }
            var plain = Buffer()
            path.decodeSegment(at: segment, into: &plain)
            var changed = Buffer()
            try inbound(rewrite, plain.bytes, scope, &mapping, into: &changed)
            PercentEncoding.encode(changed.bytes, as: .query, into: &target)
        } catch {
            throw AdapterFailure(error.reason, segment: segment)
        }
    }

    /// Whether the rewrite looks at what a value means, not only at where it begins.
    private func decodes(_ rewrite: Int) -> Bool {
        switch rewrites[rewrite].kind {
        case .own(.text), .digest, .prefix(_, .some): true
        default: false
        }
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
        var writer = ParameterWriter(isQuery: true)
        let query = path.query
        try appendParameters(query, declared, scope, &mapping, &writer, into: &target)
    }

    /// The parameters of a query or a form.
    func appendParameters(
        _ query: borrowing Span<UInt8>,
        _ declared: [AdapterParameter],
        _ scope: AdapterScope,
        _ mapping: inout RequestMapping,
        _ writer: inout ParameterWriter,
        into target: inout Buffer
    ) throws(AdapterFailure) {
        var seen: UInt64 = 0
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
            case .refuse, .session, .user, .resource: throw AdapterFailure(.parameterRefused)
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
        // A tenant's parameter that is left out would be the store's own default, which is somebody's.
        for (index, parameter) in declared.enumerated() where seen & 1 << UInt64(index) == 0 {
            guard case .rewrite(let rewrite) = parameter.rule else { continue }
            let isPinned = if case .pin = rewrites[rewrite].kind { true } else { false }
            switch rewrites[rewrite].missing {
            case .refused where !isPinned: throw AdapterFailure(.parameterMissing)
            case .added, .refused:
                let value = scope.rendered[rewrite].added
                writer.append(parameter.name, value.span, &target)
            case .allowed: break
            }
        }
    }
}

/// Puts `?` before the first parameter of a query and `&` before the others.
struct ParameterWriter {
    private let isQuery: Bool
    private var isFirst = true

    init(isQuery: Bool) { self.isQuery = isQuery }

    mutating func separate(_ target: inout Buffer) {
        if !isFirst {
            target.append(UInt8(ascii: "&"))
        } else if isQuery {
            target.append(UInt8(ascii: "?"))
        }
        isFirst = false
    }

    mutating func append(_ name: [UInt8], _ value: borrowing Span<UInt8>, _ target: inout Buffer) {
        separate(&target)
        Query.append(name: name.span, value: value, isFirst: true, into: &target)
    }
}
