// SPDX-License-Identifier: Apache-2.0
import Bytes
internal import CNGHTTP2
import HTTPTypes

/// What the library said, before it is judged.
enum RawEvent {
    case head(Int32)
    case data(Int32, Range<Int>)
    case trailers(Int32, ends: Bool)
    case ended(Int32)
    case refused(Int32, HTTP2Error.Reason)
    case drained(Int32)
    case closed(Int32, UInt32)
    case goAway(Int32, UInt32)
    case settings
}

/// What the callbacks write to: heap-allocated by the session, since the library keeps its address. They append here and
/// do nothing else; what follows from it happens outside of the library.
@unsafe
struct SessionCore: ~Copyable {
    let limits: HTTP2Limits
    let isServer: Bool
    var streams = StreamTable()
    var events: [RawEvent] = []
    var nextEvent = 0
    var now = Instant(nanoseconds: 0)
    /// Why the library was told to stop.
    var fault: HTTP2Error.Reason?
    /// The code of a GOAWAY that the library has sent for something that the peer did.
    var sentGoAway: ErrorCode?
    var history = StreamHistory()
    var lastOpened: Int32 = 0
    /// Streams whose trailers, or whose end, must be submitted once the library is not running.
    var trailersDue: [Int32] = []
    var resetsDue: [Int32] = []
    var pingAnswered = false
    /// A notice that the connection will end was sent; what tells that it was heard is to follow.
    var pingDue = false
    /// We have said that no new stream is taken.
    var refusesStreams = false

    /// The input that is being read; ranges of events count from here.
    var inputBase: UnsafePointer<UInt8>?
    /// Where frames go, and how many bytes may wait there before bodies stop.
    var output: UnsafeMutablePointer<Buffer>?
    var outputLimit = 0

    /// Bytes of bodies that have gone out, ever.
    var bodyBytesSent = 0
    /// A body has waited for room in the output.
    var outputWasFull = false
    private var continuations = 0
    private var resets: FloodGauge
    private var settings: FloodGauge
    private var pings: FloodGauge
    private var emptyFrames: FloodGauge
    private var otherFrames: FloodGauge
    private var windowUpdates: FloodGauge

    init(_ limits: HTTP2Limits, isServer: Bool) {
        unsafe self.limits = limits
        unsafe self.isServer = isServer
        unsafe inputBase = nil
        unsafe output = nil
        unsafe resets = FloodGauge(limit: limits.resets, per: limits.interval)
        unsafe settings = FloodGauge(limit: limits.settings, per: limits.interval)
        unsafe pings = FloodGauge(limit: limits.pings, per: limits.interval)
        unsafe emptyFrames = FloodGauge(limit: limits.emptyFrames, per: limits.interval)
        unsafe otherFrames = FloodGauge(limit: limits.otherFrames, per: limits.interval)
        unsafe windowUpdates = FloodGauge(limit: limits.windowUpdates, per: limits.interval)
    }

    // MARK: frames

