// SPDX-License-Identifier: Apache-2.0
import Bytes
import Storage
import Testing

/// RESP2, as a server says it in any pieces, and as it must not.
@Suite struct RedisReplyTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var text: String
        var reply: RedisReply

        init(_ text: String, _ reply: RedisReply) {
            self.text = text
            self.reply = reply
        }

        var testDescription: String { text.debugDescription }
    }

    static let cases = [
        Case("+OK\r\n", .text(Array("OK".utf8))),
        Case("+\r\n", .text([])),
        Case("-ERR no such thing\r\n", .failure("ERR")),
        Case("-READONLY You can't write\r\n", .failure("READONLY")),
        Case("-WRONGPASS\r\n", .failure("WRONGPASS")),
        Case("-tenant-a is not there\r\n", .failure("ERR")),
        Case("-\r\n", .failure("ERR")),
        Case(":0\r\n", .integer(0)),
        Case(":-17\r\n", .integer(-17)),
        Case("$0\r\n\r\n", .bytes([])),
        Case("$4\r\na\r\nb\r\n", .bytes(Array("a\r\nb".utf8))),
        Case("$-1\r\n", .absent),
        Case("*-1\r\n", .absent),
        Case("*0\r\n", .list([])),
        Case(
            "*3\r\n:1\r\n$1\r\nx\r\n*1\r\n+y\r\n",
            .list([.integer(1), .bytes([120]), .list([.text([121])])])
        ),
    ]

    @Test(arguments: cases) func replies(_ one: Case) throws {
        let bytes = Array(one.text.utf8)
        // Whatever follows is another reply's.
        for rest in ["", "+", "$3\r\nabc"] {
            let all = bytes + Array(rest.utf8)
            let found = try RedisReply.parse(all.span)
            #expect(found?.reply == one.reply)
            #expect(found?.byteCount == bytes.count)
        }
        for count in 0..<bytes.count {
            let start = Array(bytes[..<count])
            let found = try RedisReply.parse(start.span)
            #expect(found == nil, "after \(count) bytes")
        }
    }

    static let broken = [
        "OK\r\n", "\r\n", ":\r\n", ":1x\r\n", ":--1\r\n", ":9999999999999999999\r\n", "$-2\r\n", "$x\r\n",
        "$1\r\nxy\r\n",
        "*-2\r\n", "*x\r\n", "*1\r\nx\r\n", "+OK\rx", "%1\r\n", "_\r\n", "#t\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    ]

    @Test(arguments: broken) func brokenOnesAreRefused(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: RedisFailure.malformed) { try RedisReply.parse(bytes.span) }
    }

    @Test(arguments: [
        "$4194305\r\n", "*65537\r\n", "$999999999999999999\r\n", "+" + String(repeating: "x", count: 5000),
    ])
    func largeOnesAreRefused(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: RedisFailure.tooLarge) { try RedisReply.parse(bytes.span) }
    }

    /// Nothing that a server can say makes the reader trap.
    @Test func randomBytesAreReadOrRefused() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let alphabet = Array("+-:$*0123456789\r\n\r\n\r\nxA ".utf8)
        for _ in 0..<3000 {
            let bytes = (0..<random(40)).map { _ in alphabet[random(alphabet.count)] }
            if let found = try? RedisReply.parse(bytes.span) {
                #expect(found.byteCount <= bytes.count, "seed \(seed)")
            }
        }
    }
}
