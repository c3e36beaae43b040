// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// Where the pseudo-fields of a request's head stand (RFC 9113 §8.3.1).
struct RequestPseudoFields {
    var method: Int?
    var scheme: Int?
    var path: Int?
    var authority: Int?
    var `protocol`: Int?
    /// Index of the first field that is none of them.
    var end = 0

    init(_ block: borrowing FieldBlock) throws(HTTP2Error) {
        while end < block.count, block.isPseudo(at: end) {
            let name = block.name(at: end)
            if name.equals(":method") {
                try Self.note(end, as: &method)
            } else if name.equals(":scheme") {
                try Self.note(end, as: &scheme)
            } else if name.equals(":path") {
                try Self.note(end, as: &path)
            } else if name.equals(":authority") {
                try Self.note(end, as: &authority)
            } else if name.equals(":protocol") {
                try Self.note(end, as: &self.protocol)
            } else {
                throw HTTP2Error(.pseudoFieldUnknown)
            }
            end += 1
        }
    }

    private static func note(_ index: Int, as place: inout Int?) throws(HTTP2Error) {
        guard place == nil else { throw HTTP2Error(.pseudoFieldRepeated) }
        place = index
    }
}

/// Turns a block of fields into the head that HTTP/1.1 would have given, under the same rules: one canonical path, one
/// authority, one length, or a refusal. What the RFC calls malformed resets the stream; the rest is answered.
enum RequestReader {
    /// - Parameter endsStream: nothing follows the head.
    static func read(
        _ block: borrowing FieldBlock,
        endsStream: Bool,
        into head: inout RequestHead,
        crumbs: inout Buffer
    ) throws(HTTP2Error) -> RequestFacts {
        head.removeAll()
        head.version = .http2
        if let excess = block.excess { throw HTTP2Error(excess) }
        let pseudo = try RequestPseudoFields(block)
        try HeadReader.copyFields(block, from: pseudo.end, to: &head.fields, crumbs: &crumbs)
        guard let method = pseudo.method else { throw HTTP2Error(.pseudoFieldMissing) }
        var facts = RequestFacts()
        try readMethod(block.value(at: method), pseudo, block, into: &head, &facts)
        guard let scheme = pseudo.scheme, let path = pseudo.path else {
            throw HTTP2Error(.pseudoFieldMissing)
        }
        let isWeb = block.value(at: scheme).equals("https") || block.value(at: scheme).equals("http")
        guard isWeb else { throw HTTP2Error(.target(.schemeNotSupported)) }
        try readPath(block.value(at: path), into: &head)
        try readAuthority(pseudo.authority, block, into: &head)
        try readLength(of: head.fields, endsStream: endsStream, &facts)
        facts.acceptsTrailers = head.fields.first(.te) != nil
        if facts.isWebSocket { try checkWebSocket(head.fields, facts) }
        return facts
    }

    private static func readMethod(
        _ name: borrowing Span<UInt8>,
        _ pseudo: RequestPseudoFields,
        _ block: borrowing FieldBlock,
        into head: inout RequestHead,
        _ facts: inout RequestFacts
    ) throws(HTTP2Error) {
        guard name.isToken else { throw HTTP2Error(.invalidMethod) }
        guard let method = Method(name) else { throw HTTP2Error(.methodNotSupported) }
        if let place = pseudo.protocol {
            // Only CONNECT may carry it (RFC 8441 §4); the only tunnel that there is, is a WebSocket.
            guard method == .connect else { throw HTTP2Error(.pseudoFieldUnknown) }
            guard pseudo.authority != nil else { throw HTTP2Error(.pseudoFieldMissing) }
            guard block.value(at: place).equals("websocket") else { throw HTTP2Error(.protocolNotSupported) }
            facts.isWebSocket = true
            head.method = .get
            return
        }
        switch method {
        case .connect: throw HTTP2Error(.connectNotSupported)
        case .trace: throw HTTP2Error(.traceNotSupported)
        case .get, .head, .post, .put, .patch, .delete, .options: head.method = method
        }
    }

    /// Origin form and nothing else: an absolute target would be a second scheme and authority.
    private static func readPath(
        _ path: borrowing Span<UInt8>,
        into head: inout RequestHead
    ) throws(HTTP2Error) {
        guard !path.isEmpty else { throw HTTP2Error(.pseudoFieldMissing) }
        guard path[0] == ASCII.slash else { throw HTTP2Error(.target(.formNotSupported)) }
        do throws(TargetError) {
            try head.setTarget(path)
        } catch {
            throw HTTP2Error(.target(error.reason))
        }
    }

    /// `:authority` and Host must say the same where both are there (RFC 9113 §8.3.1). Whatever is behind the parser
    /// finds a Host field, as in HTTP/1.1.
    private static func readAuthority(
        _ authority: Int?,
        _ block: borrowing FieldBlock,
        into head: inout RequestHead
    ) throws(HTTP2Error) {
        if let authority {
            let value = block.value(at: authority)
            if let host = head.fields.first(.host) {
                guard head.fields.value(at: host).equalsIgnoringCase(value) else {
                    throw HTTP2Error(.hostMismatch)
                }
            } else {
                do throws(FieldError) {
                    try head.fields.append(.host, value: value)
                } catch {
                    throw HTTP2Error(.target(.authorityInvalid))
                }
            }
        }
        do throws(TargetError) {
            try head.resolveAuthority()
        } catch {
            throw HTTP2Error(.target(error.reason))
        }
    }

    private static func readLength(
        of fields: borrowing Fields,
        endsStream: Bool,
        _ facts: inout RequestFacts
    ) throws(HTTP2Error) {
        let length = try HeadReader.contentLength(fields)
        if endsStream {
            guard length ?? 0 == 0 else { throw HTTP2Error(.contentLengthMismatch) }
            facts.length = length == nil ? .none : .fixed(0)
        } else {
            facts.length = length.map { .fixed($0) } ?? .unknown
        }
        if let index = fields.first(.expect) {
            guard fields.value(at: index).equalsIgnoringCase("100-continue"),
                fields.first(.expect, from: index + 1) == nil
            else { throw HTTP2Error(.expectationNotSupported) }
            facts.expectsContinue = !endsStream && length != 0
        }
    }

    /// RFC 8441 §5: as in RFC 6455 §4.2.1, without the key.
    private static func checkWebSocket(
        _ fields: borrowing Fields,
        _ facts: RequestFacts
    ) throws(HTTP2Error) {
        guard facts.length == .unknown, fields.occurrences(.secWebSocketVersion) == 1,
            let version = fields.first(.secWebSocketVersion),
            fields.value(at: version).equals("13"),
            fields.first(.secWebSocketKey) == nil, fields.first(.secWebSocketAccept) == nil
        else { throw HTTP2Error(.invalidWebSocket) }
    }
}
