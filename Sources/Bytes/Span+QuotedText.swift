// SPDX-License-Identifier: Apache-2.0

/// Text inside quotes and digits of numbers, many bytes at a time: where JSON spends its time.
extension Span<UInt8> {
    /// Index of the first byte at or after `start` that is a control character, a quote or a backslash, or that begins
    /// something which is no whole, well-formed character of UTF-8; else `count`. Who finds a byte above 0x7F there looks
    /// at it alone, to say whether it is wrong or cut.
    /// - Parameter start: where a character begins. What stands before it is whole.
    ///
    /// Eight bytes at a time. That a byte may stand where it stands is seen from it and the three before it, as in Keiser
    /// and Lemire, "Validating UTF-8 in less than one instruction per byte" (2020), but by the bits of a word in place of
    /// their tables. Cost: no allocation; some fifty operations on a word of other characters, ten on one of ASCII.
    package func quotedTextEnd(from start: Int) -> Int {
        var index = start
        var found: Int?
        // Safe because each block of 8 bytes is loaded from inside the span.
        unsafe withUnsafeBytes { bytes in
            var before = UTF8Leads()
            while index + 8 <= bytes.count {
                let word = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                )
                let marks = Self.marks(word)
                if (marks | word) & Self.top == 0, before.isEmpty {
                    index += 8
                    continue
                }
                let ends = marks & ~word & Self.top
                if word & Self.top == 0, before.isEmpty {
                    found = index + ends.trailingZeroBitCount / 8
                    return
                }
                let leads = UTF8Leads(word)
                let wrong = leads.misplaced(behind: before)
                if ends | wrong != 0 {
                    if ends.trailingZeroBitCount < wrong.trailingZeroBitCount {
                        found = index + ends.trailingZeroBitCount / 8
                    }
                    return
                }
                before = leads
                index += 8
            }
        }
        return found ?? scalarTextEnd(from: characterStart(before: index, notBefore: start))
    }

    /// The same for what a block does not fit into, or is wrong in.
    private func scalarTextEnd(from start: Int) -> Int {
        var index = start
        while index < count {
            index = plainTextEnd(from: index)
            guard index < count, self[index] >= 0x80, case .character(let length) = utf8Step(at: index) else {
                return index
            }
            index += length
        }
        return index
    }

    /// Where the character began that may want bytes from `index` on; else `index`.
    private func characterStart(before index: Int, notBefore begin: Int) -> Int {
        for (distance, lead) in [(1, 0xC0), (2, 0xE0), (3, 0xF0)] as [(Int, UInt8)]
        where index - distance >= begin && self[index - distance] >= lead {
            return index - distance
        }
        return index
    }

    /// Index of the first byte at or after `start` that is no digit, or `count`.
    @inlinable
    package func digitsEnd(from start: Int) -> Int {
        var index = start
        // Safe because each block of 8 bytes is loaded from inside the span.
        unsafe withUnsafeBytes { bytes in
            while index + 8 <= bytes.count {
                let block = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // 0...9 for digits; adding 0x76 brings what is more to the top bit. A carry runs upwards alone, so the
                // lowest byte that shows is right.
                let value = UInt64(littleEndian: block) ^ 0x3030_3030_3030_3030
                let others = (value &+ 0x7676_7676_7676_7676 | value) & 0x8080_8080_8080_8080
                if others != 0 {
                    index += others.trailingZeroBitCount / 8
                    return
                }
                index += 8
            }
            while index < bytes.count, unsafe bytes[index] &- 0x30 < 10 { index += 1 }
        }
        return index
    }

    // MARK: words

    private static var top: UInt64 { 0x8080_8080_8080_8080 }

    /// The top bit of each byte that ends plain text, of those of ASCII: exact up to the first.
    @inline(__always)
    private static func marks(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        // A subtraction borrows into a byte's top bit where the byte was smaller; a borrow that runs on follows a byte
        // that ends the text itself.
        let control = word &- ones &* 0x20
        let quote = (word ^ ones &* 0x22) &- ones
        let backslash = (word ^ ones &* 0x5C) &- ones
        return control | quote | backslash
    }
}

/// Of eight bytes, the lowest first: those that begin characters of two, three or four bytes or more, each as its top bit.
private struct UTF8Leads {
    private var word: UInt64 = 0
    private var two: UInt64 = 0
    private var three: UInt64 = 0
    private var four: UInt64 = 0
    /// C0 and C1, which never stand anywhere.
    private var never: UInt64 = 0
    /// E0, ED, and F0 and above: what stands behind them, or whether they may stand at all, wants a closer look.
    private var odd: UInt64 = 0

    private static var top: UInt64 { 0x8080_8080_8080_8080 }

    /// None.
    init() {}

    @inline(__always)
    init(_ word: UInt64) {
        self.word = word
        // Bit 6 of each byte at its top, and so on; what comes from the byte below never gets as far.
        let (bit6, bit5, bit4, bit3) = (word << 1, word << 2, word << 3, word << 4)
        let (bit2, bit1, bit0) = (word << 5, word << 6, word << 7)
        two = word & bit6 & Self.top
        three = two & bit5
        four = three & bit4
        let some = bit3 | bit2 | bit1
        never = two & ~(bit5 | bit4 | some)
        odd = four | (three & (~(some | bit0) | (bit3 & bit2 & bit0 & ~bit1)))
    }

    /// Whether nothing behind depends on these.
    var isEmpty: Bool { two == 0 }

    /// Those of the word that may not stand where they stand.
    @inline(__always)
    func misplaced(behind before: UTF8Leads) -> UInt64 {
        let continues = word & ~(word << 1) & Self.top
        let mustContinue =
            (two << 8 | before.two >> 56) | (three << 16 | before.three >> 48)
            | (four << 24 | before.four >> 40)
        let wrong = (continues ^ mustContinue) | never
        return odd | before.odd == 0 ? wrong : wrong | outOfBounds(behind: before)
    }

    /// Source: Unicode 15, table 3-7.
    private func outOfBounds(behind before: UTF8Leads) -> UInt64 {
        let (bit5, bit4) = (word << 2, word << 3)
        func behind(_ lead: UInt8) -> UInt64 { equal(to: lead) << 8 | before.equal(to: lead) >> 56 }
        let second =
            (behind(0xE0) & ~bit5) | (behind(0xED) & bit5) | (behind(0xF0) & ~(bit5 | bit4))
            | (behind(0xF4) & (bit5 | bit4))
        // F5 and above.
        let (bit3, bit2, rest) = (word << 4, word << 5, word << 6 | word << 7)
        return second | (four & (bit3 | (bit2 & rest)))
    }

    /// The bytes of this value: exact for all.
    private func equal(to byte: UInt8) -> UInt64 {
        let difference = word ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        return ~(((difference & ~Self.top) &+ ~Self.top) | difference) & Self.top
    }
}
