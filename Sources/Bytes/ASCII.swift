// SPDX-License-Identifier: Apache-2.0

/// Classes of single bytes, as the HTTP and URI grammars name them.
/// All of it is inlinable: nothing that is `package` crosses a module's border otherwise, and a call for each byte
/// triples the cost of a head.
@usableFromInline
package enum ASCII {
    @inlinable package static var space: UInt8 { UInt8(ascii: " ") }
    @inlinable package static var tab: UInt8 { UInt8(ascii: "\t") }
    @inlinable package static var carriageReturn: UInt8 { UInt8(ascii: "\r") }
    @inlinable package static var lineFeed: UInt8 { UInt8(ascii: "\n") }
    @inlinable package static var colon: UInt8 { UInt8(ascii: ":") }
    @inlinable package static var comma: UInt8 { UInt8(ascii: ",") }
    @inlinable package static var slash: UInt8 { UInt8(ascii: "/") }
    @inlinable package static var percent: UInt8 { UInt8(ascii: "%") }
    @inlinable package static var quote: UInt8 { UInt8(ascii: "\"") }

    @inlinable @inline(__always)
    package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inlinable
    package static func uppercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x61 < 26 ? byte ^ 0x20 : byte
    }

    @inlinable
    package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inlinable
    package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    @inlinable
    package static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

    /// RFC 9110 §5.6.2 `tchar`. Cost: two shifts; no table, so no lazily initialised global.
    @inlinable @inline(__always)
    package static func isToken(_ byte: UInt8) -> Bool {
        // Bits 0...63 and 64...127 of the set !#$%&'*+-.^_`|~ DIGIT ALPHA.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        if byte < 64 { return (low >> UInt64(byte)) & 1 == 1 }
        if byte < 128 { return (high >> UInt64(byte & 63)) & 1 == 1 }
        return false
    }

    /// RFC 9110 §5.5: visible characters, space, tab and obs-text; every other control byte is refused.
    @inlinable @inline(__always)
    package static func isFieldValue(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    /// The value of a hexadecimal digit, or nil.
    @inlinable
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The lower-case hexadecimal digit of a value below 16.
    @inlinable
    package static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x61 + value - 10
    }
}
