// SPDX-License-Identifier: Apache-2.0
import Crypto
import Testing

@Suite struct DigestTableTests {
    private static func digest(_ number: Int) -> Digest {
        let text = Array("\(number)".utf8)
        return SHA256.hash(text.span)
    }

    private static func filled(_ count: Int, capacity: Int) -> DigestTable<Int> {
        var table = DigestTable<Int>(capacity: capacity)
        for number in 0..<count { table.insert(digest(number), number) }
        return table
    }

    private static func value(_ number: Int, in table: inout DigestTable<Int>) -> Int? {
        table.find(digest(number)).map { table[$0] }
    }

    @Test func valuesAreFoundChangedAndReplaced() throws {
        var table = Self.filled(3, capacity: 4)
        let found = table.find(Self.digest(1))
        let slot = try #require(found)
        let old = table.update(slot) { value in
            defer { value += 100 }
            return value
        }
        #expect(old == 1 && table[slot] == 101 && table.count == 3)
        table.insert(Self.digest(1), 7)
        let replaced = Self.value(1, in: &table)
        let absent = Self.value(3, in: &table)
        #expect(replaced == 7 && absent == nil && table.count == 3)
    }

    @Test func aFreedSlotIsUsedAgain() throws {
        var table = Self.filled(4, capacity: 4)
        let place = table.find(Self.digest(2))
        let slot = try #require(place)
        table.remove(slot)
        table.remove(slot)
        let gone = Self.value(2, in: &table)
        #expect(gone == nil && table.count == 3)
        table.insert(Self.digest(9), 9)
        let found = table.find(Self.digest(9))
        #expect(found == slot && table[slot] == 9 && table.count == 4)
    }

    @Test func aFullTableGivesTheSlotAndTheValueUp() {
        var table = Self.filled(20, capacity: 4)
        let there = (0..<20).filter { Self.value($0, in: &table) == $0 }
        #expect(there.count == 4 && table.count == 4)
    }

    @Test func removalGoesByValue() {
        var table = Self.filled(10, capacity: 16)
        table.removeAll { $0.isMultiple(of: 2) }
        let left = (0..<10).filter { Self.value($0, in: &table) != nil }
        #expect(left == [1, 3, 5, 7, 9] && table.count == 5)
    }

    @Test func aFreeSlotIsNotRead() async {
        await #expect(processExitsWith: .failure) {
            var table = DigestTableTests.filled(1, capacity: 4)
            table.remove(0)
            _ = table[0]
        }
    }
}
