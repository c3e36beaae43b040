// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A host and, if any, a port, in lower case (RFC 3986 §3.2.2, §3.2.3).
///
/// A host is an IPv6 address in brackets, an IPv4 address as four plain decimal numbers, or a name: labels of 1 to 63 letters,
/// digits, `-` and `_` (container names have it), with at most one dot at the end. Percent-encoding and sub-delims, which
/// the RFC allows, are refused: no name that is looked up has them. So is a name that ends in a number and is no such
/// address (`127.1`, `0x7f.1`, `010.0.0.1`): some readers make an address of it, each its own (WHATWG URL §3.5).
///
/// A caller says the same Host in every request of its connection, so what was parsed last is kept and recognised.
struct Authority: ~Copyable {
    private var source = Buffer()
    private var lower = Buffer()
    private var parsedHostCount = 0
    private var parsedPort: UInt16?
    private var isPresent = false

    var text: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { lower.bytes.extracting(0..<(isPresent ? lower.count : 0)) }
    }

    var hostCount: Int { isPresent ? parsedHostCount : 0 }
    var port: UInt16? { isPresent ? parsedPort : nil }

    mutating func removeAll() { isPresent = false }

    /// - Throws: why `authority` is none; the value is then empty.
    mutating func parse(_ authority: borrowing Span<UInt8>) throws(TargetError) {
        if !authority.isEmpty, authority.equals(source.bytes) {
            isPresent = true
            return
        }
        isPresent = false
        source.removeAll()
        // A name has at most 253 bytes (RFC 1035 §2.3.4), an address fewer.
        guard authority.count <= 253 + 6 else { throw TargetError(.authorityInvalid, at: 253) }
        if let index = authority.firstIndex(of: UInt8(ascii: "@")) {
            throw TargetError(.userInformation, at: index)
        }
        let end = try Self.hostCount(authority)
        parsedPort = end < authority.count ? try Self.port(authority, from: end) : nil
        parsedHostCount = end
        lower.removeAll()
        for index in authority.indices { lower.append(ASCII.lowercased(authority[index])) }
        source.append(authority)
        isPresent = true
    }

    /// Takes the value of Host, or the target's authority in its place where it may be absent.
    /// - Parameter target: where it stands in `text`; nil for a target in origin form.
    mutating func resolve(
        _ fields: borrowing Fields,
        target: Range<Int>?,
        of text: borrowing Buffer,
        isOptional: Bool
    ) throws(TargetError) {
        guard let index = fields.first(.host) else {
            guard isOptional else { throw TargetError(.hostMissing, at: 0) }
            removeAll()
            if let target { try parse(text.bytes.extracting(target)) }
            return
        }
        guard fields.first(.host, from: index + 1) == nil else { throw TargetError(.hostRepeated, at: 0) }
        let value = fields.value(at: index)
        if let target, !text.bytes.extracting(target).equalsIgnoringCase(value) {
            throw TargetError(.hostMismatch, at: 0)
        }
        try parse(value)
    }

    private static func hostCount(_ text: borrowing Span<UInt8>) throws(TargetError) -> Int {
        guard !text.isEmpty else { throw TargetError(.authorityInvalid, at: 0) }
        if text[0] == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")),
                case .v6? = IPAddress(text.extracting(1..<end))
            else { throw TargetError(.authorityInvalid, at: 0) }
            return end + 1
        }
        let count = text.firstIndex(of: ASCII.colon) ?? text.count
        let last = try lastLabel(text.extracting(0..<count))
        if isNumber(text.extracting(last)), IPAddress(text.extracting(0..<count)) == nil {
            throw TargetError(.authorityInvalid, at: last.lowerBound)
        }
        return count
    }

    /// Checks the labels of a name and finds the last one.
    private static func lastLabel(_ name: borrowing Span<UInt8>) throws(TargetError) -> Range<Int> {
        var last = 0..<0
        var start = 0
        while start < name.count {
            var end = start
            while end < name.count, name[end] != dot {
                guard isLabel(name[end]) else { throw TargetError(.authorityInvalid, at: end) }
                end += 1
            }
            guard end > start, end - start <= 63 else { throw TargetError(.authorityInvalid, at: end) }
            last = start..<end
            start = end + 1
        }
        guard !last.isEmpty else { throw TargetError(.authorityInvalid, at: 0) }
        return last
    }

    /// Whether a reader of loose addresses would take a label for a number: digits alone, or `0x` and hexadecimal ones.
    private static func isNumber(_ label: borrowing Span<UInt8>) -> Bool {
        let isHexadecimal =
            label.count >= 2 && label[0] == UInt8(ascii: "0")
            && ASCII.lowercased(label[1]) == UInt8(ascii: "x")
        for index in (isHexadecimal ? 2 : 0)..<label.count {
            guard isHexadecimal ? ASCII.hexValue(label[index]) != nil : ASCII.isDigit(label[index]) else {
                return false
            }
        }
        return true
    }

    private static let dot = UInt8(ascii: ".")

    private static func isLabel(_ byte: UInt8) -> Bool {
        ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func port(_ text: borrowing Span<UInt8>, from start: Int) throws(TargetError) -> UInt16 {
        let digits = text.count - start - 1
        guard text[start] == ASCII.colon, digits >= 1, digits <= 5 else {
            throw TargetError(.authorityInvalid, at: start)
        }
        var value = 0
        for index in start + 1..<text.count {
            guard ASCII.isDigit(text[index]) else { throw TargetError(.authorityInvalid, at: index) }
            value = value * 10 + Int(text[index] - 0x30)
        }
        guard value > 0, value <= Int(UInt16.max) else { throw TargetError(.authorityInvalid, at: start) }
        return UInt16(value)
    }
}
