// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Crypto
package import HTTPTypes

extension Adapter {
    /// Bytes of an error of the store's that is mapped; a longer one is `response_too_large`.
    private static let maximumErrorBytes = 64 << 10

    /// Decides on each header of a response and on what is done with its body. `.json` means: collect what there is,
    /// be it nothing, and give it to `transformResponse`.
    /// - Parameter authority: that of the request as it went to the store, to know absolute locations by.
    /// - Throws: `response_…`, `foreign_object`; the answer is then not to be used.
    package func planResponse(
        _ mapping: RequestMapping,
        status: UInt16,
        _ fields: borrowing Fields,
        length: BodyLength,
        authority: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) -> BodyPlan {
        if let native {
            return try planNativeResponse(
                native,
                mapping,
                status: status,
                fields,
                length: length,
                into: &plan
            )
        }
        let operation = operations[mapping.operation]
        let body = try planBody(operation, status, fields, length)
        let isMapped =
            operation.response.isMapped || (status >= 400 && errors.upstream != nil && body != .opaque)
        plan.restart(addsIdentityCoding: false)
        for index in fields.indices {
            let known = fields.known(at: index)
            if known.isEngines {
                plan.append(.drop)
                continue
            }
            if isMapped, status >= 400, known == .contentType {
                plan.replace { $0.append(documentType) }
                continue
            }
            switch responseHeaders.rule(fields.name(at: index)) {
            case .pass?, .opaque?: plan.append(.pass)
            case .drop?, .refuse?, .user?, .resource?: plan.append(.drop)
            case .session?: plan.append(.session)
            case .rewrite(let rewrite)?:
                try planRewrite(
                    rewrite,
                    known,
                    fields.value(at: index),
                    authority,
                    mapping,
                    scope,
                    into: &plan
                )
            case nil:
                let isDropped =
                    (isMapped && known.describesCoding)
                    || (known.isWebSockets && !operation.isWebSocket)
                    || (kind == .store && !known.isHarmlessInResponse && !known.isWebSockets)
                plan.append(isDropped ? .drop : .pass)
            }
        }
        return body
    }

    private func planBody(
        _ operation: AdapterOperation,
        _ status: UInt16,
        _ fields: borrowing Fields,
        _ length: BodyLength
    ) throws(AdapterFailure) -> BodyPlan {
        if status == 101, !operation.isWebSocket { throw AdapterFailure(.responseStatusRefused) }
        switch operation.response {
        case .opaque: return length == .none ? .none : .opaque
        case .none:
            if length == .none || length == .fixed(0) { return .none }
            if status >= 400, errors.upstream != nil { return .json(maximumBytes: Self.maximumErrorBytes) }
            throw AdapterFailure(.responseUndeclared)
        case .form: preconditionFailure("forms are requests' bodies")
        case .mapped:
            switch status {
            case 204, 205, 304: return .none
            case 400...: return .json(maximumBytes: Self.maximumErrorBytes)
            case 200...203: return try planSuccess(operation, fields, length)
            default: throw AdapterFailure(.responseStatusRefused)
            }
        }
    }

    private func planSuccess(
        _ operation: AdapterOperation,
        _ fields: borrowing Fields,
        _ length: BodyLength
    ) throws(AdapterFailure) -> BodyPlan {
        if !MediaType.isPlain(fields) { throw AdapterFailure(.responseCodingRefused) }
        if let events = operation.events, MediaType.isEvents(fields) {
            if case .opaque = events { return .opaque }
            return .events
        }
        // Clients of AWS's services do not look at the type, so services take it lightly.
        let isDocument =
            MediaType.isJSON(fields, documentType) || (aws != nil && MediaType.isOfAWS(fields))
        if !isDocument { throw AdapterFailure(.responseInvalid) }
        if case .fixed(let count) = length, count > maximumBodyBytes {
            throw AdapterFailure(.responseTooLarge)
        }
        return .json(maximumBytes: maximumBodyBytes)
    }

