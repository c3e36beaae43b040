// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import TestSupport
import Testing

/// Whatever comes, in whatever pieces, a session has one opinion of it, and a bounded one.
@Suite struct MutationTests {
    private static let transcript: [Frame] = [
        .settings([(4, 70_000)]),
        .headers(1, ServerRig.get + [("x-a", "b")]),
        .headers(3, ServerRig.post + [("content-length", "4")], ends: false),
        Frame(.priority, stream: 3, [0, 0, 0, 1, 16]),
        .data(3, "ab"), .windowUpdate(0, 100), .windowUpdate(3, 100), .data(3, "cd", ends: true),
        .headers(5, Array(ServerRig.post[0..<2]), ends: false, whole: false),
        Frame(.continuation, flags: Frame.endHeaders, stream: 5, Frame.block(Array(ServerRig.post[2...]))),
        Frame(.ping, [1, 2, 3, 4, 5, 6, 7, 8]),
        .data(5, "body"), .headers(5, [("x-trailer", "t")]),
        .headers(7, ServerRig.post, ends: false), .reset(7, 8),
        Frame(.goAway, Frame.number(0) + Frame.number(0)),
    ]

    /// All that can be seen of a session, the stretches of one body put together.
    private func outcome(_ bytes: [UInt8], cut: (Int) -> Int) -> [String] {
        let rig = ServerRig()
        rig.answers = true
        var index = 0
        while index < bytes.count {
            let end = min(index + max(cut(bytes.count - index), 1), bytes.count)
            rig.feed(Array(bytes[index..<end]))
            index = end
        }
        // An answer goes out before what comes later is read, or behind it: only what was understood counts.
        let told = rig.told.filter { !$0.hasPrefix("closed") && !$0.hasPrefix("data") }
        return told + ["\(rig.failure as HTTP2Error.Reason?)"]
    }

    @Test func piecesChangeNothing() {
        var random = Seeded.printed()
        let bytes = Self.transcript.flatMap(\.bytes)
        let whole = outcome(bytes) { $0 }
        #expect(whole.contains("ended 5 trailers 1"))
        for _ in 0..<200 {
            let pieces = outcome(bytes) { _ in Int.random(in: 1...40, using: &random) }
            #expect(pieces == whole)
        }
    }

    @Test func mutationsAreBorne() {
        var random = Seeded.printed()
        let original = Self.transcript.flatMap(\.bytes)
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            _ = outcome(bytes) { _ in Int.random(in: 1...200, using: &random) }
        }
    }
}
