// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import Namespaces
import TestSupport
import Testing

/// The table language, on tables that use what the shipped ones do not.
@Suite struct AdapterLanguageTests {
    static let minimal = """
        adapter: t
        kind: store
        errors: {body: {message: "{message}"}, upstream: {/message: screen}}

        """

    static func table(_ rest: String) -> String { minimal + rest }

    /// A table of everything that a field can be.
    static let everything = table(
        """
        single_layer: true
        maximum_body: 1KiB
        rewrites:
          space: {pin: "ns-{compartment}", visible: [main, "{tenant}"]}
          item: {own: uuid}
          key: {prefix: "k.{compartment}."}
        segments: {space: space, item: item, key: key, any: opaque, plain: pass}
        headers:
          request: {x-space: space, x-item: item, x-key: key, x-no: refuse, x-yes: pass, x-a-*: pass, x-a-b-*: drop}
          response: {x-space: space, x-item: item, x-key: key, x-yes: pass}
        operations:
          - name: find
            method: GET
            path: "/find/{key}"
            action: memory:Search
            request: {query: {space: space, item: item, key: key, plain: pass, gone: drop, no: refuse}}
            response: {body: {/*/space: space, /*/item: item, /*/key: key, /*/rest: opaque}}
          - name: write
            method: POST
            path: "/write/{any}"
            action: memory:Write
            request: {body: {/space: space, /item: item, /keys/*: key, /more/item: item, /no: refuse, /rest: opaque}}
            response: {body: none}
          - name: item
            method: GET
            path: "/spaces/{space}/{item}/{plain}"
            action: memory:Read
            not_found: store
            response: {body: {/item: item}}
          - {name: closed, method: GET, path: /closed, refuse: true}

        """
    )

    let adapter: Adapter
    let acme: AdapterScope

    init() throws {
        adapter = try Rig.compile(Self.everything)
        acme = try Rig.scope(adapter, "acme")
    }

    static let real = "2e89b645-9908-45a8-baf9-cfd1f61ff735"

    func visible() throws -> String {
        var exchange = Exchange(adapter, acme, .get, "/find/x")
        _ = try exchange.send()
        let body = #"[{"space":"ns-t4acme","item":"\#(Self.real)"}]"#
        let received = try exchange.receive(200, body)
        try #require(received.refused == nil)
        return String(received.body.dropLast(3).suffix(36))
    }

    @Test func rewritesParameters() throws {
        let id = try visible()
        let cases: [(String, String)] = [
            ("/find/a", "/find/k.t4acme.a?space=ns-t4acme"),
            ("/find/a?plain=x%20y", "/find/k.t4acme.a?plain=x%20y&space=ns-t4acme"),
            ("/find/a?space=acme&gone=1", "/find/k.t4acme.a?space=ns-t4acme"),
            ("/find/a?space=m%61in&key=b+c", "/find/k.t4acme.a?space=ns-t4acme&key=k.t4acme.b%20c"),
            ("/find/a?item=\(id)", "/find/k.t4acme.a?item=\(Self.real)&space=ns-t4acme"),
            ("/find/a%20b?gone=1&&plain", "/find/k.t4acme.a%20b?plain&space=ns-t4acme"),
        ]
        for (target, store) in cases {
            var exchange = Exchange(adapter, acme, .get, target)
            let sent = try exchange.send()
            #expect(sent.target == store, "\(sent)")
        }
        let refused: [(String, AdapterReason)] = [
            ("space=globex", .tenantForeign), ("space=", .tenantForeign), ("space=ns-t4acme", .tenantForeign),
            ("space=main&space=main", .parameterDuplicate), ("no=1", .parameterRefused),
            ("item=1", .idMalformed), ("sp%61ce=main", .parameterUndeclared),
            ("Space=main", .parameterUndeclared),
        ]
        for (query, reason) in refused {
            var exchange = Exchange(adapter, acme, .get, "/find/a?\(query)")
            #expect(try exchange.send().refused == reason)
        }
    }

