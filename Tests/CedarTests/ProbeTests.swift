// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import TestSupport
import Testing

/// Expressions and policies whose result the reference implementation told.
@Suite(.enabled(if: Corpora.root != nil, "the corpora are not here: set BULKHEAD_CORPORA"))
struct ProbeTests {
    private static let folder = "cedar/oracle-derived/probes/"

    @Test func expressions() throws {
        let world = try Document.parse(Corpora.read(Self.folder + "world.json").span)
        let store = try EntityStore(try ValueReader().entities(try #require(world.object?["entities"])))
        let request = try ValueReader().request(try #require(world.object?["request"]))
        var count = 0
        for line in Corpora.lines(Self.folder + "expressions.jsonl") {
            let probe = try #require(try Document.parse(line.span).object)
            let text = try #require(probe["expr"]?.string)
            #expect(outcome(text, request, store) == probe["result"]?.string, "\(text)")
            count += 1
        }
        #expect(count == 395)
    }

    private func outcome(_ expression: String, _ request: AccessRequest, _ store: EntityStore) -> String {
        let text = "permit(principal, action, resource) when {\n\(expression)\n};"
        guard let policies = try? PolicySet([Source(name: "probe", text: text)]) else { return "parse-error" }
        let decision = Authorizer(policies).authorize(request, store)
        if !decision.errors.isEmpty { return "eval-error" }
        return decision.allowed ? "true" : "false"
    }

    @Test func policies() throws {
        for line in Corpora.lines(Self.folder + "policies.jsonl") {
            let probe = try #require(try Document.parse(line.span).object)
            let text = try #require(probe["policies"]?.string)
            let policies = try? PolicySet([Source(name: "probe", text: text)])
            #expect((policies == nil) == (probe["parseError"] != nil), "\(text)")
        }
    }
}
