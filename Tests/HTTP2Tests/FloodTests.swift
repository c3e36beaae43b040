// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import Testing

/// What a hostile caller sends again and again: each has its limit, and ends with GOAWAY and ENHANCE_YOUR_CALM.
@Suite struct FloodTests {
    struct Attack: CustomTestStringConvertible, Sendable {
        var flood: HTTP2Error.Flood
        /// Frames that open the attack, and those of its nth round.
        var opening: [Frame]
        var round: @Sendable (UInt32) -> [Frame]
        /// Rounds that are borne.
        var borne: Int
        var testDescription: String { "\(flood)" }
    }

    static let attacks: [Attack] = [
        Attack(
            flood: .resets,
            opening: [],
            round: { [.headers($0 * 2 + 1, ServerRig.get), .reset($0 * 2 + 1, 8)] },
            borne: 200
        ),
        Attack(
            flood: .continuations,
            opening: [.headers(1, ServerRig.get, whole: false)],
            round: { _ in [Frame(.continuation, stream: 1, Frame.block([("x", "y")]))] },
            borne: 8
        ),
        Attack(flood: .settings, opening: [], round: { _ in [Frame(.settings)] }, borne: 18),
        Attack(
            flood: .pings,
            opening: [],
            round: { _ in [Frame(.ping, [UInt8](repeating: 0, count: 8))] },
            borne: 100
        ),
        Attack(
            flood: .emptyFrames,
            opening: [.headers(1, ServerRig.post, ends: false)],
            round: { _ in [Frame(.data, stream: 1)] },
            borne: 100
        ),
        Attack(
            flood: .otherFrames,
            opening: [],
            round: { _ in [Frame(.priority, stream: 1, [0, 0, 0, 3, 16])] },
            borne: 1000
        ),
        Attack(
            flood: .windowUpdates,
            opening: [.headers(1, ServerRig.get)],
            round: { _ in [.windowUpdate(1, 1)] },
            borne: 500
        ),
    ]

    @Test(arguments: attacks)
    func endsTheConnection(_ attack: Attack) {
        let rig = ServerRig()
        for frame in attack.opening { rig.feed(frame) }
        var rounds = 0
        while rounds < 2000, !rig.isDone {
            rig.feed(attack.round(UInt32(rounds)).flatMap(\.bytes))
            rounds += 1
        }
        #expect(rig.failure == .flood(attack.flood))
        #expect(rig.goAway == 11)
        #expect(rounds == attack.borne + 1)
    }

    /// The same, slowly: nobody is in a hurry.
    @Test(arguments: attacks.filter { $0.flood != .continuations })
    func isBorneWhenSlow(_ attack: Attack) {
        let rig = ServerRig()
        for frame in attack.opening { rig.feed(frame) }
        for round in 0..<UInt32(1500) {
            rig.now = rig.now + .seconds(1)
            rig.feed(attack.round(round).flatMap(\.bytes))
        }
        #expect(rig.failure == nil)
    }

    /// Resets that the caller's own mistakes bring about count as its own (CVE-2025-8671).
    @Test func resetsMadeByMistakesCount() {
        let rig = ServerRig()
        var rounds: UInt32 = 0
        while rounds < 1000, !rig.isDone {
            rig.feed(.headers(rounds * 2 + 1, ServerRig.post + [("X-Upper", "a")], ends: false))
            rounds += 1
        }
        #expect(rig.failure == .flood(.resets) && rounds == 201)
    }

    /// Those that we bring about do not.
    @Test func resetsOfOursDoNotCount() {
        let rig = ServerRig()
        for round in 0..<Int32(1000) {
            rig.feed(.headers(UInt32(round) * 2 + 1, ServerRig.get))
            rig.server.session.reset(StreamID(round * 2 + 1), .internalError)
            rig.flush()
        }
        #expect(rig.failure == nil)
    }

    /// A few bytes that stand for a large head, over and over, cost no memory and do not go on.
    @Test func aBlockThatUnfoldsIsStopped() {
        let rig = ServerRig()
        let large = [0x40, 1, 0x78, 0x7F, 0x81, 0x1E] + [UInt8](repeating: 0x61, count: 4000)
        let block = Frame.block(ServerRig.get) + large + [UInt8](repeating: 0xBE, count: 12_000)
        rig.feed(Frame(.headers, flags: 5, stream: 1, block))
        #expect(rig.failure == .flood(.headerBytes))
        #expect(rig.goAway == 11)
    }

    /// Acknowledgements wait for a caller that does not read; there is a bounded number of them.
    @Test func unreadAcknowledgementsAreBounded() {
        var limits = HTTP2Limits()
        limits.pings = 1_000_000
        limits.queuedFrames = 50
        let rig = ServerRig(limits)
        let ping = Frame(.ping, [UInt8](repeating: 0, count: 8)).bytes
        for _ in 0..<100 where !rig.isDone {
            rig.server.session.received(ping.span, now: rig.now)
        }
        rig.flush()
        #expect(rig.failure == .flood(.queuedFrames))
    }

    /// The moment is that of the head's first byte, however its pieces come, and whatever came whole before it.
    @Test func aHeadThatDoesNotEndIsTimed() {
        let rig = ServerRig()
        let began = { rig.server.session.headBeganAt }
        let head = Frame.headers(3, ServerRig.get).bytes
        rig.feed(Frame.headers(1, ServerRig.post, ends: false).bytes)
        #expect(began() == nil)
        let start = rig.now
        for index in head.indices.dropLast() {
            rig.feed(Array(head[index...index]))
            // The nine bytes before a block are timed on their own.
            #expect(began() == (index < 8 ? start : start + .seconds(8)), "\(index)")
            rig.now = rig.now + .seconds(1)
        }
        rig.feed(Array(head.suffix(1)))
        #expect(began() == nil)
    }

    @Test func aBlockInPiecesIsTimedAsOne() {
        let rig = ServerRig()
        let start = rig.now
        rig.feed(Frame.headers(1, Array(ServerRig.get[0..<2]), whole: false).bytes)
        for _ in 0..<5 {
            rig.now = rig.now + .seconds(1)
            rig.feed(Frame(.continuation, stream: 1, Frame.block([("x", "y")])).bytes)
            #expect(rig.server.session.headBeganAt == start)
        }
        let rest = Frame(.continuation, flags: 4, stream: 1, Frame.block(Array(ServerRig.get[2...]))).bytes
        let next = Frame.headers(3, ServerRig.get).bytes
        rig.feed(rest + next.dropLast())
        #expect(rig.server.session.headBeganAt == rig.now, "another head")
    }

    /// What a body's sender owes is a matter of bodies.
    @Test func aBodyIsNoHead() {
        let rig = ServerRig()
        rig.feed(Frame.headers(1, ServerRig.post, ends: false).bytes)
        rig.feed(Array(Frame.data(1, "abcdef").bytes.dropLast(2)))
        #expect(rig.server.session.headBeganAt == nil)
    }
}