    /// A frame's header has come; what is before it was taken in.
    /// - Returns: false when the connection must end.
    mutating func frameBegan(_ header: FrameHeader) -> Bool {
        let now = unsafe self.now
        let isEmpty = header.length == 0
        let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let endsHeaders = header.flags & UInt8(NGHTTP2_FLAG_END_HEADERS.rawValue) != 0
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_DATA:
            guard unsafe !isServer || isAlive(header.stream, opens: false) else { return false }
            return unsafe !isEmpty || endsStream || check(emptyFrames.add(at: now), .emptyFrames)
        case NGHTTP2_HEADERS:
            unsafe continuations = 0
            if isEmpty, !endsHeaders, unsafe !check(emptyFrames.add(at: now), .emptyFrames) { return false }
            return unsafe !isServer || isAlive(header.stream, opens: true)
        case NGHTTP2_CONTINUATION:
            unsafe continuations += 1
            guard unsafe check(continuations <= limits.continuations, .continuations) else { return false }
            return unsafe !isEmpty || endsHeaders || check(emptyFrames.add(at: now), .emptyFrames)
        case NGHTTP2_PRIORITY where header.stream == 0:
            unsafe fault = .protocolViolation(.protocolError)
            return false
        case NGHTTP2_SETTINGS: return unsafe check(settings.add(at: now), .settings)
        case NGHTTP2_PING: return unsafe check(pings.add(at: now), .pings)
        case NGHTTP2_WINDOW_UPDATE: return unsafe check(windowUpdates.add(at: now), .windowUpdates)
        case NGHTTP2_RST_STREAM, NGHTTP2_GOAWAY, NGHTTP2_PUSH_PROMISE: return true
        default: return unsafe check(otherFrames.add(at: now), .otherFrames)
        }
    }

    /// The library lets frames on a stream that is gone pass without a word, since it does not remember which there
    /// were (RFC 9113 §5.1, §5.1.1).
    private mutating func isAlive(_ id: Int32, opens: Bool) -> Bool {
        guard id & 1 == 1, unsafe streams.find(id)?.isClosed ?? true else { return true }
        switch unsafe opens ? history.opens(id) : history.verdict(id) {
        case .new:
            // One that will be refused: what belongs to it may be on its way already.
            if opens, unsafe refusesStreams || streams.count >= limits.concurrentStreams {
                unsafe history.reset(id)
            }
            return true
        case .resetByUs: return true
        case .skipped: unsafe fault = .streamIDReused
        case .closed: unsafe fault = .streamClosed
        }
        return false
    }

    private mutating func check(_ isFine: Bool, _ flood: HTTP2Error.Flood) -> Bool {
        if !isFine { unsafe fault = .flood(flood) }
        return isFine
    }

    /// A head or trailers begin.
    mutating func blockBegan(_ id: Int32) {
        if let state = unsafe streams.find(id), !state.isClosed {
            if state.hasHead { state.trailers.removeAll() } else { state.head.removeAll() }
        } else if unsafe isServer {
            unsafe lastOpened = max(lastOpened, id)
            unsafe streams.open(id).head.removeAll()
        }
    }

    /// One field of a block.
    /// - Returns: false when the block is so large that the peer means no good.
    mutating func field(_ id: Int32, _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) -> Bool {
        guard let state = unsafe streams.find(id) else { return true }
        let limits = unsafe self.limits
        if state.hasHead {
            state.trailers.append(
                name: name,
                value: value,
                listBytes: limits.trailerBytes,
                fieldBytes: limits.fieldBytes,
                count: limits.trailerCount
            )
        } else {
            state.head.append(
                name: name,
                value: value,
                listBytes: limits.headerListBytes,
                fieldBytes: limits.fieldBytes,
                count: limits.fieldCount
            )
        }
        // A little over the limit is answered; references to one large field, again and again, are an attack on time.
        let listBytes = state.hasHead ? state.trailers.listBytes : state.head.listBytes
        if listBytes / 8 <= limits.headerListBytes { return true }
        unsafe fault = .flood(.headerBytes)
        return false
    }

    /// A block is whole.
    mutating func blockEnded(_ id: Int32, endsStream: Bool) {
        guard let state = unsafe streams.find(id) else { return }
        if state.hasHead {
            unsafe events.append(.trailers(id, ends: endsStream))
        } else if unsafe !isServer, state.head.isInterim {
            let isNone = endsStream || state.head.switchesProtocols
            state.head.removeAll()
            state.interimCount += 1
            if isNone { return unsafe events.append(.refused(id, .unexpectedResponse)) }
            if unsafe state.interimCount > limits.interimCount {
                unsafe events.append(.refused(id, .tooManyInterim))
            }
            return
        } else {
            state.hasHead = true
            state.headEndsStream = endsStream
            unsafe events.append(.head(id))
        }
        if endsStream { unsafe streamEnded(id) }
    }

    mutating func streamEnded(_ id: Int32) {
        unsafe streams.find(id)?.hasEnded = true
        unsafe events.append(.ended(id))
    }

    mutating func data(_ id: Int32, _ start: UnsafePointer<UInt8>, _ count: Int) {
        guard let base = unsafe inputBase, count > 0 else { return }
        let offset = unsafe start - base
        unsafe events.append(.data(id, offset..<offset + count))
    }

    /// - Returns: false when streams end like this too often.
    mutating func streamClosed(_ id: Int32, _ code: UInt32) -> Bool {
        guard let state = unsafe streams.find(id) else { return true }
        state.isClosed = true
        if state.isReset { unsafe history.reset(id) }
        unsafe events.append(.closed(id, code))
        // What we end for reasons of our own, or of an upstream's, is not held against the caller.
        guard unsafe isServer, code != ErrorCode.noError.rawValue, !state.isOurDoing else { return true }
        return unsafe check(resets.add(at: now), .resets)
    }

    // MARK: what is sent

    /// How much of a body may go now. The bytes themselves are taken by `take`.
    mutating func available(_ state: StreamState, upTo count: Int) -> (count: Int, isLast: Bool)? {
        let taken = min(count, state.pending.count)
        let isLast = state.ends && taken == state.pending.count
        if taken == 0, !isLast {
            state.isDeferred = true
            return nil
        }
        if isLast, !state.trailersToSend.isEmpty { unsafe trailersDue.append(state.id) }
        return (taken, isLast)
    }

    /// - Returns: false when the output is full.
    mutating func take(_ state: StreamState, header: UnsafeBufferPointer<UInt8>, count: Int) -> Bool {
        guard let output = unsafe output, unsafe output.pointee.count < outputLimit else {
            unsafe outputWasFull = true
            return false
        }
        unsafe bodyBytesSent &+= count
        // Safe because the library lends the frame's header for this call, and the buffer is attached.
        unsafe output.pointee.append(Span(_unsafeElements: header))
        unsafe output.pointee.append(0..<count, of: state.pending)
        state.pending.consume(count)
        unsafe windowUpdates.credit(10)
        if let mark = state.drainMark, state.pending.count <= mark {
            state.drainMark = nil
            unsafe events.append(.drained(state.id))
        }
        return true
    }

    /// We have ended a stream that the peer has not: it need not send the rest (RFC 9113 §8.1).
    mutating func sentEnd(_ id: Int32) {
        guard unsafe isServer, let state = unsafe streams.find(id), !state.hasEnded else { return }
        unsafe resetsDue.append(id)
    }
}
