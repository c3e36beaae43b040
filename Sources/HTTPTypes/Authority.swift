// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A host and, if any, a port, in lower case (RFC 3986 §3.2.2, §3.2.3).
///
/// A host is an IPv6 address in brackets, or letters, digits, `-`, `.` and `_` (container names have it).
/// Percent-encoding and sub-delims, which the RFC allows, are refused: no name that is looked up has them.
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
        let isLiteral = text[0] == UInt8(ascii: "[")
        var index = isLiteral ? 1 : 0
        while index < text.count {
            let byte = text[index]
            if isLiteral {
                if byte == UInt8(ascii: "]") { break }
                guard ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == UInt8(ascii: ".") else {
                    throw TargetError(.authorityInvalid, at: index)
                }
            } else {
                if byte == ASCII.colon { break }
                guard ASCII.isAlphanumeric(byte) || isHostPunctuation(byte) else {
                    throw TargetError(.authorityInvalid, at: index)
                }
            }
            index += 1
        }
        if isLiteral {
            guard index < text.count, index > 3 else { throw TargetError(.authorityInvalid, at: index) }
            index += 1
        }
        guard index > 0 else { throw TargetError(.authorityInvalid, at: 0) }
        return index
    }

    private static func isHostPunctuation(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
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
