// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTPTypes
internal import JSON

extension Adapter {
    /// Decides on each header of a request, and on its body as far as headers tell.
    /// A store's request keeps the headers that the table declares and those that are harmless
    /// (`KnownField.isHarmlessInRequest`); the rest is dropped, never forwarded. An ingress request keeps all that the
    /// table says nothing of: stripping reserved names is the gateway's.
    /// - Parameter length: of the body, as the engine found it.
    /// - Throws: `header_…`, `body_…`, `content_…`.
    /// Cost: one pass, no allocation once `plan` is warm.
    package func planRequest(
        _ mapping: inout RequestMapping,
        _ fields: borrowing Fields,
        length: BodyLength,
        _ scope: AdapterScope,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) {
        let operation = operations[mapping.operation]
        mapping.hasBody = !(operation.isBodyOptional && (length == .none || length == .fixed(0)))
        if mapping.hasBody { mapping.isCompressed = try checkBody(operation, fields, length) }
        let mapsResponse = operation.response.isMapped
        let mapsRequest = operation.request.isMapped
        plan.restart(addsIdentityCoding: mapsResponse)
        for index in fields.indices {
            let known = fields.known(at: index)
            if known.isEngines {
                plan.append(.drop)
                continue
            }
            if known == .xAmzTarget, operation.amzTarget != nil {
                plan.append(.pass)
                continue
            }
            switch requestHeaders.rule(fields.name(at: index)) {
            case .pass?, .opaque?: plan.append(.pass)
            case .drop?: plan.append(.drop)
            case .refuse?, .resource?: throw AdapterFailure(.headerRefused)
            case .session?:
                try checkAlone(index, fields)
                plan.append(.session)
            case .user?: plan.append(.user)
            case .rewrite(let rewrite)?:
                try checkAlone(index, fields)
                var changed = mapping
                try plan.replace { (output: inout Buffer) throws(AdapterFailure) in
                    try inbound(rewrite, fields.value(at: index), scope, &changed, into: &output)
                }
                mapping = changed
            case nil:
                let isDropped =
                    (mapsResponse && known.selectsRepresentation)
                    || (mapsRequest && known.describesCoding)
                    || (known.isWebSockets && !operation.isWebSocket)
                    || (kind == .store && !known.isHarmlessInRequest && !known.isWebSockets)
                plan.append(isDropped ? .drop : .pass)
            }
        }
    }

    /// What is done with the request's body.
    package func requestBody(_ mapping: RequestMapping) -> BodyPlan {
        if let native { return nativeRequestBody(native, mapping) }
        return switch operations[mapping.operation].request {
        case .none: .none
        case .opaque: .opaque
        case .mapped, .form: mapping.hasBody ? .json(maximumBytes: maximumBodyBytes) : .none
        }
    }

    /// Whether the request's body can be rewritten as it comes: nothing else depends on it, and no owner has to be asked for.
    package func streamsRequest(_ mapping: RequestMapping) -> Bool {
        let operation = operations[mapping.operation]
        guard case .mapped = operation.request, !remembersOwners else { return false }
        return operation.alternative == nil && !operation.isLocal
    }

    /// - Returns: whether it has to be decoded before it is read.
    private func checkBody(
        _ operation: AdapterOperation,
        _ fields: borrowing Fields,
        _ length: BodyLength
    ) throws(AdapterFailure) -> Bool {
        let body = operation.request
        switch body {
        case .opaque: return false
        case .none:
            if length != .none, length != .fixed(0) { throw AdapterFailure(.bodyUndeclared) }
            return false
        case .mapped, .form: break
        }
        if case .fixed(let count) = length, count > maximumBodyBytes {
            throw AdapterFailure(.bodyTooLarge)
        }
        // A store that is sent no body might take its own defaults for what is pinned.
        if length == .none || length == .fixed(0) { throw AdapterFailure(.bodyInvalid) }
        let isCompressed = MediaType.isGZip(fields)
        if !isCompressed, !MediaType.isPlain(fields) { throw AdapterFailure(.contentCodingRefused) }
        var isExpected = false
        switch body {
        case .mapped(.lines):
            isExpected = MediaType.isJSON(fields, documentType) || MediaType.isLines(fields)
        case .form: isExpected = MediaType.isForm(fields)
        case .mapped, .none, .opaque:
            isExpected =
                MediaType.isJSON(fields, documentType) || (operation.isBlob && MediaType.isBlob(fields))
        }
        if !isExpected { throw AdapterFailure(.contentTypeRefused) }
        return isCompressed
    }

    private func checkAlone(_ index: Int, _ fields: borrowing Fields) throws(AdapterFailure) {
        if fields.occurrences(named: fields.name(at: index)) > 1 { throw AdapterFailure(.headerDuplicate) }
    }
}

extension AdapterBody {
    var isMapped: Bool {
        switch self {
        case .none, .opaque: false
        case .mapped, .form: true
        }
    }
}

/// What the headers say of a body.
enum MediaType {
    /// No content coding but `identity`.
    static func isPlain(_ fields: borrowing Fields) -> Bool {
        var next = fields.first(.contentEncoding)
        while let index = next {
            if !fields.value(at: index).equalsIgnoringCase("identity") { return false }
            next = fields.first(.contentEncoding, from: index + 1)
        }
        return true
    }

    /// Exactly one content coding, and that is `gzip` (also called `x-gzip`, RFC 9110 §8.4.1.3).
    static func isGZip(_ fields: borrowing Fields) -> Bool {
        guard fields.occurrences(.contentEncoding) == 1, let index = fields.first(.contentEncoding) else {
            return false
        }
        let value = fields.value(at: index).trimmingOWS()
        return value.equalsIgnoringCase("gzip") || value.equalsIgnoringCase("x-gzip")
    }

    /// JSON, one document, under the name that the protocol has for it.
    static func isJSON(_ fields: borrowing Fields, _ type: StaticString) -> Bool { has(fields, type) }

    /// JSON as any protocol of AWS calls it.
    static func isOfAWS(_ fields: borrowing Fields) -> Bool {
        has(fields, "application/json") || has(fields, "application/x-amz-json-1.0")
            || has(fields, "application/x-amz-json-1.1")
    }

    /// Bytes, or nothing said of them.
    static func isBlob(_ fields: borrowing Fields) -> Bool {
        fields.first(.contentType) == nil || has(fields, "application/octet-stream")
    }

    /// JSON, one document a line.
    static func isLines(_ fields: borrowing Fields) -> Bool {
        has(fields, "application/x-ndjson") || has(fields, "application/ndjson")
    }

    static func isForm(_ fields: borrowing Fields) -> Bool {
        has(fields, "application/x-www-form-urlencoded")
    }

    static func isEvents(_ fields: borrowing Fields) -> Bool { has(fields, "text/event-stream") }

    /// One Content-Type, of that type, in UTF-8: in another charset the bytes would mean something else to whoever heeds
    /// it.
    private static func has(_ fields: borrowing Fields, _ type: StaticString) -> Bool {
        guard fields.occurrences(.contentType) == 1, let index = fields.first(.contentType) else {
            return false
        }
        let value = fields.value(at: index)
        let end = value.firstIndex(of: UInt8(ascii: ";")) ?? value.count
        guard value.extracting(0..<end).trimmingOWS().equalsIgnoringCase(type) else {
            return false
        }
        if end == value.count { return true }
        let parameter = value.extracting((end + 1)..<value.count).trimmingOWS()
        return parameter.isEmpty || parameter.equalsIgnoringCase("charset=utf-8")
            || parameter.equalsIgnoringCase("charset=\"utf-8\"")
    }
}
