// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto

// Of two fields of one value, one may change while the other is read, if neither is reached through a property.

extension Buffer {
    mutating func append(all other: borrowing Buffer) { append(other.bytes) }
    mutating func append(_ range: ByteRange, of other: borrowing Buffer) {
        append(other.bytes.extracting(range))
    }
}

extension SHA256Hasher {
    mutating func update(all buffer: borrowing Buffer) { update(buffer.bytes) }
}

extension DayKey {
    mutating func sign(all text: borrowing Buffer) -> Digest { sign(text.bytes) }
}
