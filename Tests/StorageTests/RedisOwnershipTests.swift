// SPDX-License-Identifier: Apache-2.0
import Bytes
import Storage
import Testing

/// What is asked of a server, what it must promise, and what its replies mean.
@Suite struct RedisOwnershipTests {
    private static let mark = Array("0123".utf8)

    private func table(disk: Bool = false, replicas: Int = 0, user: String = "") -> RedisOwnership {
        RedisOwnership(
            prefix: "b:",
            user: user,
            database: 3,
            demands: RedisDemands(isOnDisk: disk, replicas: replicas, patienceMs: 900)
        )
    }

    private static func text(_ words: String...) -> RedisReply {
        .bytes(Array(words.joined(separator: "\r\n").utf8))
    }

    private static func list(_ words: String...) -> RedisReply { .list(words.map { .bytes(Array($0.utf8)) }) }

    private static let info = text(
        "# Server",
        "redis_version:7.0.15",
        "loading:0",
        "aof_enabled:1",
        "maxmemory_policy:noeviction",
        "role:master"
    )
    private static let always = list(
        "appendonly",
        "yes",
        "appendfsync",
        "always",
        "no-appendfsync-on-rewrite",
        "no"
    )

    private static func changed(_ old: String, _ new: String) -> RedisReply {
        guard case .bytes(let bytes) = info else { return info }
        return .bytes(Array(String(decoding: bytes, as: UTF8.self).replacing(old, with: new).utf8))
    }

    /// The commands that wait, on a server that describes itself so.
    private func waits(
        _ info: RedisReply,
        _ settings: RedisReply,
        disk: Bool = true,
        replicas: Int = 0
    ) throws(RedisFailure) -> [String] {
        let table = table(disk: disk, replicas: replicas)
        let promise = try table.greeted([.text([]), info, settings])
        var commands = RedisCommands()
        table.ask([], promise, into: &commands)
        let sent = commands.bytes.bytes.string() ?? ""
        return ["WAITAOF", "WAIT"].filter { sent.contains("\r\n\($0)\r\n") }
    }

    private static let newer = changed("7.0.15", "7.2.4")
    private static let second = list(
        "appendonly",
        "yes",
        "appendfsync",
        "everysec",
        "no-appendfsync-on-rewrite",
        "no"
    )
    private static let paused = list(
        "appendonly",
        "yes",
        "appendfsync",
        "always",
        "no-appendfsync-on-rewrite",
        "yes"
    )

    @Test func whatAServerCanPromise() throws {
        #expect(try waits(Self.info, Self.always) == [])
        #expect(try waits(Self.info, Self.always, replicas: 2) == ["WAIT"])
        #expect(try waits(Self.newer, Self.second) == ["WAITAOF"])
        #expect(try waits(Self.newer, Self.second, replicas: 1) == ["WAITAOF", "WAIT"])
        // It does not tell its settings, but has a command that says when.
        #expect(try waits(Self.newer, .failure("NOPERM")) == ["WAITAOF"])
        #expect(try waits(Self.info, Self.second, disk: false) == [])
        #expect(try waits(Self.changed("noeviction", "volatile-lru"), Self.always) == [])
    }

    @Test func whatItCannotIsRefused() {
        func expect(_ failure: RedisFailure, _ info: RedisReply, _ settings: RedisReply, disk: Bool = true) {
            #expect(throws: failure) { try waits(info, settings, disk: disk) }
        }
        expect(.unfit(.forgets), Self.info, Self.second)
        expect(.unfit(.forgets), Self.info, Self.paused)
        expect(.unfit(.forgets), Self.changed("aof_enabled:1", "aof_enabled:0"), .failure("NOPERM"))
        expect(.unfit(.hidden), Self.info, .failure("NOPERM"))
        expect(.unfit(.hidden), .failure("NOPERM"), Self.always)
        expect(.unfit(.hidden), Self.text("role:master"), Self.always)
        for policy in ["allkeys-lru", "allkeys-random", "allkeys-lfu", "something-new"] {
            expect(.unfit(.evicts), Self.changed("noeviction", policy), Self.always, disk: false)
        }
        expect(.server("READONLY"), Self.changed("role:master", "role:slave"), Self.always)
        expect(.server("LOADING"), Self.changed("loading:0", "loading:1"), Self.always)
        expect(.server("LOADING"), .failure("LOADING"), .failure("LOADING"))
        expect(.unexpected, .integer(1), Self.always)
    }

