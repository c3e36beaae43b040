// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

/// llhttp's `url` blocks: what it refuses as a target is refused, what is accepted is parted as it parts it.
@Suite(.enabled(if: Corpora.has("llhttp"), "set BULKHEAD_CORPORA to a folder that holds llhttp"))
struct LLHTTPURLTests {
    @Test func targetsArePartedAlikeOrRefused() {
        var counts: [String: Int] = [:]
        for item in MarkdownCase.cases(below: "llhttp") where item.language == "url" {
            var head = RequestHead()
            do throws(TargetError) {
                try head.setTarget(item.input.span)
                head.version = .http10
                try head.resolveAuthority()
            } catch {
                counts[
                    item.error == nil ? "stricter: \(error.reason.code)" : "refused by both",
                    default: 0
                ] += 1
                continue
            }
            #expect(item.error == nil, "\(item.name)")
            #expect(head.path.bytes.text == item.span("url.path") ?? "/", "\(item.name)")
            #expect(head.path.query.text == item.span("url.query") ?? "", "\(item.name)")
            counts["read by both", default: 0] += 1
        }
        for (what, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("llhttp url: \(count) × \(what)")
        }
        #expect(counts["read by both", default: 0] > 0)
    }
}
