// SPDX-License-Identifier: Apache-2.0
import Bytes

/// An IPv4 or IPv6 address with a prefix length; host bits are kept and count in equality.
/// Source: Cedar language, `ipaddr`; RFC 4291 §2.2 for the text of IPv6.
package struct AddressValue: Hashable, Sendable {
    /// The address in the lower 32 bits for IPv4, in all 128 for IPv6.
    package let bits: UInt128
    package let prefix: UInt8
    package let isIPv6: Bool

    package init(ipv4: UInt32, prefix: UInt8 = 32) {
        precondition(prefix <= 32, "an IPv4 prefix has at most 32 bits")
        bits = UInt128(ipv4)
        self.prefix = prefix
        isIPv6 = false
    }

    package init(ipv6: UInt128, prefix: UInt8 = 128) {
        precondition(prefix <= 128, "an IPv6 prefix has at most 128 bits")
        bits = ipv6
        self.prefix = prefix
        isIPv6 = true
    }

    /// Nil for anything but a dotted quad or RFC 4291 text without embedded IPv4, each with an optional `/n`.
    /// Limit: 43 bytes.
    package init?(_ text: Text) {
        let utf8 = text.string.utf8
        guard utf8.count <= 43 else { return nil }
        let bytes = Array(utf8)
        let slash = bytes.firstIndex(of: ASCII.slash) ?? bytes.count
        let address = bytes[..<slash]
        isIPv6 = address.contains(ASCII.colon)
        let width: UInt8 = isIPv6 ? 128 : 32
        if slash < bytes.count {
            guard let value = AddressValue.prefix(bytes[(slash + 1)...], width: width) else { return nil }
            prefix = value
        } else {
            prefix = width
        }
        guard let bits = isIPv6 ? AddressValue.ipv6(address) : AddressValue.ipv4(address) else { return nil }
        self.bits = bits
    }

    package var isLoopback: Bool {
        isIPv6 ? bits == 1 && prefix == 128 : bits >> 24 == 127 && prefix >= 8
    }

    package var isMulticast: Bool {
        isIPv6 ? bits >> 120 == 0xFF && prefix >= 8 : bits >> 28 == 0xE && prefix >= 4
    }

    /// Whether every address of this network lies in `range`; false across families.
    package func isInRange(_ range: AddressValue) -> Bool {
        isIPv6 == range.isIPv6 && bits & ~hostMask >= range.bits & ~range.hostMask
            && bits | hostMask <= range.bits | range.hostMask
    }

    private var hostMask: UInt128 {
        let hostBits = UInt128((isIPv6 ? 128 : 32) - prefix)
        return hostBits == 128 ? .max : (UInt128(1) << hostBits) - 1
    }

    private static func prefix(_ text: ArraySlice<UInt8>, width: UInt8) -> UInt8? {
        guard (1...(width == 32 ? 2 : 3)).contains(text.count), text.allSatisfy(ASCII.isDigit) else {
            return nil
        }
        if text.count > 1, text.first == UInt8(ascii: "0") { return nil }
        let value = text.reduce(0) { $0 * 10 + Int($1) - 0x30 }
        return value <= Int(width) ? UInt8(value) : nil
    }

    private static func ipv4(_ text: ArraySlice<UInt8>) -> UInt128? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt128 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy(ASCII.isDigit) else { return nil }
            if part.count > 1, part.first == UInt8(ascii: "0") { return nil }
            let value = part.reduce(0) { $0 * 10 + Int($1) - 0x30 }
            guard value <= 255 else { return nil }
            bits = bits << 8 | UInt128(value)
        }
        return bits
    }

    private static func ipv6(_ text: ArraySlice<UInt8>) -> UInt128? {
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var gap = false
        var index = text.startIndex
        let end = text.endIndex
        func colons(at index: Int) -> Bool {
            index + 1 < end && text[index] == ASCII.colon && text[index + 1] == ASCII.colon
        }
        if colons(at: index) {
            gap = true
            index += 2
        }
        while index < end {
            var value: UInt16 = 0
            let start = index
            while index < end, index - start < 4, let digit = ASCII.hexValue(text[index]) {
                value = value << 4 | UInt16(digit)
                index += 1
            }
            guard index > start else { return nil }
            if gap { tail.append(value) } else { head.append(value) }
            if index == end { break }
            if colons(at: index) {
                if gap { return nil }
                gap = true
                index += 2
            } else {
                guard text[index] == ASCII.colon, index + 1 < end else { return nil }
                index += 1
            }
        }
        let count = head.count + tail.count
        guard gap ? count <= 7 : count == 8 else { return nil }
        let groups = head + Array(repeating: 0, count: 8 - count) + tail
        return groups.reduce(UInt128(0)) { $0 << 16 | UInt128($1) }
    }
}

extension AddressValue: CustomStringConvertible {
    /// Without compression of zero groups; the prefix is left out where it is full.
    package var description: String {
        var text = ""
        if isIPv6 {
            for group in stride(from: 112, through: 0, by: -16) {
                if group < 112 { text += ":" }
                text += String(UInt16(truncatingIfNeeded: bits >> UInt128(group)), radix: 16)
            }
        } else {
            for octet in stride(from: 24, through: 0, by: -8) {
                if octet < 24 { text += "." }
                text += String(UInt8(truncatingIfNeeded: bits >> UInt128(octet)))
            }
        }
        return prefix == (isIPv6 ? 128 : 32) ? text : text + "/\(prefix)"
    }
}