    @Test func theFirstWordsSayWho() throws {
        let secret = Array("pass\r\nword".utf8)
        var commands = RedisCommands()
        table(user: "owners").greet(password: secret.span, into: &commands)
        let start =
            "*3\r\n$4\r\nAUTH\r\n$6\r\nowners\r\n$10\r\npass\r\nword\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
        #expect(commands.bytes.bytes.string()?.hasPrefix(start) ?? false)
        #expect(commands.count == 4)
        for code in ["NOAUTH", "WRONGPASS", "ERR"] {
            #expect(throws: RedisFailure.server(code)) {
                try table().greeted([.failure(code), .text([]), Self.info, Self.always])
            }
        }
    }

    private func claim(_ real: String, _ compartment: String) -> OwnershipTable.Claim {
        .init(space: Array("up/item".utf8), real: Array(real.utf8), compartment: Array(compartment.utf8))
    }

    @Test func whatRowsMean() throws {
        let table = table()
        let promise = try table.greeted([.text([]), Self.info, Self.always])
        let queries: [OwnershipQuery] = [
            .claim(claim("7", "a")), .claim(claim("7", "b")), .owner(claim("8", "a")),
            .owner(claim("9", "a")),
            .real(space: Array("up/item".utf8), compartment: Array("a".utf8), number: 1),
            .real(space: Array("up/item".utf8), compartment: Array("a".utf8), number: 2),
        ]
        let row = RedisReply.bytes(Array("3:a".utf8))
        let found = try table.answered(
            queries[...],
            [
                .bytes(Self.mark), row, row, .absent, .bytes(Array("0:".utf8)), .bytes(Array("41".utf8)),
                .absent,
            ],
            mark: Self.mark,
            promise
        )
        #expect(
            found
                == .init(
                    answers: [
                        .owner(.own(number: 3)), .owner(.foreign), .owner(.nobody), .owner(.foreign),
                        .real(Array("41".utf8)),
                        .real(nil),
                    ],
                    failure: nil
                )
        )
    }

    /// One that fails leaves the others; a table that is not there any more leaves none.
    @Test func failures() throws {
        let table = table(replicas: 1)
        let promise = try table.greeted([.text([]), Self.info, Self.always])
        let queries: [OwnershipQuery] = [.claim(claim("7", "a")), .owner(claim("8", "a"))]
        func answered(_ replies: RedisReply...) throws(RedisFailure) -> RedisOwnership.Answers {
            try table.answered(queries[...], replies, mark: Self.mark, promise)
        }
        let (mark, row, ok) = (
            RedisReply.bytes(Self.mark), RedisReply.bytes(Array("1:a".utf8)), RedisReply.integer(1)
        )
        #expect(
            try answered(mark, .failure("OOM"), row, ok, .integer(1))
                == .init(answers: [nil, .owner(.own(number: 1))], failure: .server("OOM"))
        )
        #expect(
            try answered(mark, row, .bytes(Array("x".utf8)), ok, .integer(1))
                == .init(answers: [.owner(.own(number: 1)), nil], failure: .unexpected)
        )
        #expect(throws: RedisFailure.notDurable) { try answered(mark, row, row, ok, .integer(0)) }
        #expect(throws: RedisFailure.server("OOM")) {
            try answered(mark, row, row, .failure("OOM"), .integer(1))
        }
        #expect(throws: RedisFailure.replaced) { try answered(.absent, row, row, ok, .integer(1)) }
        #expect(throws: RedisFailure.replaced) { try answered(.bytes([1]), row, row, ok, .integer(1)) }
        #expect(throws: RedisFailure.server("NOAUTH")) {
            try answered(.failure("NOAUTH"), row, row, ok, .integer(1))
        }
        #expect(throws: RedisFailure.unexpected) { try answered(mark, row) }
        #expect(
            !RedisFailure.server("READONLY").keepsConnection && RedisFailure.server("OOM").keepsConnection
        )
        // What a server says of somebody is in no line of ours.
        #expect(RedisFailure.server("MOVED").description.contains("cluster"))
    }

    /// A space and a compartment that look alike when joined are not.
    @Test func keysAreApart() throws {
        let table = table()
        let promise = try table.greeted([.text([]), Self.info, Self.always])
        func sent(_ space: String, _ compartment: String) -> [UInt8] {
            var commands = RedisCommands()
            let query = OwnershipQuery.real(
                space: Array(space.utf8),
                compartment: Array(compartment.utf8),
                number: 1
            )
            table.ask([query], promise, into: &commands)
            return commands.bytes.bytes.array()
        }
        #expect(sent("a/b", "c") != sent("a/b:c", ""))
        #expect(sent("a/b:c", "d") != sent("a/b", "c:d"))
    }
}