    private func planRewrite(
        _ rewrite: Int,
        _ known: KnownField,
        _ value: borrowing Span<UInt8>,
        _ authority: borrowing Span<UInt8>,
        _ mapping: RequestMapping,
        _ scope: AdapterScope,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) {
        if known == .location || known == .contentLocation,
            case .prefix(let template, nil) = rewrites[rewrite].kind
        {
            let mapped = try AdapterLocation.map(
                value,
                prefix: scope.rendered[rewrite].value,
                template: template,
                scope,
                authority: authority
            )
            guard let mapped else { return plan.append(.drop) }
            return plan.replace { $0.append(mapped) }
        }
        try plan.replace { (output: inout Buffer) throws(AdapterFailure) in
            try outbound(rewrite, value, scope, mapping, into: &output)
        }
    }
}

/// References to places under a path prefix (RFC 9110 §10.2.2).
enum AdapterLocation {
    /// The reference as the agent may see it, or nil when it leads out of the prefix and must be dropped. One to the
    /// store's own authority becomes a path: the agent knows the store by another.
    /// - Throws: `foreign_object` when it names another compartment.
    /// Cost: a few allocations.
    static func map(
        _ value: borrowing Span<UInt8>,
        prefix: [UInt8],
        template: AdapterTemplate,
        _ scope: AdapterScope,
        authority: borrowing Span<UInt8>
    ) throws(AdapterFailure) -> [UInt8]? {
        guard let start = pathStart(value, authority: authority) else { return nil }
        let reference = value.extracting(start..<value.count)
        let isRelative = reference.isEmpty || reference[0] != ASCII.slash
        var absolute = Buffer()
        if isRelative { absolute.append(ASCII.slash) }
        absolute.append(reference)
        let end = absolute.bytes.firstIndex(of: UInt8(ascii: "#")) ?? absolute.count
        absolute.truncate(to: end)
        var path = CanonicalPath()
        do throws(TargetError) {
            try path.parse(absolute.bytes)
        } catch {
            return nil
        }
        // Relative to the request's own path, which never left the prefix.
        if isRelative { return value.array() }
        let whole = path.pathAndQuery
        let rest = whole.extracting(1..<whole.count)
        if rest.hasPrefix(prefix) {
            var mapped = Buffer()
            mapped.append(ASCII.slash)
            mapped.append(rest.extracting(prefix.count..<rest.count))
            return mapped.bytes.array()
        }
        var before: [UInt8] = []
        if case .text(let text)? = template.pieces.first { before = text }
        guard rest.hasPrefix(before) else { return nil }
        let named = rest.extracting(before.count..<rest.count)
        if let code = CompartmentDescription(at: named), !named.hasPrefix(scope.compartment.bytes) {
            let owner = SHA256.hash(named.extracting(0..<code.count))
            throw AdapterFailure(.foreignObject, leak: AdapterLeak(rewrite: "location", owner: owner))
        }
        return nil
    }

    /// Where the path of a reference begins, or nil for another scheme or authority.
    private static func pathStart(
        _ value: borrowing Span<UInt8>,
        authority: borrowing Span<UInt8>
    ) -> Int? {
        var start = 0
        if value.count >= 7, value.extracting(0..<7).equalsIgnoringCase("http://") {
            start = 7
        } else if value.count >= 8, value.extracting(0..<8).equalsIgnoringCase("https://") {
            start = 8
        } else {
            if value.hasPrefix("//") { return nil }
            for index in value.indices {
                if value[index] == ASCII.slash || value[index] == UInt8(ascii: "?") { break }
                if value[index] == ASCII.colon { return nil }
            }
            return 0
        }
        let end = value.firstIndex(of: ASCII.slash, from: start) ?? value.count
        return value.extracting(start..<end).equalsIgnoringCase(authority) ? end : nil
    }
}
