// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// What one session's BIO reads from and writes to: the caller's own memory, attached for the length of one call.
/// Heap-allocated by the session, since OpenSSL keeps its address.
@unsafe
struct Wire {
    private var input: UnsafePointer<UInt8>?
    private(set) var remaining = 0
    private var output: UnsafeMutablePointer<Buffer>?
    /// A session that the server offered for resumption; the owner of this struct takes it after the call.
    var offeredSession: OpaquePointer?

    mutating func attach(_ bytes: UnsafeBufferPointer<UInt8>, _ target: UnsafeMutablePointer<Buffer>) {
        unsafe input = bytes.baseAddress
        unsafe remaining = bytes.count
        unsafe output = target
    }

    mutating func detach() {
        unsafe input = nil
        unsafe remaining = 0
        unsafe output = nil
    }

    /// Moves up to `count` bytes into `target`. Zero when the input is used up.
    mutating func read(into target: UnsafeMutableRawPointer, upTo count: Int) -> Int {
        let taken = unsafe min(count, remaining)
        guard taken > 0, let source = unsafe input else { return 0 }
        // Safe because `remaining` bytes are left after `input`, and the caller of the session still lends them.
        unsafe target.copyMemory(from: source, byteCount: taken)
        unsafe input = source + taken
        unsafe remaining -= taken
        return taken
    }

    /// False outside a call, when there is nowhere to write.
    mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let output = unsafe output else { return false }
        // Safe because the buffer is the caller's inout argument for as long as it is attached.
        unsafe output.pointee.append(Span(_unsafeElements: bytes))
        return true
    }

    /// The wire of a session, or nil when its BIO is not ours.
    static func of(_ bio: OpaquePointer?) -> UnsafeMutablePointer<Wire>? {
        unsafe BIO_get_data(bio)?.assumingMemoryBound(to: Wire.self)
    }
}

/// The BIO type whose two ends are a `Wire`. Made once per process.
enum WireMethod {
    nonisolated(unsafe) static let raw: OpaquePointer = {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bulkhead") else {
            preconditionFailure("out of memory")
        }
        unsafe BIO_meth_set_read_ex(method, readWire)
        unsafe BIO_meth_set_write_ex(method, writeWire)
        unsafe BIO_meth_set_ctrl(method, controlWire)
        unsafe BIO_meth_set_create(method, createWire)
        return unsafe method
    }()
}

// Free functions: no closure context, no isolation check. They only move bytes.

nonisolated private func readWire(
    _ bio: OpaquePointer?,
    _ target: UnsafeMutablePointer<CChar>?,
    _ count: Int,
    _ moved: UnsafeMutablePointer<Int>?
) -> Int32 {
    unsafe bulkhead_bio_clear_retry(bio)
    guard let wire = unsafe Wire.of(bio), let target = unsafe target else { return 0 }
    // Safe because the library gives room for `count` bytes.
    let taken = unsafe wire.pointee.read(into: target, upTo: count)
    if taken == 0 {
        unsafe bulkhead_bio_set_retry_read(bio)
        return 0
    }
    unsafe moved?.pointee = taken
    return 1
}

nonisolated private func writeWire(
    _ bio: OpaquePointer?,
    _ source: UnsafePointer<CChar>?,
    _ count: Int,
    _ moved: UnsafeMutablePointer<Int>?
) -> Int32 {
    unsafe bulkhead_bio_clear_retry(bio)
    guard let wire = unsafe Wire.of(bio), let source = unsafe source else { return 0 }
    // Safe because the library gives `count` initialised bytes.
    let bytes = unsafe UnsafeRawPointer(source).assumingMemoryBound(to: UInt8.self)
    guard unsafe wire.pointee.write(UnsafeBufferPointer(start: bytes, count: count)) else { return 0 }
    unsafe moved?.pointee = count
    return 1
}

nonisolated private func controlWire(
    _ bio: OpaquePointer?,
    _ command: Int32,
    _ number: Int,
    _ pointer: UnsafeMutableRawPointer?
) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}

nonisolated private func createWire(_ bio: OpaquePointer?) -> Int32 {
    unsafe BIO_set_init(bio, 1)
    return 1
}
