// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTPTypes

/// What Bulkhead knows of one protocol, compiled from a table in `Config/adapters/`. Immutable, shared by all workers.
///
/// For each request, in this order; every refusal is an `AdapterFailure`, whose words are `writeError`'s:
///
///     let operation = try adapter.match(method, path)               // which operation: action, for the policy
///     var mapping = try adapter.rewriteTarget(operation, path, scope, into: &target)
///     try adapter.planRequest(mapping, fields, scope, into: &plan)  // each header: pass, drop, replace, …
///     switch adapter.requestBody(mapping)                           // none: refuse a body · opaque: stream
///     case .json: try adapter.transformRequest(&mapping, body, scope, into: &output)
///     if operations[operation].isLocal { adapter.answer(mapping, scope, into: &output) } else { forward }
///
///     let body = try adapter.planResponse(mapping, status, fields, authority, scope, into: &plan)
///     case .json: status = try adapter.transformResponse(mapping, status, body, path, scope, into: &output)
///
/// `mapping` is a small value that the exchange keeps until its response; `scope` belongs to the grant. An answer of
/// `transformResponse` has a new length: its framing is the caller's. Cost: with opaque bodies no allocation once the
/// buffers are warm.
package final class Adapter: Sendable {
    package let name: String
    package let kind: AdapterKind
    /// Whether the store can enforce nothing itself, so that a route must say who answers for that (THREATS 17).
    package let isSingleLayer: Bool
    package let operations: [AdapterOperation]
    /// Headers that begin so reach the agent (AgentCore's custom headers), in lower case; nil where all do.
    package let customHeaderPrefix: String?
    /// Bytes that a mapped body may have.
    package let maximumBodyBytes: Int
    /// Of the bodies that `writeError` and `answer` write.
    package var errorContentType: StaticString {
        switch native {
        case nil: documentType
        case .s3: "application/xml"
        case .dynamoDB: "application/x-amz-json-1.0"
        case .containerCredentials: "application/json"
        }
    }
    /// Of bodies that are mapped.
    let documentType: StaticString
    /// What takes the place of a table.
    package let native: NativeStore?
    /// What a service of AWS enforces by itself; nil for all others, and for what is built in.
    package let aws: AdapterAWS?
    /// Whether method and path alone say which operation a request is.
    package let isFoundByPath: Bool

    /// Whether requests name what the route must allow by name.
    package var namesResources: Bool {
        operations.contains { $0.segments.contains(.field(.resource)) }
    }
    /// Whether a compartment must be given something before its first request: see `provision`.
    package var needsProvision: Bool { !provisions.isEmpty }
    let rewrites: [AdapterRewrite]
    let requestHeaders: AdapterHeaders
    let responseHeaders: AdapterHeaders
    let errors: AdapterErrors
    let provisions: [AdapterProvision]
    let routes: AdapterRoutes
    /// What a compartment holds; empty where the table does not say.
    package let contents: [AdapterContents]
    /// What stands in the table for `test`.
    package let examples: [AdapterExample]

    init(
        name: String,
        kind: AdapterKind,
        isSingleLayer: Bool,
        operations: [AdapterOperation],
        customHeaderPrefix: String?,
        maximumBodyBytes: Int,
        rewrites: [AdapterRewrite],
        requestHeaders: AdapterHeaders,
        responseHeaders: AdapterHeaders,
        errors: AdapterErrors,
        provisions: [AdapterProvision],
        contents: [AdapterContents],
        examples: [AdapterExample],
        aws: AdapterAWS? = nil,
        native: NativeStore? = nil
    ) {
        self.native = native
        self.aws = aws
        documentType = aws?.documentType ?? "application/json"
        isFoundByPath = native == nil && !operations.contains { $0.amzTarget != nil }
        self.name = name
        self.kind = kind
        self.isSingleLayer = isSingleLayer
        self.operations = operations
        self.customHeaderPrefix = customHeaderPrefix
        self.maximumBodyBytes = maximumBodyBytes
        self.rewrites = rewrites
        self.requestHeaders = requestHeaders
        self.responseHeaders = responseHeaders
        self.errors = errors
        self.provisions = provisions
        self.contents = contents
        self.examples = examples
        routes = AdapterRoutes(operations)
    }

    /// A built-in protocol.
    convenience init(_ native: NativeStore, operations: [AdapterOperation]) {
        self.init(
            name: native.rawValue,
            kind: .store,
            isSingleLayer: false,
            operations: operations,
            customHeaderPrefix: nil,
            maximumBodyBytes: DynamoDBRequest.maximumBytes,
            rewrites: [],
            requestHeaders: AdapterHeaders(),
            responseHeaders: AdapterHeaders(),
            errors: .none,
            provisions: [],
            contents: [],
            examples: [],
            native: native
        )
    }

    /// The operation that a request is.
    /// - Throws: `operation_unknown`; `operation_refused`; `path_encoding_refused`.
    /// Cost: about 0.1 µs for the largest table, no allocation.
    package func match(
        _ method: Method,
        _ path: borrowing CanonicalPath
    ) throws(AdapterFailure) -> Int {
        guard let index = routes.find(method, path) else { throw AdapterFailure(.operationUnknown) }
        if operations[index].isRefused { throw AdapterFailure(.operationRefused) }
        if path.flags.contains(.hasEncodedSlash) || path.flags.contains(.hasReservedEscapes) {
            try operations[index].checkEncoding(path, rewrites)
        }
        return index
    }

    /// The same for a table whose operations may be told apart by X-Amz-Target.
    package func match(
        _ method: Method,
        _ path: borrowing CanonicalPath,
        _ fields: borrowing Fields
    ) throws(AdapterFailure) -> Int {
        if isFoundByPath { return try match(method, path) }
        guard method == .post, path.pathAndQuery.equals("/"), let field = fields.first(.xAmzTarget) else {
            throw AdapterFailure(.operationUnknown)
        }
        guard fields.occurrences(.xAmzTarget) == 1 else { throw AdapterFailure(.headerDuplicate) }
        let value = fields.value(at: field)
        for index in operations.indices {
            guard let target = operations[index].amzTarget, value.equals(target.span) else { continue }
            if operations[index].isRefused { throw AdapterFailure(.operationRefused) }
            return index
        }
        throw AdapterFailure(.operationUnknown)
    }
}

