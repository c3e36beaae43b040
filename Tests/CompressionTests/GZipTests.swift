// SPDX-License-Identifier: Apache-2.0
import Bytes
import Compression
import TestSupport
import Testing

@Suite struct GZipTests {
    private func decode(_ bytes: [UInt8], limit: Int = 1 << 20) -> Result<[UInt8], GZip.Failure> {
        var output = Buffer()
        output.append("before")
        do throws(GZip.Failure) {
            try GZip.decode(bytes.span, limit: limit, into: &output)
        } catch {
            return .failure(error)
        }
        return .success(Array(output.bytes.array().dropFirst(6)))
    }

    /// `{"query":{"match_all":{}}}`, by Python's gzip with mtime 0.
    private let query = Hex.decode(
        "1f8b0800000000000203ab562a2c4d2daa54b2aa56ca4d2c49ce884fccc901726a6b6b01308d89af1a000000".utf8Span
            .span
    )

    /// `GZip` knows no writer: blocks that are stored need none (RFC 1951 §3.2.4).
    private func stored(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        var rest = content[...]
        repeat {
            let part = rest.prefix(65_535)
            rest = rest.dropFirst(part.count)
            let count = UInt16(part.count)
            bytes.append(rest.isEmpty ? 1 : 0)
            bytes += [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
            bytes += [UInt8(truncatingIfNeeded: ~count), UInt8(truncatingIfNeeded: ~count >> 8)]
            bytes += part
        } while !rest.isEmpty
        for number in [Self.check(content), UInt32(content.count)] {
            for shift in [0, 8, 16, 24] as [UInt32] {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        return bytes
    }

    /// CRC-32 (RFC 1952 §8).
    private static func check(_ bytes: [UInt8]) -> UInt32 {
        var register: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xEDB8_8320 : register >> 1 }
        }
        return ~register
    }

    @Test func whatWasWrittenIsRead() {
        for count in [0, 1, 100, 65_535, 65_536, 200_000] {
            let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            #expect(decode(stored(content)) == .success(content))
        }
    }

    @Test func whatOthersWroteIsRead() throws {
        #expect(decode(try #require(query)) == .success(Array(#"{"query":{"match_all":{}}}"#.utf8)))
    }

    @Test func everyCutAndEveryChangeIsRefused() {
        let whole = stored(Array(#"{"query":{"match_all":{}}}"#.utf8))
        for count in whole.indices { #expect(decode(Array(whole[..<count])) == .failure(.malformed)) }
        for index in whole.indices {
            // Time, system, and bits that mean nothing.
            if (4...10).contains(index) { continue }
            var changed = whole
            changed[index] ^= 0x40
            #expect(decode(changed) != .success(Array(#"{"query":{"match_all":{}}}"#.utf8)), "\(index)")
        }
        #expect(decode(whole + [0]) == .failure(.malformed))
        #expect(decode(whole + whole) == .failure(.malformed))
        for text in ["", "{}", "\u{1F}\u{8B}", String(repeating: "x", count: 1000)] {
            #expect(decode(Array(text.utf8)) == .failure(.malformed))
        }
    }

    @Test func whatIsTooLargeIsRefused() {
        let content = [UInt8](repeating: 7, count: 100_000)
        #expect(decode(stored(content), limit: 99_999) == .failure(.tooLarge))
        #expect(decode(stored(content), limit: 100_000) == .success(content))
    }

    /// Zeros by Python's zlib: some 1,000 come out for each byte.
    @Test func bombsAreRefused() throws {
        let bomb = try #require(bomb)
        #expect(decode(bomb, limit: 1 << 30) == .failure(.tooLarge))
    }

    /// 200,000 zeros.
    private var bomb: [UInt8]? {
        let text =
            "1f8b0800000000000203edc13101000000c2a0f54f6d067fa00000000000000000000000000000000000000000"
            + "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            + "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            + "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            + "000000000000000000000000000000000000000000000000000000000000000000000000000080d7007b58e05c"
            + "400d0300"
        return Hex.decode(text.utf8Span.span)
    }
}
