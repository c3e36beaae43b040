// SPDX-License-Identifier: Apache-2.0
import Bytes

/// One whole value that comes in pieces and is looked at for nothing but that it is JSON.
/// Limits: nesting up to 64. Cost: one pass, no allocation.
struct JSONValueSkip: Sendable {
    private enum Expectation {
        case value, firstElement, firstMember, name, colon, separator
    }

    private enum Token {
        case none, name, string, number, literal
    }

    private var expectation = Expectation.value
    private var token = Token.none
    /// Open arrays and objects, the innermost in the lowest bit; 1 is an object.
    private var containers: UInt64 = 0
    private var depth = 0
    private let maximumDepth: Int
    private var string = JSONStringScan()
    private var number = JSONNumberScan()
    private var literal = JSONLiteralScan()

    init(maximumDepth: Int) { self.maximumDepth = min(max(maximumDepth, 0), 64) }

    /// Whether the value is complete if nothing more comes: only a bare number can be.
    var isComplete: Bool { depth == 0 && token == .number && number.isComplete }

    /// - Returns: the index behind the value, or nil when more is to come.
    mutating func end(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int? {
        var index = start
        while true {
            if token != .none {
                guard let next = try scan(bytes, from: index) else { return nil }
                index = next
                expectation = token == .name ? .colon : .separator
                token = .none
                if depth == 0 { return index }
            }
            index = JSONScan.skipWhitespace(bytes, from: index)
            guard index < bytes.count else { return nil }
            if depth > 0, expectation == .value || expectation == .firstElement,
                Self.beginsNumber(bytes[index])
            {
                index = numbers(bytes, from: index)
                continue
            }
            index = try step(bytes[index], at: index)
            if token == .none, depth == 0 { return index }
        }
    }

    /// Reads numbers that are whole in this piece, in an array as many as follow one another: that is what vectors are
    /// made of. The first that is not whole, or not right, is begun the slow way.
    private mutating func numbers(_ bytes: Span<UInt8>, from start: Int) -> Int {
        let isArray = containers & 1 == 0
        var index = start
        while let end = JSONScan.numberEnd(bytes, from: index) {
            expectation = .separator
            guard isArray, bytes[end] == ASCII.comma else { return end }
            index = end + 1
            if index < bytes.count, Self.beginsNumber(bytes[index]) { continue }
            index = JSONScan.skipWhitespace(bytes, from: index)
            expectation = .value
            guard index < bytes.count, Self.beginsNumber(bytes[index]) else { return index }
        }
        token = .number
        number = JSONNumberScan()
        return index
    }

    private static func beginsNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || ASCII.isDigit(byte)
    }

    private mutating func scan(_ bytes: Span<UInt8>, from index: Int) throws(JSONError) -> Int? {
        switch token {
        case .none: index
        case .name, .string: try string.end(bytes, from: index).map { $0 + 1 }
        case .number: try number.end(bytes, from: index)
        case .literal: try literal.end(bytes, from: index)
        }
    }

    /// Takes the byte at which something begins or ends.
    /// - Returns: where to go on.
    private mutating func step(_ byte: UInt8, at index: Int) throws(JSONError) -> Int {
        switch expectation {
        case .value: return try value(byte, at: index)
        case .firstElement: return byte == UInt8(ascii: "]") ? close(index) : try value(byte, at: index)
        case .firstMember: return byte == UInt8(ascii: "}") ? close(index) : try name(byte, at: index)
        case .name: return try name(byte, at: index)
        case .colon:
            guard byte == ASCII.colon else { throw JSONError(.unexpectedByte, at: index) }
            expectation = .value
            return index + 1
        case .separator:
            let isObject = containers & 1 == 1
            if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return close(index) }
            guard byte == ASCII.comma else { throw JSONError(.unexpectedByte, at: index) }
            expectation = isObject ? .name : .value
            return index + 1
        }
    }

    private mutating func name(_ byte: UInt8, at index: Int) throws(JSONError) -> Int {
        guard byte == ASCII.quote else { throw JSONError(.unexpectedByte, at: index) }
        token = .name
        string = JSONStringScan()
        return index + 1
    }

    private mutating func value(_ byte: UInt8, at index: Int) throws(JSONError) -> Int {
        switch byte {
        case ASCII.quote:
            token = .string
            string = JSONStringScan()
            return index + 1
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < maximumDepth else { throw JSONError(.tooDeep, at: index) }
            let isObject = byte == UInt8(ascii: "{")
            containers = containers << 1 | (isObject ? 1 : 0)
            depth += 1
            expectation = isObject ? .firstMember : .firstElement
            return index + 1
        case UInt8(ascii: "-"), 0x30...0x39:
            token = .number
            number = JSONNumberScan()
            return index
        default:
            guard let scan = JSONLiteralScan(byte) else { throw JSONError(.unexpectedByte, at: index) }
            token = .literal
            literal = scan
            return index
        }
    }

    private mutating func close(_ index: Int) -> Int {
        containers >>= 1
        depth -= 1
        expectation = .separator
        return index + 1
    }
}
