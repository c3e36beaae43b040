// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A growable byte queue: bytes are appended at the back and consumed from the front.
/// Storage is one raw block, so an append never zero-fills, and `release` gives it back when idle.
/// Cost: appends are one `memcpy`; growth doubles; consuming everything rewinds without moving bytes.
@safe @usableFromInline
package struct Buffer: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>?
    @usableFromInline var capacityBytes = 0
    @usableFromInline var head = 0
    @usableFromInline var tail = 0

    package init() { unsafe base = nil }

    package init(capacity: Int) {
        unsafe base = nil
        grow(to: capacity)
    }

    deinit { unsafe base?.deallocate() }

    @inlinable
    package var count: Int { tail - head }
    @inlinable
    package var isEmpty: Bool { head == tail }
    package var capacity: Int { capacityBytes }

    /// Unconsumed bytes, borrowed from the buffer.
    package var bytes: Span<UInt8> {
        @inlinable @_lifetime(borrow self) borrowing get {
            // Safe because head..<tail is initialised and the span cannot outlive the borrow of self.
            let start = unsafe UnsafeBufferPointer(
                start: base.map { unsafe UnsafePointer($0 + head) },
                count: count
            )
            return unsafe _overrideLifetime(Span(_unsafeElements: start), borrowing: self)
        }
    }

    /// Unconsumed bytes, open for changes in place (a rewrite of the same length).
    package var mutableBytes: MutableSpan<UInt8> {
        @_lifetime(&self) mutating get {
            // Safe because head..<tail is initialised and exclusivity is that of the inout access to self.
            let start = unsafe UnsafeMutableBufferPointer(start: base.map { unsafe $0 + head }, count: count)
            return unsafe _overrideLifetime(MutableSpan(_unsafeElements: start), mutating: &self)
        }
    }

    @inlinable
    package mutating func append(_ span: Span<UInt8>) {
        let count = span.count
        guard count > 0 else { return }
        reserve(count)
        // Safe because reserve made room for `count` bytes after tail, and a span is never this buffer's own
        // free space.
        unsafe span.withUnsafeBufferPointer {
            unsafe (base! + tail).initialize(from: $0.baseAddress!, count: count)
        }
        tail += count
    }

    @inlinable
    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base![tail] = byte
        tail += 1
    }

    @inlinable
    package mutating func append(_ literal: StaticString) {
        let count = literal.utf8CodeUnitCount
        guard count > 0 else { return }
        reserve(count)
        // Safe because a static string's bytes live for the whole process.
        unsafe (base! + tail).initialize(from: literal.utf8Start, count: count)
        tail += count
    }

    /// Appends three pieces at once, as in `"name":"` + text + `"`. Cost: room is looked for once.
    package mutating func append(_ first: StaticString, _ span: Span<UInt8>, _ last: UInt8) {
        let firstCount = first.utf8CodeUnitCount
        let count = span.count
        reserve(firstCount + count + 1)
        // Safe because reserve made room for all three; see above for each.
        unsafe (base! + tail).initialize(from: first.utf8Start, count: firstCount)
        tail += firstCount
        if count > 0 {
            unsafe span.withUnsafeBufferPointer {
                unsafe (base! + tail).initialize(from: $0.baseAddress!, count: count)
            }
            tail += count
        }
        unsafe base![tail] = last
        tail += 1
    }

    package mutating func append(_ array: [UInt8]) { append(array.span) }

    /// Appends a stretch of another buffer's unconsumed bytes.
    package mutating func append(_ range: Range<Int>, of other: borrowing Buffer) {
        append(other.bytes.extracting(range))
    }

    package mutating func append(string: String) {
        var string = string
        string.withUTF8 { utf8 in
            unsafe append(Span(_unsafeElements: utf8))
        }
    }

    /// Appends `value` in decimal.
    package mutating func append(decimal value: Int) {
        if value < 0 {
            append(UInt8(ascii: "-"))
        }
        var magnitude = value.magnitude
        reserve(20)
        var digits = 1
        var limit: UInt = 10
        while digits < 20, magnitude >= limit {
            digits += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        var index = tail + digits
        tail = index
        repeat {
            index -= 1
            unsafe base![index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
            magnitude /= 10
        } while index > tail - digits
    }

    /// Lets `body` write up to `count` bytes into free space and say how many it wrote.
    /// For system calls and C libraries that fill a block of memory.
    package mutating func append<E: Error>(
        upTo count: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) {
        reserve(count)
        let room = unsafe UnsafeMutableRawBufferPointer(start: base.map { unsafe $0 + tail }, count: count)
        let written = unsafe try body(room)
        precondition(written >= 0 && written <= count, "wrote outside the room that was given")
        tail += written
    }

    /// Drops `count` bytes from the front.
    @inlinable
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "consumed more than there is")
        head += count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    @inlinable
    package mutating func removeAll() {
        head = 0
        tail = 0
    }

    /// Shortens the buffer to its first `count` bytes.
    @inlinable
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "cannot truncate to more than there is")
        tail = head + count
    }

    /// Gives the storage back; only an empty buffer may be released.
    package mutating func release() {
        precondition(isEmpty, "released with bytes in it")
        unsafe base?.deallocate()
        unsafe base = nil
        capacityBytes = 0
        head = 0
        tail = 0
    }

    /// Empties the buffer and overwrites its whole storage with zeros, consumed bytes and free room included. Does not
    /// reach blocks that growth gave back before: make room for all of a secret first.
    package mutating func wipe() {
        // Safe because the block is `capacityBytes` long; explicit_bzero is not optimised away.
        if let base = unsafe base { unsafe explicit_bzero(base, capacityBytes) }
        removeAll()
    }

    @inlinable
    package mutating func reserve(_ extra: Int) {
        if capacityBytes - tail >= extra { return }
        makeRoom(extra)
    }

    @usableFromInline
    mutating func makeRoom(_ extra: Int) {
        let live = count
        if head > 0, capacityBytes - live >= extra, live <= head {
            // Safe because the two ranges do not overlap: live <= head.
            unsafe memcpy(base!, base! + head, live)
            head = 0
            tail = live
            return
        }
        grow(to: max(live + extra, capacityBytes * 2, 256))
    }

    private mutating func grow(to capacity: Int) {
        let next = UnsafeMutablePointer<UInt8>.allocate(capacity: max(capacity, 1))
        let live = count
        if live > 0 {
            // Safe because the new block is at least as large as what is live.
            unsafe memcpy(next, base! + head, live)
        }
        unsafe base?.deallocate()
        unsafe base = next
        capacityBytes = max(capacity, 1)
        head = 0
        tail = live
    }
}
