// SPDX-License-Identifier: Apache-2.0
import Cedar
import Testing

/// All cases of the integration tests and those derived from them.
@Suite(.enabled(if: Corpora.root != nil, "the corpora are not here: set BULKHEAD_CORPORA"))
struct CorpusTests {
    private func run(_ folder: String, _ names: [String]) throws {
        var failures: [String] = []
        for name in names {
            do {
                failures += try Case(name, in: folder).disagreements()
            } catch {
                failures.append("\(name): \(error)")
            }
        }
        #expect(
            failures.isEmpty,
            "\(failures.count) of \(names.count): \(failures.prefix(20).joined(separator: "\n"))"
        )
    }

    private func names(_ folder: String, prefix: String) -> [String] {
        Corpora.names(folder).filter { $0.hasSuffix(".json") && !$0.hasSuffix(".entities.json") }
            .map { prefix + $0.dropLast(5) }
    }

    @Test func corpus() throws {
        let folder = "cedar/cedar-integration-tests"
        let names = names(folder + "/corpus-tests", prefix: "corpus-tests/")
        #expect(names.count == 1500)
        try run(folder, names)
    }

    @Test(arguments: ["decimal": 2, "example_use_cases": 12, "ip": 3, "multi": 5])
    func handWritten(_ topic: String, _ count: Int) throws {
        let folder = "cedar/cedar-integration-tests"
        let names = names("\(folder)/tests/\(topic)", prefix: "tests/\(topic)/")
        #expect(names.count == count)
        try run(folder, names)
    }

    @Test func multiplePolicies() throws {
        let folder = "cedar/oracle-derived"
        let names = names(folder + "/multi", prefix: "multi/")
        #expect(names.count == 300)
        try run(folder, names)
    }
}
