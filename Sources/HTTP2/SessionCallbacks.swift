// SPDX-License-Identifier: Apache-2.0
import Bytes
internal import CNGHTTP2
import HTTPTypes

/// The functions that the library calls. Each finds the session's core and appends to it; none calls the library.
/// Made once per process.
enum SessionCallbacks {
    nonisolated(unsafe) static let raw: OpaquePointer = {
        var made: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&made) == 0, let callbacks = unsafe made else {
            preconditionFailure("out of memory")
        }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, blockBegan)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, fieldCame)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameCame)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataCame)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
        return unsafe callbacks
    }()
}

private let failed = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

/// The core of a session, as its callbacks are given it.
private nonisolated func core(_ data: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<SessionCore>? {
    unsafe data?.assumingMemoryBound(to: SessionCore.self)
}

private nonisolated func blockBegan(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let frame = unsafe frame else { return failed }
    unsafe core.pointee.blockBegan(frame.pointee.hd.stream_id)
    return 0
}

private nonisolated func fieldCame(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ name: UnsafePointer<UInt8>?,
    _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?,
    _ valueCount: Int,
    _: UInt8,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let frame = unsafe frame else { return failed }
    // Safe because the library lends both for the length of this call.
    let nameSpan = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: name, count: nameCount))
    let valueSpan = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: value, count: valueCount))
    return unsafe core.pointee.field(frame.pointee.hd.stream_id, nameSpan, valueSpan) ? 0 : failed
}

private nonisolated func frameCame(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let frame = unsafe frame else { return failed }
    let header = unsafe frame.pointee.hd
    let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
    let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS: unsafe core.pointee.blockEnded(header.stream_id, endsStream: endsStream)
    case NGHTTP2_DATA: if endsStream { unsafe core.pointee.streamEnded(header.stream_id) }
    case NGHTTP2_SETTINGS: if !isAcknowledgement { unsafe core.pointee.events.append(.settings) }
    case NGHTTP2_PING: if isAcknowledgement { unsafe core.pointee.pingAnswered = true }
    case NGHTTP2_GOAWAY:
        let goAway = unsafe frame.pointee.goaway
        unsafe core.pointee.events.append(.goAway(goAway.last_stream_id, goAway.error_code))
    default: break
    }
    return 0
}

private nonisolated func dataCame(
    _: OpaquePointer?,
    _: UInt8,
    _ id: Int32,
    _ start: UnsafePointer<UInt8>?,
    _ count: Int,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let start = unsafe start else { return 0 }
    unsafe core.pointee.data(id, start, count)
    return 0
}

private nonisolated func streamClosed(
    _: OpaquePointer?,
    _ id: Int32,
    _ code: UInt32,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data) else { return failed }
    return unsafe core.pointee.streamClosed(id, code) ? 0 : failed
}

private nonisolated func frameSent(
    _: OpaquePointer?,
    _ frame: UnsafePointer<nghttp2_frame>?,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let frame = unsafe frame else { return failed }
    let header = unsafe frame.pointee.hd
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_GOAWAY:
        let code = unsafe ErrorCode(rawValue: frame.pointee.goaway.error_code)
        if code != .noError { unsafe core.pointee.sentGoAway = code }
        if unsafe frame.pointee.goaway.last_stream_id == Int32.max { unsafe core.pointee.pingDue = true }
    case NGHTTP2_RST_STREAM: unsafe core.pointee.streams.find(header.stream_id)?.isReset = true
    case NGHTTP2_HEADERS, NGHTTP2_DATA:
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
            unsafe core.pointee.sentEnd(header.stream_id)
        }
    default: break
    }
    return 0
}

/// Says how much of a stream's body goes into the next frame.
nonisolated func readBody(
    _: OpaquePointer?,
    _ id: Int32,
    _: UnsafeMutablePointer<UInt8>?,
    _ room: Int,
    _ flags: UnsafeMutablePointer<UInt32>?,
    _: UnsafeMutablePointer<nghttp2_data_source>?,
    _ data: UnsafeMutableRawPointer?
) -> Int {
    guard let core = unsafe core(data), let flags = unsafe flags,
        let state = unsafe core.pointee.streams.find(id)
    else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    guard let (count, isLast) = unsafe core.pointee.available(state, upTo: room) else {
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if isLast {
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if !state.trailersToSend.isEmpty { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
    }
    return count
}

private nonisolated func sendData(
    _: OpaquePointer?,
    _ frame: UnsafeMutablePointer<nghttp2_frame>?,
    _ header: UnsafePointer<UInt8>?,
    _ count: Int,
    _: UnsafeMutablePointer<nghttp2_data_source>?,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let core = unsafe core(data), let frame = unsafe frame,
        let state = unsafe core.pointee.streams.find(frame.pointee.hd.stream_id)
    else { return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    // Safe because a frame's header has nine bytes.
    let head = unsafe UnsafeBufferPointer(start: header, count: 9)
    let isTaken = unsafe core.pointee.take(state, header: head, count: count)
    return isTaken ? 0 : Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue)
}
