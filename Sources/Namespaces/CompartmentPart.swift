// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Crypto

/// One id inside a compartment's code: a first character that says form and length, then the body.
///
/// | first | body | for |
/// |---|---|---|
/// | `1`…`9`, `a`…`w` | that many characters (1…32) | ids that fit once escaped |
/// | `y` | 32 hexadecimal digits | a lower-case UUID with hyphens, as user pools make them |
/// | `x` | 32 characters of base32 | the first 160 bits of a SHA-256, for all other ids |
///
/// Escapes begin with `z`: `zz` z · `zd` - · `zp` . · `zl` _ · `zt` @ · `zc` : · `zb` | · `zs` + · `zf` / ·
/// `zu` and a lower-case letter for the upper-case one. So the first character alone fixes the length, which makes
/// the code self-delimiting, and each id has one form, which makes it injective. Two ids meet in the digest form only
/// by a collision of 160 bits, and whoever could look for one chooses user ids inside his own tenant alone.
package enum CompartmentPart: Equatable, Sendable {
    case readable([UInt8])
    /// The id cannot be read back; the value is the 32 characters.
    case digest([UInt8])

    static let maximumCount = 33
    private static let maximumBody = 32
    private static let digestMark = UInt8(ascii: "x")
    private static let uuidMark = UInt8(ascii: "y")
    private static let escape = UInt8(ascii: "z")
    private static let domain: StaticString = "bulkhead compartment v1"

    /// Appends the code of one id, which must not be empty. `label` keeps the digests of tenants, issuers and
    /// users apart.
    static func encode(_ id: borrowing Span<UInt8>, label: StaticString, into output: inout Buffer) {
        precondition(!id.isEmpty, "an empty id has no code")
        if isUUID(id) {
            output.append(uuidMark)
            for index in id.indices where id[index] != UInt8(ascii: "-") { output.append(id[index]) }
            return
        }
        let start = output.count
        output.append(0)
        if appendEscaped(id, to: &output) {
            let count = UInt8(output.count - start - 1)
            var bytes = output.mutableBytes
            bytes[start] = count < 10 ? 0x30 + count : 0x61 + count - 10
            return
        }
        output.truncate(to: start)
        appendDigest(id, label: label, to: &output)
    }

    /// Reads one part at `position` and moves behind it.
    /// - Returns: nil for anything that `encode` does not write.
    init?(at text: borrowing Span<UInt8>, _ position: inout Int) {
        guard position < text.count else { return nil }
        let mark = text[position]
        let count: Int
        switch mark {
        case 0x31...0x39: count = Int(mark - 0x30)
        case 0x61...0x77: count = Int(mark - 0x61) + 10
        case Self.digestMark, Self.uuidMark: count = 32
        default: return nil
        }
        let start = position + 1
        guard text.count - start >= count else { return nil }
        let body = text.extracting(start..<start + count)
        let value: CompartmentPart?
        switch mark {
        case Self.digestMark: value = Self.isBase32(body) ? .digest(body.array()) : nil
        case Self.uuidMark: value = Self.uuid(from: body).map { .readable($0) }
        default: value = Self.unescaped(body).map { .readable($0) }
        }
        guard let value else { return nil }
        position = start + count
        self = value
    }

    /// - Returns: false, with `output` in an unfinished state, once the body would not fit or a byte has no escape.
    private static func appendEscaped(_ id: borrowing Span<UInt8>, to output: inout Buffer) -> Bool {
        if id.count > maximumBody { return false }
        let limit = output.count + maximumBody
        for index in id.indices {
            let byte = id[index]
            switch byte {
            case 0x30...0x39, 0x61...0x79: output.append(byte)
            case 0x41...0x5A:
                output.append("zu")
                output.append(byte | 0x20)
            default:
                guard let letter = letter(for: byte) else { return false }
                output.append(escape)
                output.append(letter)
            }
            if output.count > limit { return false }
        }
        return true
    }

    private static func unescaped(_ body: borrowing Span<UInt8>) -> [UInt8]? {
        var id: [UInt8] = []
        var index = 0
        while index < body.count {
            let byte = body[index]
            index += 1
            guard byte == escape else {
                guard ASCII.isDigit(byte) || byte &- 0x61 < 25 else { return nil }
                id.append(byte)
                continue
            }
            guard index < body.count else { return nil }
            let kind = body[index]
            index += 1
            if kind == UInt8(ascii: "u") {
                guard index < body.count, body[index] &- 0x61 < 26 else { return nil }
                id.append(body[index] & 0xDF)
                index += 1
            } else {
                guard let meant = meaning(of: kind) else { return nil }
                id.append(meant)
            }
        }
        return id
    }

    private static func letter(for byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "z"): UInt8(ascii: "z")
        case UInt8(ascii: "-"): UInt8(ascii: "d")
        case UInt8(ascii: "."): UInt8(ascii: "p")
        case UInt8(ascii: "_"): UInt8(ascii: "l")
        case UInt8(ascii: "@"): UInt8(ascii: "t")
        case UInt8(ascii: ":"): UInt8(ascii: "c")
        case UInt8(ascii: "|"): UInt8(ascii: "b")
        case UInt8(ascii: "+"): UInt8(ascii: "s")
        case UInt8(ascii: "/"): UInt8(ascii: "f")
        default: nil
        }
    }

    private static func meaning(of letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "z"): UInt8(ascii: "z")
        case UInt8(ascii: "d"): UInt8(ascii: "-")
        case UInt8(ascii: "p"): UInt8(ascii: ".")
        case UInt8(ascii: "l"): UInt8(ascii: "_")
        case UInt8(ascii: "t"): UInt8(ascii: "@")
        case UInt8(ascii: "c"): UInt8(ascii: ":")
        case UInt8(ascii: "b"): UInt8(ascii: "|")
        case UInt8(ascii: "s"): UInt8(ascii: "+")
        case UInt8(ascii: "f"): UInt8(ascii: "/")
        default: nil
        }
    }

    private static func isUUID(_ id: borrowing Span<UInt8>) -> Bool {
        guard id.count == 36 else { return false }
        for index in id.indices {
            switch index {
            case 8, 13, 18, 23: if id[index] != UInt8(ascii: "-") { return false }
            default: if !isLowerHex(id[index]) { return false }
            }
        }
        return true
    }

    private static func uuid(from body: borrowing Span<UInt8>) -> [UInt8]? {
        var id: [UInt8] = []
        id.reserveCapacity(36)
        for index in body.indices {
            guard isLowerHex(body[index]) else { return nil }
            switch index {
            case 8, 12, 16, 20: id.append(UInt8(ascii: "-"))
            default: break
            }
            id.append(body[index])
        }
        return id
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool { ASCII.isDigit(byte) || byte &- 0x61 < 6 }

    private static func appendDigest(
        _ id: borrowing Span<UInt8>,
        label: StaticString,
        to output: inout Buffer
    ) {
        var hasher = SHA256Hasher()
        hasher.update(prefixed: domain.bytes)
        hasher.update(prefixed: label.bytes)
        hasher.update(prefixed: id)
        let digest = hasher.finish()
        output.append(digestMark)
        // 20 bytes are exactly 32 characters of 5 bits.
        let bytes = digest.bytes
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for index in 0..<20 {
            accumulator = accumulator << 8 | UInt32(bytes[index])
            bits += 8
            while bits >= 5 {
                bits -= 5
                let value = UInt8((accumulator >> bits) & 31)
                output.append(value < 26 ? 0x61 + value : 0x32 + value - 26)
            }
            accumulator &= (1 << bits) - 1
        }
    }

    private static func isBase32(_ body: borrowing Span<UInt8>) -> Bool {
        for index in body.indices {
            guard body[index] &- 0x61 < 26 || body[index] &- 0x32 < 6 else { return false }
        }
        return true
    }
}
