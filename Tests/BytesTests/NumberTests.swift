// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite("Numbers and moments as text")
struct NumberTests {
    @Test(arguments: [
        (UInt64(0), 1, "0"), (7, 3, "007"), (123, 3, "123"), (1234, 3, "234"), (999_999_999, 9, "999999999"),
        (UInt64.max, 20, "18446744073709551615"), (5, 0, ""),
    ])
    func digits(value: UInt64, digits: Int, expected: String) {
        var buffer = Buffer()
        buffer.append(decimal: value, digits: digits)
        #expect(buffer.bytes.string() == expected)
    }

    @Test(arguments: [
        (UInt64(0), "0000000000000000"), (0x0123_4567_89AB_CDEF, "0123456789abcdef"),
        (UInt64.max, "ffffffffffffffff"),
    ])
    func hexadecimal(value: UInt64, expected: String) {
        var buffer = Buffer()
        buffer.append(hexadecimal: value)
        #expect(buffer.bytes.string() == expected)
    }

    // `date -u -d @N +%FT%T` says the same.
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000000Z"),
        (1_000, "1970-01-01T00:00:00.000001Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
        (951_868_799_999_999_999, "2000-02-29T23:59:59.999999Z"),
        (951_868_800_000_000_000, "2000-03-01T00:00:00.000000Z"),
        (1_709_251_199_500_000_000, "2024-02-29T23:59:59.500000Z"),
        (1_767_225_599_000_000_000, "2025-12-31T23:59:59.000000Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
        (-2_203_891_200_000_000_000, "1900-03-01T00:00:00.000000Z"),
        (Int64.max, "2262-04-11T23:47:16.854775Z"),
        (Int64.min, "1677-09-21T00:12:43.145224Z"),
    ])
    func moments(nanoseconds: Int64, expected: String) {
        var buffer = Buffer()
        buffer.append(rfc3339: WallTime(nanoseconds: nanoseconds))
        #expect(buffer.bytes.string() == expected)
    }
}
