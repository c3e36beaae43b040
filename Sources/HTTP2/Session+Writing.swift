// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import CNGHTTP2
package import HTTPTypes

/// Bodies and frames on their way out.
extension Session {
    /// Appends a piece of a body; it goes out as the peer's windows allow. What nobody may see is dropped.
    /// - Throws: `bodyTooLong`: more than was announced. Only `reset` is left.
    package mutating func write(_ data: borrowing Span<UInt8>, on id: StreamID) throws(HTTP2Error) {
        guard let state = state(id), !state.isReset, !state.discardsBody, !data.isEmpty else { return }
        precondition(!state.ends, "a body that has ended goes on")
        if let left = state.announced {
            guard data.count <= left else { throw HTTP2Error(.bodyTooLong, .response) }
            state.announced = left - data.count
        }
        state.pending.append(data)
        wake(state)
    }

    /// Ends a body.
    /// - Throws: `bodyTooShort`: less than was announced. Only `reset` is left.
    package mutating func finish(_ id: StreamID) throws(HTTP2Error) {
        guard let state = state(id), !state.isReset, !state.ends else { return }
        guard state.announced ?? 0 == 0 || state.discardsBody else {
            throw HTTP2Error(.bodyTooShort, .response)
        }
        state.ends = true
        wake(state)
    }

    /// Ends a body with trailers; those that a reader might take for part of the head are left out.
    package mutating func finish(_ id: StreamID, trailers: borrowing Fields) throws(HTTP2Error) {
        if let state = state(id), !state.ends, !state.discardsBody {
            state.trailersToSend.append(trailers, skipping: .forbiddenInTrailers)
        }
        try finish(id)
    }

    private func wake(_ state: StreamState) {
        guard state.isDeferred, !state.isClosed else { return }
        state.isDeferred = false
        unsafe nghttp2_session_resume_data(raw, state.id)
    }

    /// Lets `.drained` be said when a stream's pending bytes fall to `mark`.
    package mutating func tellWhenDrained(_ id: StreamID, to mark: Int) { state(id)?.drainMark = mark }

    /// Ends a stream at once, both ways.
    /// - Parameter isOurDoing: the peer has done nothing wrong; else it counts against `limits.resets`.
    package mutating func reset(_ id: StreamID, _ code: ErrorCode, isOurDoing: Bool = true) {
        guard let state = state(id), !state.isReset else { return }
        state.isReset = true
        state.isOurDoing = isOurDoing
        state.pending.removeAll()
        guard !state.isClosed else { return }
        unsafe nghttp2_submit_rst_stream(
            raw,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            id.rawValue,
            code.rawValue
        )
    }

    /// Appends what is to be sent. Bodies stop when `limit` bytes wait in `output`; frames that control do not, but of
    /// those there is a bounded number.
    package mutating func send(into output: inout Buffer, upTo limit: Int) {
        guard failure == nil else { return sendLastWord(into: &output) }
        unsafe core.pointee.outputWasFull = false
        repeat {
            // Safe because the buffer is lent for this call, and detached before it ends.
            unsafe withUnsafeMutablePointer(to: &output) { target in
                unsafe core.pointee.output = target
                unsafe core.pointee.outputLimit = limit
                var frame: UnsafePointer<UInt8>?
                while true {
                    let count = unsafe nghttp2_session_mem_send(raw, &frame)
                    guard count > 0 else {
                        if count < 0 { fail(unsafe core.pointee.fault ?? .protocolViolation(.internalError)) }
                        break
                    }
                    unsafe target.pointee.append(
                        Span(_unsafeElements: UnsafeBufferPointer(start: frame, count: count))
                    )
                }
                unsafe core.pointee.output = nil
            }
        } while submitDue()
        if failure != nil { return sendLastWord(into: &output) }
        if let code = unsafe core.pointee.sentGoAway {
            failure = HTTP2Error(
                .protocolViolation(code),
                unsafe core.pointee.isServer ? .request : .response
            )
            lastWordSent = true
        }
    }

    /// GOAWAY, written by hand: the library is past being asked.
    private mutating func sendLastWord(into output: inout Buffer) {
        guard !lastWordSent, let failure else { return }
        lastWordSent = true
        guard case .close(let code) = failure.handling else { return }
        let header: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0]
        output.append(header)
        for shift: UInt32 in [24, 16, 8, 0] {
            output.append(
                UInt8(truncatingIfNeeded: UInt32(bitPattern: unsafe core.pointee.lastOpened) >> shift)
            )
        }
        for shift: UInt32 in [24, 16, 8, 0] {
            output.append(UInt8(truncatingIfNeeded: code.rawValue >> shift))
        }
    }

    /// Trailers and resets that came up while the library was at work.
    /// - Returns: whether there is something more to send.
    private mutating func submitDue() -> Bool {
        var hasMore = false
        for id in unsafe core.pointee.trailersDue {
            guard let state = unsafe core.pointee.streams.find(id), !state.isClosed else { continue }
            hasMore = true
            unsafe state.trailersToSend.withVectors(&vectors) {
                _ = unsafe nghttp2_submit_trailer(raw, id, $0, $1)
            }
        }
        for id in unsafe core.pointee.resetsDue {
            hasMore = true
            reset(StreamID(id), .noError)
        }
        if unsafe core.pointee.pingDue {
            unsafe core.pointee.pingDue = false
            hasMore = true
            unsafe nghttp2_submit_ping(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        }
        unsafe core.pointee.trailersDue.removeAll(keepingCapacity: true)
        unsafe core.pointee.resetsDue.removeAll(keepingCapacity: true)
        return hasMore
    }
}
