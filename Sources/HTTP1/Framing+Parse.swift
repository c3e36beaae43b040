// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

extension RequestFacts {
    /// What a request's fields mean together; removes the fields that its Connection field names.
    init(_ head: inout RequestHead) throws(HTTP1Error) {
        do throws(TargetError) {
            try head.resolveAuthority()
        } catch {
            throw HTTP1Error(.target(error.reason), .request, at: error.offset)
        }
        framing = try BodyFraming(of: head.fields, head.version, .request) ?? .none
        let options = try ConnectionOptions(head.fields, side: .request)
        isHTTP10 = head.version == .http10
        closes = options.closes || isHTTP10
        acceptsTrailers = head.fields.acceptsTrailers
        if let index = head.fields.first(.expect), head.version == .http11 {
            guard head.fields.value(at: index).equalsIgnoringCase("100-continue"),
                head.fields.first(.expect, from: index + 1) == nil
            else { throw HTTP1Error(.expectationNotSupported, .request, at: 0) }
            expectsContinue = framing != .none && framing != .fixed(0)
        }
        try Self.checkForwards(head)
        if options.upgrades, head.version == .http11, head.fields.first(.upgrade) != nil {
            try Self.checkWebSocket(head, framing)
            isWebSocket = true
        }
        if options.namesOthers { ConnectionOptions.removeNominated(from: &head.fields) }
    }

    /// RFC 9110 §7.6.2: who forwards OPTIONS counts Max-Forwards down and answers for the origin at zero. Nothing here
    /// answers for an origin.
    private static func checkForwards(_ head: borrowing RequestHead) throws(HTTP1Error) {
        guard head.method == .options else { return }
        let name: [UInt8] = Array("max-forwards".utf8)
        guard head.fields.first(named: name.span) == nil else {
            throw HTTP1Error(.maxForwardsNotSupported, .request, at: 0)
        }
    }

    /// RFC 6455 §4.2.1. Every other upgrade is refused, `h2c` first among them (THREATS 19).
    private static func checkWebSocket(
        _ head: borrowing RequestHead,
        _ framing: BodyFraming
    ) throws(HTTP1Error) {
        guard let upgrade = head.fields.first(.upgrade), head.fields.occurrences(.upgrade) == 1,
            head.fields.value(at: upgrade).equalsIgnoringCase("websocket")
        else { throw HTTP1Error(.upgradeNotSupported, .request, at: 0) }
        guard head.method == .get, framing == .none,
            let key = head.fields.first(.secWebSocketKey), head.fields.occurrences(.secWebSocketKey) == 1,
            isKey(head.fields.value(at: key)),
            let version = head.fields.first(.secWebSocketVersion),
            head.fields.occurrences(.secWebSocketVersion) == 1,
            head.fields.value(at: version).equals("13")
        else { throw HTTP1Error(.invalidWebSocket, .request, at: 0) }
    }

    /// 16 bytes in base64: 22 characters and `==`.
    private static func isKey(_ value: borrowing Span<UInt8>) -> Bool {
        guard value.count == 24, value[22] == UInt8(ascii: "="), value[23] == UInt8(ascii: "=") else {
            return false
        }
        for index in 0..<22 {
            let byte = value[index]
            guard ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == ASCII.slash else {
                return false
            }
        }
        return true
    }
}

extension ResponseFacts {
    /// What a final response's fields mean together; removes the fields that its Connection field names.
    init(_ head: inout ResponseHead, to method: Method) throws(HTTP1Error) {
        let declared = try BodyFraming(of: head.fields, head.version, .response)
        let options = try ConnectionOptions(head.fields, side: .response)
        if options.namesOthers { ConnectionOptions.removeNominated(from: &head.fields) }
        let allowsBody = head.status.allowsBody && method != .head
        framing = allowsBody ? declared ?? .untilClose : .none
        length = declared?.length ?? (allowsBody ? .unknown : .none)
        closes = options.closes || head.version == .http10 || framing == .untilClose
    }
}

extension BodyFraming {
    /// What Content-Length and Transfer-Encoding say, nil when neither is there (RFC 9112 §6.3). Stricter than the RFC
    /// where readers differ: equal duplicates, signs, lists, leading zeros and CL beside TE are refused.
    init?(
        of fields: borrowing Fields,
        _ version: HTTPVersion,
        _ side: HTTP1Error.Side
    ) throws(HTTP1Error) {
        let length = fields.first(.contentLength)
        if let coding = fields.first(.transferEncoding) {
            guard length == nil else { throw HTTP1Error(.contentLengthWithTransferEncoding, side, at: 0) }
            guard version == .http11 else { throw HTTP1Error(.transferEncodingInHTTP10, side, at: 0) }
            guard fields.first(.transferEncoding, from: coding + 1) == nil else {
                throw HTTP1Error(.invalidTransferEncoding, side, at: 0)
            }
            let value = fields.value(at: coding)
            guard value.equalsIgnoringCase("chunked") else {
                throw HTTP1Error(
                    value.isToken ? .transferEncodingNotSupported : .invalidTransferEncoding,
                    side,
                    at: 0
                )
            }
            self = .chunked
            return
        }
        guard let length else { return nil }
        guard fields.first(.contentLength, from: length + 1) == nil else {
            throw HTTP1Error(.repeatedContentLength, side, at: 0)
        }
        guard let count = fields.value(at: length).contentLength else {
            throw HTTP1Error(.invalidContentLength, side, at: 0)
        }
        self = .fixed(count)
    }
}
