// SPDX-License-Identifier: Apache-2.0
import Bytes
internal import CNGHTTP2
import HTTPTypes

/// Heads, in and out: what the two sides build on.
extension Session {
    /// Reads the head of a request that `.head` has told of.
    /// - Throws: why it is none, or not one that is served. Where that is malformed (`handling` is a reset), the stream is
    ///   being reset already.
    mutating func readRequest(
        _ id: StreamID,
        into head: inout RequestHead
    ) throws(HTTP2Error) -> RequestFacts {
        guard let state = state(id) else { throw HTTP2Error(.streamClosed) }
        do throws(HTTP2Error) {
            let facts = try RequestReader.read(
                state.head,
                endsStream: state.headEndsStream,
                into: &head,
                crumbs: &crumbs
            )
            if case .fixed(let length) = facts.length { state.expected = length }
            state.discardsBody = head.method == .head
            state.expectsContinue = facts.expectsContinue
            return facts
        } catch {
            if case .reset(let code) = error.handling { reset(id, code, isOurDoing: false) }
            throw error
        }
    }

    /// Reads the head of a final response that `.head` has told of.
    mutating func readResponse(
        _ id: StreamID,
        into head: inout ResponseHead
    ) throws(HTTP2Error) -> ResponseFacts {
        guard let state = state(id) else { throw HTTP2Error(.streamClosed, .response) }
        do throws(HTTP2Error) {
            let facts = try ResponseReader.read(
                state.head,
                to: state.method,
                endsStream: state.headEndsStream,
                into: &head,
                crumbs: &crumbs
            )
            if case .fixed(let length) = facts.length, head.status.allowsBody, state.method != .head {
                state.expected = length
            }
            // A body where none may be.
            if !head.status.allowsBody || state.method == .head { state.expected = 0 }
            return facts
        } catch {
            reset(id, .protocolError)
            throw error
        }
    }

    /// Sends a response's head.
    mutating func sendResponse(
        _ id: StreamID,
        status: Status,
        fields: borrowing Fields,
        length: BodyLength
    ) {
        guard let state = state(id), !state.isReset else { return }
        precondition(!state.hasAnswered, "a second response")
        precondition(!status.isInformational, "an interim response is no answer")
        state.hasAnswered = true
        if !status.allowsBody { state.discardsBody = true }
        text.removeAll()
        text.append(":status", decimal: Int(status.rawValue))
        text.append(fields, skipping: .notInResponses)
        // RFC 9110 §8.6: a 304 may repeat the length, a 204 must not have one.
        if case .fixed(let count) = length, status.allowsBody || status == .notModified {
            text.append("content-length", decimal: count)
        }
        let hasBody = !state.discardsBody && length != .none && length != .fixed(0)
        if case .fixed(let count) = length, hasBody { state.announced = count } else { state.announced = nil }
        submit(state, hasBody: hasBody)
    }

    /// Sends the 200 that grants a WebSocket (RFC 8441 §5).
    mutating func sendGrant(_ id: StreamID, fields: borrowing Fields) {
        guard let state = state(id), !state.isReset else { return }
        precondition(!state.hasAnswered, "a second response")
        state.hasAnswered = true
        text.removeAll()
        text.append(":status", decimal: 200)
        text.append(fields, skipping: .notInTunnels)
        submit(state, hasBody: true)
    }

    /// Tells a caller that waits for it that its body is wanted (RFC 9110 §10.1.1).
    mutating func sendContinue(_ id: StreamID) {
        guard let state = state(id), state.expectsContinue, state.received == 0, !state.hasEnded else {
            return
        }
        state.expectsContinue = false
        guard !state.isReset, !state.hasAnswered, !state.isClosed else { return }
        text.removeAll()
        text.append(":status", decimal: 100)
        unsafe text.withVectors(&vectors) {
            _ = unsafe nghttp2_submit_headers(
                raw,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                id.rawValue,
                nil,
                $0,
                $1,
                nil
            )
        }
    }

    private mutating func submit(_ state: StreamState, hasBody: Bool) {
        guard !state.isClosed else { return }
        let id = state.id
        if !hasBody {
            state.ends = true
            state.discardsBody = true
        }
        var provider = unsafe nghttp2_data_provider(
            source: nghttp2_data_source(fd: 0),
            read_callback: readBody
        )
        unsafe text.withVectors(&vectors) { fields, count in
            // Safe because the library copies the fields and the provider.
            _ = unsafe withUnsafePointer(to: &provider) {
                unsafe nghttp2_submit_response(raw, id, fields, count, hasBody ? $0 : nil)
            }
        }
    }

    /// Opens a stream with the head that `writeRequest` has written.
    /// - Returns: nil when no stream can be opened any more: the connection is at its end.
    mutating func sendRequest(_ request: OutgoingHead) -> StreamID? {
        guard failure == nil else { return nil }
        var provider = unsafe nghttp2_data_provider(
            source: nghttp2_data_source(fd: 0),
            read_callback: readBody
        )
        let hasBody = request.isWebSocket || (request.length != .none && request.length != .fixed(0))
        let id = unsafe text.withVectors(&vectors) { vectors, count in
            // Safe because the library copies the fields and the provider.
            unsafe withUnsafePointer(to: &provider) {
                unsafe nghttp2_submit_request(raw, nil, vectors, count, hasBody ? $0 : nil, nil)
            }
        }
        guard id > 0 else { return nil }
        let state = unsafe core.pointee.streams.open(id)
        state.head.removeAll()
        state.method = request.isWebSocket ? .connect : request.method
        state.hasAnswered = true
        state.ends = !hasBody
        state.discardsBody = !hasBody
        if case .fixed(let count) = request.length, hasBody { state.announced = count }
        return StreamID(id)
    }

    /// Writes a request's head into `text`.
    mutating func writeRequest(
        _ request: OutgoingHead,
        target: borrowing Span<UInt8>,
        authority: borrowing Span<UInt8>,
        fields: borrowing Fields
    ) {
        text.removeAll()
        text.append(":method", literal: request.isWebSocket ? Method.connect.name : request.method.name)
        text.append(":scheme", literal: request.isSecure ? "https" : "http")
        if !authority.isEmpty { text.append(":authority", authority) }
        text.append(":path", target)
        if request.isWebSocket { text.append(":protocol", literal: "websocket") }
        text.append(fields, skipping: request.isWebSocket ? .notInTunnels : .notInRequests)
        if request.acceptsTrailers { text.append("te", literal: "trailers") }
        if case .fixed(let count) = request.length { text.append("content-length", decimal: count) }
    }
}

extension KnownFieldSet {
    /// Never copied: what belongs to one hop, and the length, which is written from what is known of it.
    fileprivate static let notInResponses = hopByHop.union([.contentLength])
    /// And Host, which the authority says.
    fileprivate static let notInRequests = notInResponses.union([.host])
    /// And what only the handshake of HTTP/1.1 has.
    fileprivate static let notInTunnels = notInRequests.union([.secWebSocketKey, .secWebSocketAccept])
}
