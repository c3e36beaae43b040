// SPDX-License-Identifier: Apache-2.0

/// An address of IPv4 or IPv6, without port or zone.
package enum IPAddress: Hashable, Sendable {
    /// In host order: 127.0.0.1 is 0x7F000001.
    case v4(UInt32)
    /// The first and the last eight bytes, each in host order.
    case v6(high: UInt64, low: UInt64)

    /// Four decimal numbers without leading zeros, or the forms of RFC 4291 §2.2; nil for anything else.
    package init?(_ text: borrowing Span<UInt8>) {
        if text.firstIndex(of: ASCII.colon) == nil {
            guard let value = Self.parseV4(text) else { return nil }
            self = .v4(value)
        } else {
            guard let words = Self.parseV6(text) else { return nil }
            self = .v6(high: Self.join(words, from: 0), low: Self.join(words, from: 4))
        }
    }

    package init?(_ text: String) { self.init(Array(text.utf8).span) }

    /// 127.0.0.0/8, `::1`, and the former as an IPv4-mapped address.
    package var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && (low == 1 || low >> 24 == 0xFFFF_7F)
        }
    }

    /// `0.0.0.0` and `::`, which mean every address of the host when listened on.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let value): value == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    private static func parseV4(_ text: borrowing Span<UInt8>) -> UInt32? {
        var result: UInt32 = 0
        var parts = 0
        var index = 0
        while parts < 4 {
            let start = index
            var value: UInt32 = 0
            while index < text.count, index - start < 3, ASCII.isDigit(text[index]) {
                value = value * 10 + UInt32(text[index] - 0x30)
                index += 1
            }
            let hasLeadingZero = index - start > 1 && text[start] == 0x30
            guard index > start, value < 256, !hasLeadingZero else { return nil }
            result = result << 8 | value
            parts += 1
            if parts < 4 {
                guard index < text.count, text[index] == UInt8(ascii: ".") else { return nil }
                index += 1
            }
        }
        return index == text.count ? result : nil
    }

    /// Eight words; one `::` stands for as many zero words as are missing.
    private static func parseV6(_ text: borrowing Span<UInt8>) -> [UInt16]? {
        var words: [UInt16] = []
        var gap: Int?
        var index = 0
        if text.hasPrefix("::") {
            gap = 0
            index = 2
        }
        while index < text.count {
            let end = text.firstIndex(of: ASCII.colon, from: index) ?? text.count
            if end == text.count, let value = parseV4(text.extracting(index..<end)) {
                words += [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
                index = end
                break
            }
            guard let word = word(text.extracting(index..<end)), words.count < 8 else { return nil }
            words.append(word)
            index = end
            guard index < text.count else { break }
            index += 1
            if index < text.count, text[index] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = words.count
                index += 1
            } else if index == text.count {
                return nil
            }
        }
        guard let gap else { return words.count == 8 ? words : nil }
        guard words.count < 8 else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - words.count)
        return words[..<gap] + zeros + words[gap...]
    }

    private static func word(_ text: borrowing Span<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for index in text.indices {
            guard let digit = ASCII.hexValue(text[index]) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private static func join(_ words: [UInt16], from start: Int) -> UInt64 {
        words[start..<(start + 4)].reduce(0) { $0 << 16 | UInt64($1) }
    }
}

extension IPAddress: CustomStringConvertible {
    /// RFC 5952's form: lower case, the longest run of two or more zero words shortened, the first of equals.
    package var description: String {
        switch self {
        case .v4(let value):
            return (0..<4).map { String(value >> (24 - 8 * UInt32($0)) & 255) }.joined(separator: ".")
        case .v6(let high, let low):
            let words = [high, low].flatMap { half in (0..<4).map { half >> (48 - 16 * UInt64($0)) & 0xFFFF }
            }
            var longest = 0..<0
            var start = 0
            while start < 8 {
                let run = words[start...].prefix { $0 == 0 }
                if run.count > max(longest.count, 1) { longest = run.startIndex..<run.endIndex }
                start = max(run.endIndex, start + 1)
            }
            let text = { (range: Range<Int>) in
                words[range].map { String($0, radix: 16) }.joined(separator: ":")
            }
            return longest.isEmpty
                ? text(0..<8) : "\(text(0..<longest.lowerBound))::\(text(longest.upperBound..<8))"
        }
    }
}
