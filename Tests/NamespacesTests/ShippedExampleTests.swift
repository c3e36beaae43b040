// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Foundation
import HTTPTypes
import Namespaces
import TestSupport
import Testing

/// Every table that ships does what its own examples say, and says it in any pieces.
@Suite struct ShippedExampleTests {
    static let tables: [String] = {
        let folder = Repository.root.appending(path: "Config/adapters").path()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }()

    @Test(arguments: tables) func doesWhatItsExamplesSay(_ name: String) throws {
        let adapter = try Rig.adapter(name)
        #expect(adapter.name == name)
        if adapter.kind == .store { #expect(adapter.examples.count >= 2) }
        for example in adapter.examples {
            let result = adapter.run(example)
            #expect(result.differences == [], "\(name) \(example.pointer)")
        }
    }

    @Test func thereAreAll() {
        #expect(
            Set(Self.tables).isSuperset(of: ["chroma", "langgraph", "mem0", "openai", "opensearch", "qdrant"])
        )
    }

    /// What an example says wrongly is found, with its place.
    @Test func tellsWhatDiffers() throws {
        let table = AdapterLanguageTests.table(
            """
            rewrites: {n: {own: text}}
            segments: {n: n}
            operations:
              - {name: a, method: GET, path: "/a/{n}", action: memory:Read, response: {body: {/id: n}}}
            examples:
              - {request: {method: GET, target: "/a/$n(1)"}, sent: {target: /a/2}}
              - {request: {method: GET, target: "/a/$n(1)"}, refused: id_unknown}
              - {request: {method: GET, target: /a/1}, sent: {target: /a/1}}
              - {request: {method: GET, target: //}, refused: x}
              - request: {method: GET, target: "/a/$n(1)"}
                response: {body: '{"id":"1"}'}
                received: {body: '{"id":"1"}'}

            """
        )
        let adapter = try Rig.compile(table)
        let results = adapter.examples.map { adapter.run($0) }
        #expect(results.map(\.pointer) == (0..<5).map { "/examples/\($0)/request" })
        #expect(results[0].differences == ["sent target is /a/1, expected /a/2"])
        #expect(results[1].differences == ["it is not refused"])
        #expect(results[2].differences == ["refused is id_unknown, expected none"])
        #expect(results[3].differences.count == 1 && results[4].differences.count == 1)
    }
}

/// Ids of any form, and digests.
@Suite struct TextSealerTests {
    static func exchange(_ rewrites: String, tenant: String, target: String) throws -> Sent {
        let table = AdapterLanguageTests.table(
            """
            rewrites: \(rewrites)
            segments: {a: a, b: b}
            operations:
              - {name: a, method: GET, path: "/a/{a}", action: memory:Read, response: {body: {/a: a}}}
              - {name: b, method: GET, path: "/b/{b}", action: memory:Read, response: {body: {/b: b}}}

            """
        )
        let adapter = try Rig.compile(table)
        var exchange = Exchange(adapter, try Rig.scope(adapter, tenant), .get, target)
        return try exchange.send()
    }

    /// The visible id of `real` for a tenant.
    static func visible(_ real: String, _ tenant: String) throws -> String {
        let adapter = try Rig.compile(
            AdapterLanguageTests.table(
                """
                rewrites: {a: {own: text}, b: {own: text}}
                operations:
                  - {name: a, method: GET, path: "/a", action: memory:Read, response: {body: {/a: a}}}

                """
            )
        )
        var exchange = Exchange(adapter, try Rig.scope(adapter, tenant), .get, "/a")
        _ = try exchange.send()
        return String(try exchange.receive(200, #"{"a":"\#(real)"}"#).body.dropFirst(6).dropLast(2))
    }

    @Test func opensInItsCompartmentAndItsKindAlone() throws {
        let rewrites = "{a: {own: text}, b: {own: text}}"
        let id = try Self.visible("file-1", "acme")
        #expect(id.hasPrefix("file-1") && id.count == 26)
        #expect(try Self.exchange(rewrites, tenant: "acme", target: "/a/\(id)").target == "/a/file-1")
        let refused = [
            ("acme", "/b/\(id)"), ("acme2", "/a/\(id)"), ("acme", "/a/file-1"), ("acme", "/a/x\(id)"),
            ("acme", "/a/\(id)a"), ("acme", "/a/\(id.dropLast())"), ("acme", "/a/\(id.uppercased())"),
            ("acme", "/a/file-2\(id.dropFirst(6))"), ("acme", "/a/\(id.dropFirst(6))"),
        ]
        for (tenant, target) in refused {
            #expect(try Self.exchange(rewrites, tenant: tenant, target: target).refused == .idUnknown)
        }
        #expect(try Self.visible("file-1", "acme2") != id)
        // An id that needs escapes in a path is read by its meaning.
        let odd = try Self.visible("a/b+c=", "acme").replacing("/", with: "%2F").replacing("+", with: "%2B")
            .replacing("=", with: "%3D")
        let opaque = "{a: {own: text}, b: {own: text}}"
        #expect(
            try Self.exchange(opaque, tenant: "acme", target: "/a/\(odd)").refused == .pathEncodingRefused
        )
    }

    @Test func digestsTheSameToTheSame() throws {
        let rewrites = #"{a: {digest: "{compartment}-"}, b: {digest: "{compartment}-"}}"#
        let one = try Self.exchange(rewrites, tenant: "acme", target: "/a/session%20one").target
        #expect(one.hasPrefix("/a/t4acme-") && one.count == 10 + 32)
        #expect(try Self.exchange(rewrites, tenant: "acme", target: "/a/session%20one").target == one)
        #expect(
            try Self.exchange(rewrites, tenant: "acme", target: "/b/session%20one").target.dropFirst(10)
                != one.dropFirst(10)
        )
        #expect(
            try Self.exchange(rewrites, tenant: "acme2", target: "/a/session%20one").target.dropFirst(11)
                != one.dropFirst(10)
        )
        // A digest is as good a key as what it stands for; another's is a value like any other.
        let digest = one.dropFirst(10)
        #expect(try Self.exchange(rewrites, tenant: "acme", target: "/a/\(digest)").target == one)
        #expect(
            try Self.exchange(rewrites, tenant: "globex", target: "/a/\(digest)").target.dropFirst(12)
                != digest
        )
    }

    @Test(
        arguments: [
            ("a", "t4acme-a"), ("a,b*", "t4acme-a,t4acme-b*"), ("_all", "t4acme-*"), ("*", "t4acme-*"),
            ("a,-b", "t4acme-a,-t4acme-b"),
            ("a%2C_all", "t4acme-a%2Ct4acme-%2A"), ("-a", nil), ("_a", nil), ("a,,b", nil), ("a,", nil),
            (",", nil), ("%3Ca%3E", nil),
            ("a%20", nil), ("a:b", nil), ("a,+b", nil), ("a,--b", nil), ("%C3%A9", nil),
        ] as [(String, String?)]
    )
    func namesLists(_ list: String, _ expected: String?) throws {
        let rewrites = #"{a: {prefix: "{compartment}-", list: true, all: [_all, "*"]}, b: {own: uuid}}"#
        let sent = try Self.exchange(rewrites, tenant: "acme", target: "/a/\(list)")
        if let expected {
            #expect(sent.target == "/a/\(expected)")
        } else {
            #expect(sent.refused == .nameRefused || sent.refused == .pathEncodingRefused)
        }
    }
}
