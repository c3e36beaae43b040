// SPDX-License-Identifier: Apache-2.0

/// Counters by key: a row for each key, a column for each thing that is counted of it.
/// A row is looked up once; after that counting is an addition in an array.
struct CounterTable<Key: Hashable & Sendable>: Sendable {
    private(set) var keys: [Key] = []
    private var rows: [Key: Int] = [:]
    private var cells: [UInt64] = []
    let columns: Int

    init(columns: Int) { self.columns = columns }

    var count: Int { keys.count }

    /// The row of `key`, or of `overflow` when `key` is new and there are `limit` rows already: rows beyond the
    /// limit are made for overflow keys alone, so there must be few of those.
    mutating func row(_ key: Key, limit: Int, overflow: @autoclosure () -> Key) -> Int {
        if let row = rows[key] { return row }
        if keys.count < limit { return insert(key) }
        let overflow = overflow()
        return rows[overflow] ?? insert(overflow)
    }

    mutating func row(_ key: Key) -> Int { rows[key] ?? insert(key) }

    /// Counters wrap round after 2^64, as Prometheus expects of a counter that is reset.
    mutating func add(_ row: Int, _ column: Int, _ amount: UInt64 = 1) {
        precondition(column < columns, "there is no such column")
        cells[row * columns + column] &+= amount
    }

    func value(_ row: Int, _ column: Int) -> UInt64 { cells[row * columns + column] }

    /// Adds the counters of the same keys, and takes over the others. Cost: one lookup for each row.
    mutating func merge(_ other: CounterTable) {
        for index in other.keys.indices { add(other, row: index, to: row(other.keys[index])) }
    }

    /// Adds one row of another table to one of this.
    mutating func add(_ other: CounterTable, row source: Int, to target: Int) {
        for column in 0..<columns { add(target, column, other.value(source, column)) }
    }

    private mutating func insert(_ key: Key) -> Int {
        let row = keys.count
        keys.append(key)
        rows[key] = row
        cells.append(contentsOf: repeatElement(0, count: columns))
        return row
    }
}