extension AdapterOperation {
    /// An escaped slash is another path to whoever decodes before he splits, an escape of an escape to whoever
    /// decodes twice. Neither passes in a segment that is not declared opaque.
    func checkEncoding(
        _ path: borrowing CanonicalPath,
        _ rewrites: [AdapterRewrite]
    ) throws(AdapterFailure) {
        for index in 0..<path.segmentCount {
            let flags = path.flags(at: index)
            if flags.isDisjoint(with: [.hasEncodedSlash, .hasReservedEscapes]) || isOpaque(index) {
                continue
            }
            let takesSlashes = takesSlashes(index, rewrites)
            if takesSlashes, !Self.isCleanPath(path, index) {
                throw AdapterFailure(.pathEncodingRefused, segment: index)
            }
            if (flags.contains(.hasEncodedSlash) && !takesSlashes)
                || (flags.contains(.hasReservedEscapes) && Self.hasNestedEscape(path.segment(at: index)))
            {
                throw AdapterFailure(.pathEncodingRefused, segment: index)
            }
        }
    }

    private func isOpaque(_ index: Int) -> Bool {
        switch segments[min(index, segments.count - 1)] {
        case .field(.opaque), .rest(.opaque), .field(.resource): true
        case .literal, .field, .rest: false
        }
    }

    private func takesSlashes(_ index: Int, _ rewrites: [AdapterRewrite]) -> Bool {
        guard case .field(.rewrite(let rewrite)) = segments[min(index, segments.count - 1)] else {
            return false
        }
        return rewrites[rewrite].takesSlashes
    }

    /// Whether whoever decodes before he splits still finds no piece that leads elsewhere.
    private static func isCleanPath(_ path: borrowing CanonicalPath, _ index: Int) -> Bool {
        var plain = Buffer()
        path.decodeSegment(at: index, into: &plain)
        var start = 0
        while start <= plain.count {
            let end = plain.bytes.firstIndex(of: ASCII.slash, from: start) ?? plain.count
            let piece = plain.bytes.extracting(start..<end)
            if piece.isEmpty || piece.equals(".") || piece.equals("..") { return false }
            start = end + 1
        }
        return true
    }

    private static func hasNestedEscape(_ segment: borrowing Span<UInt8>) -> Bool {
        for index in segment.indices where PercentEncoding.escape(in: segment, at: index) == ASCII.percent {
            let rest = segment.extracting((index + 3)..<segment.count)
            guard rest.count >= 2 else { continue }
            if ASCII.hexValue(rest[0]) != nil, ASCII.hexValue(rest[1]) != nil { return true }
        }
        return false
    }
}
