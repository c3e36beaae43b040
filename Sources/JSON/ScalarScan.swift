// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A number that comes in pieces (RFC 8259 §6). It has no end of its own: the first byte that cannot belong to it.
struct JSONNumberScan: Sendable {
    private enum State {
        case start, minus, zero, integer, point, fraction, exponent, sign, power
    }

    private var state = State.start

    init() {}

    /// Whether it may end here.
    var isComplete: Bool {
        switch state {
        case .zero, .integer, .fraction, .power: true
        case .start, .minus, .point, .exponent, .sign: false
        }
    }

    /// - Returns: the index of the first byte behind it, or nil when more may come.
    mutating func end(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int? {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            let isDigit = byte &- 0x30 < 10
            switch state {
            case .integer where isDigit, .fraction where isDigit, .power where isDigit: break
            case .start where byte == UInt8(ascii: "-"): state = .minus
            case .start where isDigit, .minus where isDigit:
                state = byte == UInt8(ascii: "0") ? .zero : .integer
            case .zero where byte == UInt8(ascii: "."), .integer where byte == UInt8(ascii: "."):
                state = .point
            case .point where isDigit: state = .fraction
            case .zero where byte | 0x20 == UInt8(ascii: "e"),
                .integer where byte | 0x20 == UInt8(ascii: "e"),
                .fraction where byte | 0x20 == UInt8(ascii: "e"):
                state = .exponent
            case .exponent where byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"): state = .sign
            case .exponent where isDigit, .sign where isDigit: state = .power
            case .zero where isDigit: throw JSONError(.invalidNumber, at: index)
            case .zero, .integer, .fraction, .power: return index
            case .start, .minus, .point, .exponent, .sign: throw JSONError(.invalidNumber, at: index)
            }
            index += 1
        }
        return nil
    }
}

/// `true`, `false` or `null` that comes in pieces.
struct JSONLiteralScan: Sendable {
    private var matched = 0
    private let word: StaticString

    /// - Returns: nil where no literal begins so.
    init?(_ first: UInt8) {
        switch first {
        case UInt8(ascii: "t"): word = "true"
        case UInt8(ascii: "f"): word = "false"
        case UInt8(ascii: "n"): word = "null"
        default: return nil
        }
    }

    init() { word = "null" }

    mutating func end(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int? {
        let expected = word.bytes
        var index = start
        while index < bytes.count {
            guard bytes[index] == expected[matched] else { throw JSONError(.unexpectedByte, at: index) }
            index += 1
            matched += 1
            if matched == expected.count { return index }
        }
        return nil
    }
}
