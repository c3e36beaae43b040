// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A set of field names and prefixes that no message from outside may carry in any spelling that an origin could
/// take for them.
///
/// Names fold as the loosest origins fold them: case is dropped, and every byte that is neither letter nor digit
/// is a hyphen. `_` is read as `-` by everything built on CGI's environment (oauth2-proxy CVE-2025-64484), and old
/// CGI hosts map all other punctuation in the same way, so `X_Tenant_Id` and `x.tenant.id` both fold to `x-tenant-id`.
/// Made once, when the configuration is loaded. Cost of a look-up: a test of two bit sets, and for a name that passes
/// them a comparison with each entry of its length; no allocation.
package struct HeaderFolding: Sendable {
    private struct Entry {
        var start: Int
        var count: Int
        var isPrefix: Bool
    }

    private var folded: [UInt8] = []
    private var entries: [Entry] = []
    /// Bit n: some whole name has n bytes (n up to 63), bit 63 also for longer ones.
    private var lengths: UInt64 = 0
    /// Bit b: some entry begins with folded byte 64 + b, or bit 0 for every other.
    private var nameFirsts: UInt64 = 0
    private var prefixFirsts: UInt64 = 0

    /// - Parameters:
    ///   - names: whole names, in any spelling.
    ///   - prefixes: beginnings of names, in any spelling; an empty one would protect everything and is ignored.
    package init(names: [String], prefixes: [String]) {
        for name in names { add(name, isPrefix: false) }
        for prefix in prefixes { add(prefix, isPrefix: true) }
    }

    package func protects(_ name: borrowing Span<UInt8>) -> Bool {
        guard !name.isEmpty else { return false }
        let first = Self.firstBit(Self.fold(name[0]))
        let mayBeName = nameFirsts & first != 0 && lengths & Self.lengthBit(name.count) != 0
        guard mayBeName || prefixFirsts & first != 0 else { return false }
        let entries = entries.span
        for index in entries.indices {
            let entry = entries[index]
            let fits = entry.isPrefix ? entry.count <= name.count : entry.count == name.count
            if fits, matches(name, entry) { return true }
        }
        return false
    }

    private mutating func add(_ text: String, isPrefix: Bool) {
        let bytes = text.utf8.map(Self.fold)
        guard let first = bytes.first else { return }
        entries.append(Entry(start: folded.count, count: bytes.count, isPrefix: isPrefix))
        folded += bytes
        if isPrefix {
            prefixFirsts |= Self.firstBit(first)
        } else {
            nameFirsts |= Self.firstBit(first)
            lengths |= Self.lengthBit(bytes.count)
        }
    }

    private func matches(_ name: borrowing Span<UInt8>, _ entry: Entry) -> Bool {
        let pattern = folded.span
        for index in 0..<entry.count where Self.fold(name[index]) != pattern[entry.start + index] {
            return false
        }
        return true
    }

    @inline(__always)
    private static func fold(_ byte: UInt8) -> UInt8 {
        ASCII.isAlphanumeric(byte) ? ASCII.lowercased(byte) : UInt8(ascii: "-")
    }

    private static func firstBit(_ folded: UInt8) -> UInt64 {
        ASCII.isLetter(folded) ? 1 << UInt64(folded & 31) : 1
    }

    private static func lengthBit(_ count: Int) -> UInt64 { 1 << UInt64(min(count, 63)) }
}