    @Test func rewritesHeaders() throws {
        let id = try visible()
        var exchange = Exchange(
            adapter,
            acme,
            .get,
            "/find/a",
            fields: [
                ("X-Space", "acme"), ("X-Item", id), ("X-Key", "k"), ("X-Yes", "y"), ("X_Yes", "n"),
                ("X-A-C", "1"),
                ("X-A-B-C", "2"), ("X-Other", "3"),
            ]
        )
        #expect(
            try exchange.send().fields == [
                "x-space: ns-t4acme", "x-item: \(Self.real)", "x-key: k.t4acme.k", "x-yes: y", "x-a-c: 1",
                "accept-encoding: identity",
            ]
        )
        let json = ("content-type", "application/json; charset=UTF-8")
        let received = try exchange.receive(
            200,
            #"[{"space":"ns-t4acme","key":"k.t4acme.a"}]"#,
            fields: [
                json, ("X-Space", "ns-t4acme"), ("X-Item", Self.real), ("X-Key", "k.t4acme.b"),
                ("X-A-C", "4"),
            ]
        )
        // Named `acme` in the request, so shown as that.
        #expect(received.fields == ["content-type: \(json.1)", "x-space: acme", "x-item: \(id)", "x-key: b"])
        #expect(received.body == #"[{"space":"acme","key":"a"}]"#)
        for (name, value) in [("X-Space", "ns-t6globex"), ("X-Key", "k.t6globex.b"), ("X-Key", "b")] {
            let leak = try exchange.receive(200, "[]", fields: [json, (name, value)])
            #expect(leak.refused == .foreignObject)
            #expect(leak.refused?.isLeak == true)
        }
        let refused: [([(String, String)], AdapterReason)] = [
            ([("X-No", "1")], .headerRefused), ([("X-Space", "globex")], .tenantForeign),
            ([("X-Space", "main"), ("x-space", "main")], .headerDuplicate),
            ([("X-Item", Self.real + "0")], .idMalformed),
        ]
        for (fields, reason) in refused {
            exchange = Exchange(adapter, acme, .get, "/find/a", fields: fields)
            #expect(try exchange.send().refused == reason)
        }
    }

    @Test func rewritesBodies() throws {
        let id = try visible()
        var exchange = Exchange(
            adapter,
            acme,
            .post,
            "/write/a%2Fb",
            body:
                #"{ "keys" : ["é\n", null, "\u0061"], "space":"main", "item":"\#(id)","rest":{"space":"x"} }"#
        )
        let sent = try exchange.send()
        #expect(sent.target == "/write/a%2Fb")
        #expect(
            sent.body
                == #"{ "keys" : ["k.t4acme.é\n", null, "k.t4acme.a"], "space":"ns-t4acme", "item":"\#(Self.real)","rest":{"space":"x"} }"#
        )
        #expect(try exchange.receive(204, "").refused == nil)
        #expect(try exchange.receive(200, "x").refused == .responseUndeclared)
        let refused: [(String, AdapterReason)] = [
            (#"{"keys":[]}"#, .memberMissing), (#"{"space":"main","no":1}"#, .memberRefused),
            (#"{"space":"main","item":"\#(Self.real)"}"#, .idUnknown),
            (#"{"space":"t4acme"}"#, .tenantForeign),
            (#"{"space":"main","keys":[1]}"#, .memberType), (#"{"space":"main","keys":"a"}"#, .memberType),
            (#"{"space":"main","rest":"\#(String(repeating: "a", count: 1024))"}"#, .bodyTooLarge),
        ]
        for (body, reason) in refused {
            // A real id opens to noise here, which has the form of an id once in a while.
            exchange = Exchange(adapter, acme, .post, "/write/a", body: body)
            let sent = try exchange.send()
            #expect(sent.refused == reason || (reason == .idUnknown && !sent.body.contains(Self.real)))
        }
    }

    @Test func tellsWhoseNotFoundItIs() throws {
        let id = try visible()
        var exchange = Exchange(adapter, acme, .get, "/spaces/acme/\(id)/f")
        #expect(try exchange.send().target == "/spaces/ns-t4acme/\(Self.real)/f")
        let other = try exchange.receive(404, #"{"message":"no such function"}"#)
        #expect(other.body == #"{"message":"no such function"}"#)
        let gone = try exchange.receive(404, #"{"message":"no \#(Self.real)"}"#)
        #expect(gone.body == #"{"message":"request refused: id_unknown"}"#)
        #expect(gone.status == 404)
    }

    @Test func refusesWhatIsClosed() throws {
        var exchange = Exchange(adapter, acme, .get, "/closed")
        let sent = try exchange.send()
        #expect(sent.refused == .operationRefused)
        #expect(sent.status == 403)
    }

    @Test func hasADistinctCodeForEachReason() {
        #expect(Set(AdapterReason.allCases.map(\.rawValue)).count == AdapterReason.allCases.count)
        for reason in AdapterReason.allCases {
            #expect(reason.rawValue.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == UInt8(ascii: "_") })
            #expect((400...502).contains(reason.status))
        }
    }

    /// A broken table is told, whatever is broken.
    @Test func neverTrapsOnATable() throws {
        var random = Seeded.printed()
        let lines = try Repository.text("Config/adapters/chroma.yaml")
            .split(separator: "\n", omittingEmptySubsequences: false)
        let words = [
            "pass", "opaque", "[]", "{}", "7", "null", "collection", "tenant", "{shape: collection}", "-1",
        ]
        var taken = 0
        for _ in 0..<150 {
            var changed = lines
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = changed.indices.randomElement(using: &random)!
                if Bool.random(using: &random) {
                    changed.remove(at: place)
                } else if let colon = changed[place].lastIndex(of: ":") {
                    changed[place] = changed[place][...colon] + " " + words.randomElement(using: &random)!
                }
            }
            if (try? Rig.compile(changed.joined(separator: "\n"))) != nil { taken += 1 }
        }
        print("\(taken) of 150 changed tables were taken")
    }

    // MARK: the README

    /// The worked example is a table that works as its text says.
    @Test func worksAsTheREADMESays() throws {
        let text = try Repository.text("Config/adapters/README.md")
        let blocks = text.split(separator: "```yaml\n").dropFirst()
        let notes = try Rig.compile(String(try #require(blocks.first?.split(separator: "```").first)))
        let scope = try Rig.scope(notes, "acme")
        var exchange = Exchange(notes, scope, .get, "/spaces/acme/notes?author=a")
        #expect(try exchange.send().target == "/spaces/t4acme/notes?author=a")
        let received = try exchange.receive(200, #"[{"id":"\#(Self.real)","space":"t4acme","tags":[]}]"#)
        #expect(received.body.hasSuffix(#"","space":"acme","tags":[]}]"#))
        let id = received.body.dropFirst(8).prefix(36)
        exchange = Exchange(notes, scope, .get, "/spaces/main/notes/\(id)")
        #expect(try exchange.send().target == "/spaces/t4acme/notes/\(Self.real)")
        exchange = Exchange(notes, scope, .get, "/spaces/main/notes/x")
        #expect(
            try exchange.send().answer
                == #"{"error":"request refused: id_malformed","reason":"id_malformed"}"#
        )
    }

    /// Every key that the decoder knows stands in the README, and every reason code.
    @Test func isDocumented() throws {
        let text = try Repository.text("Config/adapters/README.md")
        for reason in AdapterReason.allCases { #expect(text.contains("`\(reason.rawValue)`")) }
        // The decoder lists its keys when it meets an unknown one.
        let tables = [
            "zzz: 1", Self.table("headers: {zzz: 1}\noperations: [{zzz: 1}]"),
            "adapter: t\nkind: store\nerrors: {zzz: 1}\nprovision: [{zzz: 1}]",
            Self.table("rewrites: {x: {zzz: 1}}"), Self.table("examples: [{zzz: 1}]"),
            Self.table(
                """
                operations:
                  - name: a
                    method: GET
                    path: /a
                    action: memory:Read
                    with: {zzz: 1}
                    request: {zzz: 1}
                    response: {zzz: 1}
                    answer: {zzz: 1}

                """
            ),
        ]
        var keys: Set<Substring> = []
        for table in tables {
            do throws(Configuration.Problems) {
                _ = try Rig.compile(table)
                Issue.record("an unknown key was taken")
            } catch {
                for problem in error.list where problem.message.contains("known keys: ") {
                    let list = problem.message.split(separator: "known keys: ").last ?? ""
                    keys.formUnion(list.split(separator: ", "))
                }
            }
        }
        #expect(keys.count > 30)
        for key in keys { #expect(text.contains(key), "\(key) is not in the README") }
    }
}
