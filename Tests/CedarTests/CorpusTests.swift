// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import TestSupport
import Testing

/// All cases of the integration tests and those derived from them.
@Suite(.enabled(if: Corpora.root != nil, "the corpora are not here: set BULKHEAD_CORPORA"))
struct CorpusTests {
    private func run(_ folder: String, _ names: [String]) {
        var failures: [String] = []
        for name in names {
            do throws(DataError) {
                let json = try Document.parse(Corpora.text("\(folder)/\(name).json"))
                let one = try ConformanceCase(json) { Corpora.text("\(folder)/\($0)") }
                failures += one.failures().map { "\(name): \($0)" }
            } catch {
                failures.append("\(name): \(error)")
            }
        }
        #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(20).joined(separator: "\n"))")
    }

    private func names(_ folder: String, prefix: String) -> [String] {
        Corpora.names(folder).filter { $0.hasSuffix(".json") && !$0.hasSuffix(".entities.json") }
            .map { prefix + $0.dropLast(5) }
    }

    @Test func corpus() {
        let folder = "cedar/cedar-integration-tests"
        let names = names(folder + "/corpus-tests", prefix: "corpus-tests/")
        #expect(names.count == 1500)
        run(folder, names)
    }

    @Test(arguments: ["decimal": 2, "example_use_cases": 12, "ip": 3, "multi": 5])
    func handWritten(_ topic: String, _ count: Int) {
        let folder = "cedar/cedar-integration-tests"
        let names = names("\(folder)/tests/\(topic)", prefix: "tests/\(topic)/")
        #expect(names.count == count)
        run(folder, names)
    }

    @Test func multiplePolicies() {
        let folder = "cedar/oracle-derived"
        let names = names(folder + "/multi", prefix: "multi/")
        #expect(names.count == 300)
        run(folder, names)
    }

    /// The example applications: folders of requests that must be allowed and denied, some with linked templates.
    @Test func examples() throws {
        let use = "cedar/cedar-examples/cedar-example-use-cases/"
        let action = "cedar/cedar-examples/cedar-policy-language-in-action/"
        let folders =
            [
                "document_cloud", "github_example", "hotel_chains/static", "hotel_chains/templated",
                "sales_orgs/static", "sales_orgs/templated", "streaming_service", "tags_n_roles",
                "tax_preparer",
            ].map { use + $0 } + ["GitApp", "PhotoApp"].map { action + $0 }
        var count = 0
        for folder in folders {
            let schemaName = try #require(Corpora.names(folder).first { $0.hasSuffix(".cedarschema") })
            let schema = try Schema(Source(name: folder, text: Corpora.text("\(folder)/\(schemaName)")))
            let policyName = try #require(Corpora.names(folder).first { $0.hasSuffix(".cedar") })
            let source = Source(name: folder, text: Corpora.text("\(folder)/\(policyName)"))
            var policies = try PolicySet([source], naming: .annotated)
            if Corpora.names(folder).contains("linked") {
                let links = try ValueReader().links(try Document.parse(Corpora.text(folder + "/linked")))
                for link in links { try policies.add(link) }
            }
            let errors = Validator(schema).validate(policies).filter { $0.severity == .error }
            #expect(errors == [], "\(folder)")
            let entitiesName = try #require(Corpora.names(folder).first { $0.hasSuffix("entities.json") })
            let entities = try Document.parse(Corpora.text("\(folder)/\(entitiesName)"))
            // Not checked against the schema: one application's entities differ from its own.
            let data = try ValueReader().entities(entities, schema).filter { schema.actions[$0.uid] == nil }
            let store = try EntityStore(data + schema.actionEntities)
            let authorizer = Authorizer(policies)
            for verdict in ["ALLOW", "DENY"] {
                for name in Corpora.names("\(folder)/\(verdict)") {
                    let json = try Document.parse(Corpora.text("\(folder)/\(verdict)/\(name)"))
                    let decision = authorizer.authorize(try ValueReader().request(json, schema), store)
                    #expect(decision.allowed == (verdict == "ALLOW"), "\(folder)/\(verdict)/\(name)")
                    count += 1
                }
            }
        }
        #expect(count == 72)
    }
}
