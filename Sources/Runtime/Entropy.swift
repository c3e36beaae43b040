// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CSystem
import Glibc

/// Random bytes from the system's cryptographic generator, fetched 4 KiB at a time: a call for each id
/// would cost 380 ns. One pool per thread; bytes are handed out once and wiped.
package struct EntropyPool: ~Copyable {
    private static let refillBytes = 4096
    private var pool = Buffer(capacity: refillBytes)

    package init() {}

    /// Appends `count` fresh bytes (at most 4096).
    package mutating func take(_ count: Int, into output: inout Buffer) {
        if pool.count < count { refill() }
        output.append(pool.bytes.extracting(0..<count))
        var spent = pool.mutableBytes
        // Safe because the pool has so many bytes.
        unsafe spent.withUnsafeMutableBufferPointer { bytes in
            unsafe bytes.extracting(0..<count).update(repeating: 0)
        }
        pool.consume(count)
    }

    package mutating func integer() -> UInt64 {
        if pool.count < 8 { refill() }
        var value: UInt64 = 0
        var spent = pool.mutableBytes
        for index in 0..<8 {
            value = value << 8 | UInt64(spent[index])
            spent[index] = 0
        }
        pool.consume(8)
        return value
    }

    package mutating func block() -> [16 of UInt8] {
        var block: [16 of UInt8] = .init(repeating: 0)
        for half in 0..<2 {
            let word = integer()
            for index in 0..<8 {
                block[half * 8 + index] = UInt8(truncatingIfNeeded: word >> UInt64(index * 8))
            }
        }
        return block
    }

    private mutating func refill() {
        pool.removeAll()
        unsafe pool.append(upTo: Self.refillBytes) { room in
            var filled = 0
            while filled < room.count {
                let result = unsafe bulkhead_getrandom(room.baseAddress! + filled, room.count - filled)
                // Without entropy nothing that identifies may be made; the kernel only fails here when
                // interrupted or before it was seeded.
                precondition(result > 0 || errno == EINTR, "the system's random generator failed")
                filled += max(result, 0)
            }
            return filled
        }
    }
}
