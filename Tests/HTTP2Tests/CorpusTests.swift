// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTP2
import TestSupport
import Testing

/// The public frame cases (`http2-frames`): each normal frame is taken for what it is, each wrong one ends the
/// connection with the code that it wants.
@Suite(.enabled(if: Corpora.has("http2-frames"), "no corpora on this machine"))
struct CorpusTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var wire: [UInt8]
        var length = 0
        var type: UInt8 = 0
        var flags: UInt8 = 0
        var stream: UInt32 = 0
        var errors: [UInt32] = []
        var data: String?
        var testDescription: String { name }
    }

    static let cases: [Case] = Corpora.names("http2-frames").flatMap { folder in
        Corpora.names("http2-frames/\(folder)").filter { $0.hasSuffix(".json") }.compactMap { file in
            parse("\(folder)/\(file)")
        }
    }

    private static func parse(_ name: String) -> Case? {
        let bytes = Data(Corpora.read("http2-frames/\(name)"))
        guard let json = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
            let wire = json["wire"] as? String
        else { return nil }
        let digits = Array(wire)
        var result = Case(
            name: name,
            wire: stride(from: 0, to: digits.count, by: 2).map { index in
                UInt8(String(digits[index...index + 1]), radix: 16) ?? 0
            }
        )
        result.errors = (json["error"] as? [Int] ?? []).map(UInt32.init)
        guard let frame = json["frame"] as? [String: Any] else { return result }
        result.length = frame["length"] as? Int ?? -1
        result.type = UInt8(frame["type"] as? Int ?? 255)
        result.flags = UInt8(frame["flags"] as? Int ?? 255)
        result.stream = UInt32(frame["stream_identifier"] as? Int ?? -1)
        result.data = (frame["frame_payload"] as? [String: Any])?["data"] as? String
        return result
    }

    @Test func theCorpusIsWhole() {
        #expect(Self.cases.filter { $0.errors.isEmpty }.count == 12)
        #expect(Self.cases.filter { !$0.errors.isEmpty }.count == 22)
    }

    @Test(arguments: cases.filter { !$0.errors.isEmpty })
    func aWrongFrameEndsTheConnection(_ wrong: Case) {
        let rig = ServerRig()
        rig.feed(wrong.wire)
        #expect(rig.goAway.map(wrong.errors.contains) == true, "sent \(rig.sent)")
    }

    /// On a stream that is open, since the cases have none of their own.
    @Test(arguments: cases.filter { $0.errors.isEmpty })
    func aNormalFrameIsWhatItIs(_ normal: Case) {
        let frame = Frame.parse(normal.wire)[0]
        #expect(frame.payload.count == normal.length && frame.type == normal.type)
        #expect(frame.flags == normal.flags && frame.stream == normal.stream)
        let rig = ServerRig()
        var moved = frame
        if moved.stream != 0 { moved.stream = 1 }
        switch Frame.Kind(rawValue: frame.type) {
        case .data:
            rig.feed(.headers(1, ServerRig.post, ends: false))
            rig.feed(moved)
            #expect(rig.told.contains("data 1 \(normal.data ?? "")"))
        case .headers, .continuation:
            if frame.type == 9 { rig.feed(.headers(1, [], whole: false)) }
            rig.feed(moved)
            if moved.flags & Frame.endHeaders == 0 {
                rig.feed(Frame(.continuation, flags: Frame.endHeaders, stream: 1))
            }
            // The frame is well; its text, "this is dummy", is no HPACK.
            if normal.length > 0 { return #expect(rig.goAway == 9) }
            #expect(rig.told.contains("unread 1 pseudo_field_missing"))
            return
        case .priority, .settings, .windowUpdate, .ping, .reset, .goAway:
            rig.feed(.headers(1, ServerRig.post, ends: false))
            rig.feed(moved)
        case .push:
            // What only servers may send.
            rig.feed(.headers(1, ServerRig.post, ends: false))
            rig.feed(moved)
            #expect(rig.goAway == 1)
            return
        case nil: Issue.record("a frame that nobody knows")
        }
        #expect(rig.goAway == nil, "sent \(rig.sent)")
        switch Frame.Kind(rawValue: frame.type) {
        case .ping: #expect(rig.sent.last == Frame(.ping, flags: Frame.acknowledge, frame.payload))
        case .settings: #expect(rig.sent.last?.description == "settingsAck")
        case .reset: #expect(rig.told.last == "closed 1 \(frame.number(at: 0))")
        case .goAway: #expect(rig.told.last == "goAway \(frame.number(at: 4))")
        case .data, .headers, .priority, .push, .windowUpdate, .continuation, nil: break
        }
    }
}
