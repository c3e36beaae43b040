// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import CNGHTTP2
package import HTTPTypes

/// One HTTP/2 connection over the caller's byte queues: what both sides of it have in common. It owns nghttp2's session
/// and the state of each stream; no socket, no clock.
///
///     session.received(input.bytes, now: now)                  // all of it is taken
///     while let event = session.nextEvent() { handle(event) }  // ranges are of that input
///     input.consume(all)
///     session.send(into: &output, upTo: window)                // then flush; also after anything was submitted
///     while let event = session.nextEvent() { … }              // `.drained`
///     if session.isDone { flush, then close }
///
/// Each stream, towards the peer (reading) and from it (writing):
///
///     reading:  head ──▶ body ──▶ ended        writing:  awaiting ──▶ body ──▶ ended
///        └────────┴─ malformed, or RST_STREAM either way ──┴──────────┴──▶ closed
///
/// Flow control is by hand: a stretch of a body counts against the peer's windows until `consumed` says that it was
/// passed on.
/// Cost: nghttp2 allocates for each stream and frame; this layer does not, once it is warm.
@safe
package struct Session: ~Copyable {
    let raw: OpaquePointer
    let core: UnsafeMutablePointer<SessionCore>
    /// What `FieldText` lends to the library, kept for its storage.
    var vectors: [nghttp2_nv]
    var text = FieldText()
    var crumbs = Buffer()
    private var closing: Int32 = 0
    private var scanner: FrameScanner
    private var isDraining = false
    private var hasDrained = false
    var lastWordSent = false
    /// Since when the peer is at something that holds up all streams: a head, or another frame that is no body's. Nil
    /// between them, and while a body's frame comes.
    package private(set) var headBeganAt: Instant?
    /// Why the connection must end; nil while it is well. What is still to be sent says so to the peer.
    package internal(set) var failure: HTTP2Error?
    /// The last message's, from its `.ended` on.
    package private(set) var trailers = Fields()

    init(isServer: Bool, limits: HTTP2Limits) {
        let core = UnsafeMutablePointer<SessionCore>.allocate(capacity: 1)
        unsafe core.initialize(to: SessionCore(limits, isServer: isServer))
        // Safe because the core lives until the session, which keeps its address, is gone.
        unsafe self.core = core
        unsafe vectors = []
        scanner = FrameScanner(skipping: isServer ? ServerSession.preface.utf8CodeUnitCount : 0)
        unsafe raw = Self.make(isServer: isServer, limits, core)
        unsafe Self.submitSettings(raw, isServer: isServer, limits)
    }

    deinit {
        unsafe nghttp2_session_del(raw)
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    private static func make(
        isServer: Bool,
        _ limits: HTTP2Limits,
        _ core: UnsafeMutablePointer<SessionCore>
    ) -> OpaquePointer {
        var madeOption: OpaquePointer?
        guard unsafe nghttp2_option_new(&madeOption) == 0, let option = unsafe madeOption else {
            preconditionFailure("out of memory")
        }
        // Safe because the library copies what it needs from the option.
        defer { unsafe nghttp2_option_del(option) }
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        // What a message may be is judged here, in one place and with a reason.
        unsafe nghttp2_option_set_no_http_messaging(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, limits.queuedFrames)
        // Counted here: the library takes a frame's header that comes in pieces for several.
        unsafe nghttp2_option_set_max_continuations(option, Int(Int32.max))
        // Counted here, too, by the time that we are given.
        unsafe nghttp2_option_set_stream_reset_rate_limit(option, 1 << 40, 1 << 40)
        unsafe nghttp2_option_set_max_send_header_block_length(option, 1 << 20)
        unsafe nghttp2_option_set_peer_max_concurrent_streams(option, 100)
        var made: OpaquePointer?
        let result =
            unsafe isServer
            ? nghttp2_session_server_new2(&made, SessionCallbacks.raw, core, option)
            : nghttp2_session_client_new2(&made, SessionCallbacks.raw, core, option)
        guard result == 0, let raw = unsafe made else { preconditionFailure("out of memory") }
        return unsafe raw
    }

    private static func submitSettings(_ raw: OpaquePointer, isServer: Bool, _ limits: HTTP2Limits) {
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(clamping: min(limits.streamWindowBytes, Int(Int32.max)))
            ),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: limits.headerListBytes)
            ),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue),
                value: 1
            ),
        ]
        if isServer {
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                    value: UInt32(clamping: limits.concurrentStreams)
                )
            )
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL.rawValue),
                    value: 1
                )
            )
        } else {
            entries.append(
                nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0)
            )
        }
        // Safe because the library copies the entries.
        let result = unsafe entries.withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count)
        }
        precondition(result == 0, "settings of ours are invalid")
        let window = Int32(clamping: max(limits.connectionWindowBytes, 65_535))
        unsafe nghttp2_session_set_local_window_size(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window)
    }

    // MARK: state

    /// Streams that are open, or whose end was not told yet.
    package var streamCount: Int { unsafe core.pointee.streams.count }

    /// Nothing more comes and nothing is left to say: the connection may be closed once the output is flushed.
    package var isDone: Bool {
        if failure != nil { return lastWordSent }
        return unsafe nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
    }

    /// Whether `send` would write something, if the peer's windows let it.
    package var wantsToSend: Bool {
        if failure != nil { return !lastWordSent }
        return unsafe nghttp2_session_want_write(raw) != 0
    }

    /// As the peer's settings say; unlimited until they are known.
    package var peerMaximumStreams: Int {
        let value = unsafe nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return Int(min(value, UInt32(Int32.max)))
    }

    /// The peer takes WebSockets (RFC 8441 §3).
    package var peerAllowsConnect: Bool {
        unsafe nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// Bytes of bodies that were sent, ever: whether a peer that has much to read reads at all.
    package var bodyBytesSent: Int { unsafe core.pointee.bodyBytesSent }

    /// Whether a body has stopped in `send` for want of room, and not of the peer's window.
    package var hasBodiesToSend: Bool { unsafe failure == nil && core.pointee.outputWasFull }

    /// Bytes that wait in a stream for the peer's window, or for room in the output.
    package func pendingBytes(_ id: StreamID) -> Int { state(id)?.pending.count ?? 0 }

    /// Whether a response may be begun on a stream.
    package func awaitsResponse(_ id: StreamID) -> Bool {
        guard let state = state(id) else { return false }
        return !state.hasAnswered && !state.isReset && !state.isClosed
    }

    /// Whether a body was ended, though some of it may wait.
    package func hasFinished(_ id: StreamID) -> Bool { state(id)?.ends ?? true }

    func state(_ id: StreamID) -> StreamState? { unsafe core.pointee.streams.find(id.rawValue) }

    // MARK: reading

    /// Takes all of `input`. Every event that comes of it must be taken before the next call.
    package mutating func received(_ input: borrowing Span<UInt8>, now: Instant) {
        guard failure == nil, !input.isEmpty else { return }
        unsafe core.pointee.now = now
        var taken = 0
        var next = 0
        while let header = scanner.next(in: input, from: &next) {
            // What was under way has come to its end, unless it is a block that goes on in this frame.
            if !header.continuesBlock { headBeganAt = nil }
            // The header's own bytes wait until it was looked at, as far as they are in this input.
            let start = max(next - FrameHeader.count, taken)
            guard take(input, taken..<start) else { return }
            taken = start
            guard unsafe core.pointee.frameBegan(header) else {
                return fail(unsafe core.pointee.fault ?? .protocolViolation(.protocolError))
            }
        }
        guard take(input, taken..<input.count) else { return }
        headBeganAt = scanner.isWithinHead ? headBeganAt ?? now : nil
        if isDraining, unsafe core.pointee.pingAnswered {
            isDraining = false
            unsafe core.pointee.refusesStreams = true
            let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
            unsafe nghttp2_submit_goaway(
                raw,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                last,
                ErrorCode.noError.rawValue,
                nil,
                0
            )
        }
    }

    /// - Returns: false when the connection must end.
    private mutating func take(_ input: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return true }
        // Safe because the input is lent for this call, and detached before it ends.
        let result = unsafe input.withUnsafeBufferPointer { bytes in
            unsafe core.pointee.inputBase = bytes.baseAddress
            let start = unsafe bytes.baseAddress.map { unsafe $0 + range.lowerBound }
            let result = unsafe nghttp2_session_mem_recv(raw, start, range.count)
            unsafe core.pointee.inputBase = nil
            return result
        }
        guard result < 0 else { return true }
        fail(Self.reason(Int32(clamping: result), unsafe core.pointee.fault))
        return false
    }

    private static func reason(_ code: Int32, _ fault: HTTP2Error.Reason?) -> HTTP2Error.Reason {
        switch nghttp2_error(code) {
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .invalidPreface
        case NGHTTP2_ERR_FLOODED: .flood(.queuedFrames)
        default: fault ?? .protocolViolation(.internalError)
        }
    }

    /// The next thing that came; nil when all was told.
    package mutating func nextEvent() -> Event? {
        if closing != 0 {
            unsafe core.pointee.streams.close(closing)
            closing = 0
        }
        while unsafe core.pointee.nextEvent < core.pointee.events.count {
            let event = unsafe core.pointee.events[core.pointee.nextEvent]
            unsafe core.pointee.nextEvent += 1
            if let told = judge(event) { return told }
        }
        unsafe core.pointee.events.removeAll(keepingCapacity: true)
        unsafe core.pointee.nextEvent = 0
        return nil
    }

    /// What the library said, as the caller is told: what is no message is refused here.
    private mutating func judge(_ event: RawEvent) -> Event? {
        switch event {
        case .settings: return .settings
        case .goAway(let last, let code): return .goAway(last: StreamID(last), ErrorCode(rawValue: code))
        case .drained(let id): return .drained(StreamID(id))
        case .closed(let id, let code):
            closing = id
            return .closed(StreamID(id), ErrorCode(rawValue: code))
        case .head(let id): return .head(StreamID(id))
        case .data(let id, let range):
            guard let state = unsafe core.pointee.streams.find(id), !state.isReset, state.hasHead else {
                consume(id, range.count)
                return nil
            }
            state.received += range.count
            if let expected = state.expected, state.received > expected {
                consume(id, range.count)
                return refuse(id, .contentLengthMismatch)
            }
            return .data(StreamID(id), range)
        case .trailers(let id, let ends):
            guard let state = unsafe core.pointee.streams.find(id), !state.isReset else { return nil }
            guard ends else { return refuse(id, .headersInBody) }
            do throws(HTTP2Error) {
                try HeadReader.trailers(state.trailers, into: &trailers)
            } catch {
                return refuse(id, error.reason)
            }
            return nil
        case .ended(let id):
            guard let state = unsafe core.pointee.streams.find(id), !state.isReset else { return nil }
            if let expected = state.expected, state.received != expected {
                return refuse(id, .contentLengthMismatch)
            }
            if state.trailers.isEmpty { trailers.removeAll() }
            return .ended(StreamID(id))
        case .refused(let id, let reason):
            guard let state = unsafe core.pointee.streams.find(id), !state.isReset else { return nil }
            return refuse(id, reason)
        }
    }

    private mutating func refuse(_ id: Int32, _ reason: HTTP2Error.Reason) -> Event {
        let error = HTTP2Error(reason, unsafe core.pointee.isServer ? .request : .response)
        reset(StreamID(id), .protocolError, isOurDoing: false)
        return .refused(StreamID(id), error)
    }

    /// So many bytes of a stream's body were passed on, or dropped: the peer may send as many more.
    package mutating func consumed(_ count: Int, on id: StreamID) { consume(id.rawValue, count) }

    private func consume(_ id: Int32, _ count: Int) {
        guard count > 0, failure == nil else { return }
        if unsafe core.pointee.streams.find(id)?.isClosed ?? true {
            unsafe nghttp2_session_consume_connection(raw, count)
        } else {
            unsafe nghttp2_session_consume(raw, id, count)
        }
    }

    // MARK: endings

    /// Takes no new streams: says so at once, and once more when the peer has heard it, so that none that was on its way is
    /// lost (RFC 9113 §6.8). `isDone` follows when the last stream has ended.
    package mutating func drain() {
        guard failure == nil, !hasDrained else { return }
        hasDrained = true
        isDraining = true
        unsafe core.pointee.pingAnswered = false
        unsafe nghttp2_submit_shutdown_notice(raw)
    }

    /// Ends the connection now.
    package mutating func fail(_ reason: HTTP2Error.Reason) {
        guard failure == nil else { return }
        failure = HTTP2Error(reason, unsafe core.pointee.isServer ? .request : .response)
    }

    /// Hands over what `trailers` holds.
    package mutating func takeTrailers(into fields: inout Fields) { swap(&trailers, &fields) }

    /// Gives back what nobody needs while no stream is open.
    package mutating func trim() {
        unsafe core.pointee.streams.trim()
        unsafe core.pointee.events = []
        unsafe vectors = []
    }
}
