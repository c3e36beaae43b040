// SPDX-License-Identifier: Apache-2.0
import Configuration
import TestSupport
import Testing

/// What stands in Config/.
@Suite struct ShippedTests {
    @Test func theShippedConfigurationIsRight() throws {
        let configuration = try decode(Repository.text("Config/bulkhead.yaml"), file: "Config/bulkhead.yaml")
        #expect(configuration.check(adapters: adapters, now: now) == [])
        #expect(configuration.tenants.file == "Config/tenants.yaml")
        let bytes = Array(try Repository.text("Config/tenants.yaml").utf8)
        let tenants = try Configuration.TenantsFile.decode(bytes.span, file: "t", for: configuration)
        #expect(tenants.tenants.map(\.status) == [.active, .active, .suspended])
    }

    /// The traits that these tests assume are those of the shipped tables.
    @Test func theShippedRoutesHaveShippedAdapters() throws {
        let configuration = try decode(Repository.text("Config/bulkhead.yaml"), file: "Config/bulkhead.yaml")
        for route in configuration.routes {
            let table = try parse(Repository.text("Config/adapters/\(route.adapter).yaml"))
            let traits = try #require(adapters[route.adapter])
            let context = YAML.Context(file: "f.yaml")
            let value = { (key: String) in table[key].map(context.root) }
            #expect(value("kind")?.string() == (traits.kind == .ingress ? "ingress" : "store"))
            #expect(value("single_layer")?.boolean() ?? false == traits.isSingleLayer)
        }
    }

    @Test func theWorkedExampleIsRight() throws {
        let readme = try Repository.text("Config/README.md")
        let example = try #require(readme.split(separator: "## Worked example").last)
        let yaml = try #require(example.split(separator: "```yaml\n").last?.split(separator: "```").first)
        let configuration = try decode(String(yaml))
        #expect(configuration.check(adapters: adapters, now: now) == [])
    }

    /// Every key that the decoder asks for has a row, and every row is a key.
    @Test func theDocumentationNamesEveryKey() throws {
        let documented = try documentedKeys()
        let context = YAML.Context(file: "f", environment: ["PREVIOUS": String(repeating: "p", count: 32)])
        let configuration = try Configuration.decode(try parse(everything), in: context)
        #expect(documented.configuration.symmetricDifference(keys(context.knownKeys)).sorted() == [])
        let tenants = "tenants: [{id: a, tier: high, issuers: [one], limits: {concurrent: 1}}]"
        let registry = YAML.Context(file: "t")
        _ = try Configuration.TenantsFile.decode(try parse(tenants), in: registry, for: configuration)
        #expect(documented.registry.symmetricDifference(keys(registry.knownKeys)).sorted() == [])
        #expect(documented.configuration.count > 120 && documented.registry.count > 12)
    }

    /// Without items of lists and without names that users choose.
    private func keys(_ patterns: Set<String>) -> Set<String> {
        patterns.filter { !$0.hasSuffix("[]") && !$0.hasSuffix("*") }
    }

    private func documentedKeys() throws -> (configuration: Set<String>, registry: Set<String>) {
        var found: (configuration: Set<String>, registry: Set<String>) = ([], [])
        var section = ""
        var isRegistry = false
        for line in try Repository.text("Config/README.md").split(separator: "\n") {
            if line.hasPrefix("#") {
                let parts = line.split(separator: "`", omittingEmptySubsequences: false)
                section = parts.count == 3 ? parts[1] + "." : ""
                isRegistry = line.hasPrefix("### Registry")
            } else if line.hasPrefix("| `") {
                let key = section + line.split(separator: "`")[1]
                if isRegistry { found.registry.insert(key) } else { found.configuration.insert(key) }
            }
        }
        return found
    }

    /// No edit of a good file makes the decoder or the checks trap.
    @Test(arguments: [UInt64(11), 12, 13])
    func damagedFilesAreRefusedNotFatal(_ seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let texts = [everything, base, try Repository.text("Config/bulkhead.yaml")].map { Array($0.utf8) }
        let alphabet = Array(": {}[]-\"'\n#&*!|>%@`$~0a\t,?\u{0}\u{7F}\u{FF}".utf8)
        for round in 0..<400 {
            var bytes = texts[round % texts.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = alphabet.randomElement(using: &random)!
                case 1: bytes.insert(alphabet.randomElement(using: &random)!, at: index)
                case 2: bytes.remove(at: index)
                default: bytes.removeSubrange(index..<min(index + 20, bytes.count))
                }
            }
            load(bytes)
        }
    }

    @Test func everyPrefixIsRefusedOrReadNotFatal() throws {
        let bytes = Array(base.utf8)
        for count in stride(from: 0, through: bytes.count, by: 3) { load(Array(bytes[..<count])) }
    }

    private let registry = try? decode(base)

    private func load(_ bytes: [UInt8]) {
        do throws(Configuration.Problems) {
            let configuration = try Configuration.decode(
                bytes.span,
                file: "f.yaml",
                environment: ["PREVIOUS": "p"]
            )
            _ = configuration.check(adapters: adapters, now: now)
        } catch {
            #expect(!error.list.isEmpty)
        }
        if let registry {
            _ = try? Configuration.TenantsFile.decode(bytes.span, file: "t.yaml", for: registry)
        }
    }
}
