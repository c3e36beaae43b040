// SPDX-License-Identifier: Apache-2.0

/// Whose the ids are that a store has invented and that can bear no seal, such as numbers (THREATS 14).
///
/// A row is written once, when the store's answer to a creation was seen, and never changed: an id that a
/// store gives out a second time stays its first owner's. Each compartment counts its own objects, so that what its agent
/// sees (1, 2, 3, …) tells nothing of the others'. One instance for each file, on one thread; other processes may have the
/// file open too. Cost: some 20 µs to look up, one sync of the disk for each transaction that claims.
package final class OwnershipTable {
    /// One id space of a store: the same number in two of them is two things.
    package struct Claim: Equatable, Sendable {
        package var space: [UInt8]
        package var real: [UInt8]
        package var compartment: [UInt8]

        package init(space: [UInt8], real: [UInt8], compartment: [UInt8]) {
            self.space = space
            self.real = real
            self.compartment = compartment
        }
    }

    package enum Owner: Equatable, Sendable {
        /// The asking compartment's own, under this number.
        case own(number: Int64)
        case foreign
        case nobody
    }

    private let database: Database
    private let byReal: Statement
    private let byNumber: Statement
    private let last: Statement
    private let insert: Statement
    private let erase: Statement
    private let changes: Statement

    /// Of the layout of the table.
    private static let version: Int64 = 1

    /// - Throws: when the file cannot be opened, is no database, or is one of another version or purpose.
    package init(path: String) throws(StorageError) {
        let database = try Database(path: path)
        try Self.prepare(database)
        byReal = try database.prepare("SELECT compartment, number FROM owned WHERE space = ?1 AND real = ?2")
        byNumber = try database.prepare(
            "SELECT real FROM owned WHERE space = ?1 AND compartment = ?2 AND number = ?3"
        )
        last = try database.prepare(
            "SELECT number FROM owned WHERE space = ?1 AND compartment = ?2 ORDER BY number DESC LIMIT 1"
        )
        insert = try database.prepare(
            "INSERT INTO owned (space, real, compartment, number) VALUES (?1, ?2, ?3, ?4)"
        )
        // Behind the numbers of what was erased before, so that no two are alike.
        erase = try database.prepare(
            """
            UPDATE owned SET compartment = x'', number = number + (
                SELECT coalesce(max(number), 0) FROM owned WHERE space = ?1 AND compartment = x''
            ) WHERE space = ?1 AND compartment = ?2
            """
        )
        changes = try database.prepare("SELECT changes()")
        self.database = database
    }

    private static func prepare(_ database: Database) throws(StorageError) {
        let found = try database.prepare("PRAGMA user_version").run([]) { $0.integer(0) }
        if found == version { return }
        let tables = try database.prepare("SELECT count(*) FROM sqlite_schema").run([]) { $0.integer(0) }
        guard found == 0, tables == 0 else {
            throw StorageError(
                path: database.path,
                operation: "open",
                reason: "is a database of another version or purpose; name another file"
            )
        }
        try database.transaction { () throws(StorageError) in
            try database.execute(
                """
                CREATE TABLE owned (
                    space BLOB NOT NULL, real BLOB NOT NULL, compartment BLOB NOT NULL, number INTEGER NOT NULL,
                    PRIMARY KEY (space, real)
                ) WITHOUT ROWID;
                CREATE UNIQUE INDEX owned_number ON owned (space, compartment, number);
                PRAGMA user_version = 1
                """
            )
        }
    }

    /// Writes down whose new ids are, where nobody's they were; all in one transaction. On the disk when this returns.
    /// - Returns: the owner of each, as it is from now on: `foreign` where another was first.
    package func claim(_ claims: [Claim]) throws(StorageError) -> [Owner] {
        try database.transaction { () throws(StorageError) in
            var owners: [Owner] = []
            for claim in claims { owners.append(try self.claim(claim)) }
            return owners
        }
    }

    private func claim(_ claim: Claim) throws(StorageError) -> Owner {
        let known = try owner(of: claim)
        guard known == .nobody else { return known }
        let highest = try last.run([.bytes(claim.space), .bytes(claim.compartment)]) { $0.integer(0) } ?? 0
        let number = highest + 1
        try insert.run([
            .bytes(claim.space), .bytes(claim.real), .bytes(claim.compartment), .integer(number),
        ])
        return .own(number: number)
    }

    /// Whose a real id is, as `claim.compartment` may know it.
    package func owner(of claim: Claim) throws(StorageError) -> Owner {
        try byReal.run([.bytes(claim.space), .bytes(claim.real)]) { row in
            row.bytes(0) == claim.compartment ? .own(number: row.integer(1)) : .foreign
        } ?? .nobody
    }

    /// Forgets whose a compartment's ids were. They stay taken, by nobody: a worker may remember whose they were, so no
    /// other may ever have them.
    /// - Returns: how many there were.
    package func erase(space: [UInt8], compartment: [UInt8]) throws(StorageError) -> Int {
        try database.transaction { () throws(StorageError) in
            try erase.run([.bytes(space), .bytes(compartment)])
            return try Int(clamping: changes.run([]) { $0.integer(0) } ?? 0)
        }
    }

    /// The real id behind a compartment's number; nil for a number that it was never shown.
    package func real(space: [UInt8], compartment: [UInt8], number: Int64) throws(StorageError) -> [UInt8]? {
        try byNumber.run([.bytes(space), .bytes(compartment), .integer(number)]) { $0.bytes(0) }
    }
}
