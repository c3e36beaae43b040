// SPDX-License-Identifier: Apache-2.0
import Foundation
import Storage
import Testing

@Suite struct OwnershipTableTests {
    private let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "ownership-\(UUID())")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private var path: String { folder.appending(path: "ownership.sqlite").path() }

    private func claim(_ real: String, _ compartment: String, space: String = "notes/item")
        -> OwnershipTable.Claim
    {
        .init(space: Array(space.utf8), real: Array(real.utf8), compartment: Array(compartment.utf8))
    }

    private func real(_ table: OwnershipTable, _ compartment: String, _ number: Int64) throws -> String? {
        try table.real(space: Array("notes/item".utf8), compartment: Array(compartment.utf8), number: number)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func eachCompartmentCountsForItself() throws {
        let table = try OwnershipTable(path: path)
        #expect(
            try table.claim([claim("41", "a"), claim("42", "b"), claim("43", "a")]) == [
                .own(number: 1), .own(number: 1), .own(number: 2),
            ]
        )
        #expect(try real(table, "a", 2) == "43")
        #expect(try real(table, "b", 1) == "42")
        #expect(try real(table, "b", 2) == nil)
        #expect(try real(table, "c", 1) == nil)
        // Another space of ids.
        #expect(try table.claim([claim("41", "b", space: "notes/tag")]) == [.own(number: 1)])
    }

    @Test func theFirstOwnerStays() throws {
        let table = try OwnershipTable(path: path)
        #expect(try table.owner(of: claim("7", "a")) == .nobody)
        #expect(try table.claim([claim("7", "a")]) == [.own(number: 1)])
        // The store gave the number out again, or somebody else's answer is replayed.
        #expect(try table.claim([claim("7", "b")]) == [.foreign])
        #expect(try table.claim([claim("7", "a")]) == [.own(number: 1)])
        #expect(try table.owner(of: claim("7", "b")) == .foreign)
        #expect(try real(table, "b", 1) == nil)
    }

    @Test func whatWasClaimedIsThereForTheNextProcess() throws {
        do {
            let table = try OwnershipTable(path: path)
            _ = try table.claim([claim("7", "a")])
            // Beside it, as while an old Bulkhead drains.
            let other = try OwnershipTable(path: path)
            #expect(try other.claim([claim("8", "a")]) == [.own(number: 2)])
            #expect(try real(table, "a", 2) == "8")
        }
        let table = try OwnershipTable(path: path)
        #expect(try real(table, "a", 1) == "7")
        #expect(try table.claim([claim("9", "a")]) == [.own(number: 3)])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    /// What was erased is nobody's for ever: a worker may remember whose it was.
    @Test func whatIsErasedStaysTaken() throws {
        let table = try OwnershipTable(path: path)
        _ = try table.claim([
            claim("1", "a"), claim("2", "a"), claim("3", "b"), claim("1", "a", space: "notes/tag"),
        ])
        let (space, a, b) = (Array("notes/item".utf8), Array("a".utf8), Array("b".utf8))
        #expect(try table.erase(space: space, compartment: a) == 2)
        #expect(try table.erase(space: space, compartment: a) == 0)
        #expect(try real(table, "a", 1) == nil)
        #expect(
            try table.claim([claim("1", "a"), claim("2", "b"), claim("4", "a")]) == [
                .foreign, .foreign, .own(number: 1),
            ]
        )
        #expect(try table.owner(of: claim("3", "b")) == .own(number: 1))
        #expect(try table.owner(of: claim("1", "a", space: "notes/tag")) == .own(number: 1))
        // A second one's numbers stand behind the first's.
        #expect(try table.erase(space: space, compartment: b) == 1)
        #expect(try table.owner(of: claim("3", "b")) == .foreign)
    }

    @Test func anotherFileIsNotTaken() throws {
        try Data(
            "not a database, and long enough to have a head of one, which is a hundred bytes. ".utf8
                + Array(repeating: 65, count: 100)
        )
        .write(to: URL(filePath: path))
        #expect(throws: StorageError.self) { try OwnershipTable(path: path) }
        #expect(throws: StorageError.self) { try OwnershipTable(path: "\(path)/nowhere/x") }
    }

    /// Random claims of three compartments on few ids, beside a model.
    @Test func randomClaimsAgreeWithAModel() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let table = try OwnershipTable(path: path)
        var owners: [String: (compartment: String, number: Int64)] = [:]
        var counts: [String: Int64] = [:]
        for _ in 0..<300 {
            let batch = (0...random(4)).map { _ in (real: "\(random(60))", compartment: "t\(random(3))") }
            let found = try table.claim(batch.map { claim($0.real, $0.compartment) })
            for (one, owner) in zip(batch, found) {
                if owners[one.real] == nil {
                    counts[one.compartment, default: 0] += 1
                    owners[one.real] = (one.compartment, counts[one.compartment, default: 0])
                }
                let expected = owners[one.real]
                if expected?.compartment == one.compartment {
                    #expect(owner == .own(number: expected?.number ?? 0), "seed \(seed)")
                } else {
                    #expect(owner == .foreign, "seed \(seed)")
                }
            }
        }
        for (id, owner) in owners {
            #expect(try real(table, owner.compartment, owner.number) == id, "seed \(seed)")
        }
    }
}
