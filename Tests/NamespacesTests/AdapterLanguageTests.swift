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

    struct Bad: CustomTestStringConvertible, Sendable {
        var table: String
        var problems: [String]
        var testDescription: String { problems.joined(separator: " | ") }
    }

    static let operation = """
        operations:
          - {name: a, method: GET, path: /a, action: memory:Read, response: {body: opaque}}

        """

    static let bad: [Bad] = [
        Bad(
            table: "kind: shop\nextra: 1\n",
            problems: [
                #"t.yaml:1:1: missing key "adapter""#, #"t.yaml:1:1: missing key "errors""#,
                #"t.yaml:1:1: missing key "operations""#, "t.yaml:1:7: expected one of ingress, store",
                #"t.yaml:2:1: unknown key "extra"; known keys: adapter, custom_header_prefix, errors, headers, kind, "#
                    + "maximum_body, operations, provision, rewrites, segments, shapes, single_layer",
            ]
        ),
        Bad(table: "- a\n", problems: ["t.yaml:1:1: expected a mapping"]),
        Bad(table: "a: b: c\n", problems: []),
        Bad(
            table: table("rewrites:\n  x: {digest: sha256}\n" + operation),
            problems: [#"t.yaml:5:7: the rewrite "digest" is not in this version"#]
        ),
        Bad(
            table: table("rewrites:\n  x: {filter: a}\n  y: {hide: b}\n" + operation),
            problems: [
                #"t.yaml:5:7: the rewrite "filter" is not in this version"#,
                #"t.yaml:6:7: the rewrite "hide" is not in this version"#,
            ]
        ),
        Bad(
            table: table(
                """
                rewrites:
                  a: {pin: "x", visible: [d]}
                  b: {pin: "{compartment}", visible: []}
                  c: {own: integer}
                  d: {prefix: "{tenant}/"}
                  e: {prefix: "{compartment} {compartment}"}
                  f: {own: uuid, prefix: "{compartment}"}
                  g: {own: uuid, visible: [x]}
                  pass: {own: uuid}

                """ + operation
            ),
            problems: [
                "t.yaml:5:12: expected {compartment} once", "t.yaml:6:6: expected at least one visible name",
                "t.yaml:7:12: expected uuid, the one form of ids so far",
                #"t.yaml:8:15: "{tenant}/": what stands in braces here is one of {compartment}; write {{ and }} for braces"#,
                "t.yaml:9:15: expected letters, digits and -._~/",
                "t.yaml:10:6: expected one of pin, own, prefix",
                "t.yaml:11:27: only what is pinned has visible names",
                #"t.yaml:12:9: "pass" has a meaning of its own and cannot name a rewrite"#,
            ]
        ),
        Bad(
            table: table(
                """
                segments: {id: opaque, name: wrong}
                operations:
                  - {name: a, method: TRACE, path: /a, action: memory:Read, response: {body: opaque}}
                  - {name: b, method: GET, path: /a, action: memory, response: {body: opaque}}
                  - {name: b, method: GET, path: "/{no}", action: memory:Read, response: {body: opaque}}
                  - {name: "C d", method: GET, path: a, action: memory:Read, response: {body: opaque}}
                  - {name: e, method: GET, path: /x/../y, action: memory:Read, response: {body: opaque}}
                  - {name: f, method: GET, path: "/{id...}/x", action: memory:Read, response: {body: opaque}}
                  - {name: g, method: PUT, path: /g, action: memory:Read}
                  - {name: h, method: PUT, path: /h, response: {body: opaque}}
                  - {name: i, method: PUT, path: /i, action: memory:Read, response: {body: shape}}
                  - {name: j, method: PUT, path: /j, action: memory:Read, not_found: x, response: {body: none}}

                """
            ),
            problems: [
                "t.yaml:4:30: expected one of pass, opaque, name, screen",
                "t.yaml:6:23: expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
                "t.yaml:7:46: expected an action such as memory:Read",
                #"t.yaml:8:34: expected what is to become of {no} under "segments""#,
                #"t.yaml:8:12: there is another operation "b""#,
                "t.yaml:9:12: expected a name of a-z, 0-9 and _",
                "t.yaml:9:38: expected a path that begins with /",
                "t.yaml:10:34: expected segments of letters, digits and -._~, or {fields}",
                "t.yaml:11:34: expected {…...} at the end of the path only",
                #"t.yaml:12:5: missing key "response""#, #"t.yaml:13:5: missing key "action""#,
                "t.yaml:14:76: expected none, opaque, a mapping or a shape",
                "t.yaml:15:70: expected id or store",
            ]
        ),
        Bad(
            table: table(
                """
                operations:
                  - {name: a, method: GET, path: /a, action: memory:Read, response: {body: opaque}}
                  - {name: b, method: GET, path: /a, action: memory:Read, response: {body: opaque}}

                """
            ),
            problems: [#"t.yaml:6:5: the same requests are operation "a""#]
        ),
        Bad(
            table: table(
                """
                shapes: {loop: {/a: {shape: loop}}}
                operations:
                  - name: a
                    method: POST
                    path: /a
                    action: memory:Read
                    request:
                      query: {"a b": pass, c: opaque}
                      body: {/a: pass, /a/b: pass, c: pass, /d: screen, /e: {form: x}}
                    response: {body: loop}

                """
            ),
            problems: [
                "t.yaml:4:16: expected shapes that do not contain themselves",
                "t.yaml:11:15: expected a name of letters, digits and -._~",
                "t.yaml:11:31: expected one of pass, drop, refuse, name, screen",
                "t.yaml:12:13: two rules for one place",
                "t.yaml:12:36: expected a pointer: empty, or steps that begin with /",
                "t.yaml:12:49: expected another rule: screen is for responses",
                #"t.yaml:12:62: unknown key "form"; known keys: shape"#,
            ]
        ),
        Bad(
            table: """
                adapter: t
                kind: store
                errors: {body: {"a b": "{subject}"}, names: {200: x, x: y}, codes: {a: {status: 200}}}
                headers: {request: {A_b: pass, x: session2}, response: {"*": drop}}
                provision: [{method: GET, path: "/{tenant}", accept: [200]}]
                operations:
                  - {name: a, method: GET, path: /a, action: memory:Read, response: {body: {/a: pass}}}

                """,
            problems: [
                "t.yaml:3:17: expected a name of letters, digits and _",
                #"t.yaml:3:24: "{subject}": what stands in braces here is one of {code}, {message}, {name}; write {{ and }} for braces"#,
                #"t.yaml:3:46: expected a status from 400 to 599, or "otherwise""#,
                #"t.yaml:3:54: expected a status from 400 to 599, or "otherwise""#,
                "t.yaml:3:81: expected a whole number from 400 to 599",
                "t.yaml:4:21: expected a header name in lower case, with - and not _",
                "t.yaml:4:35: expected one of pass, drop, refuse, session, user, name, screen",
                "t.yaml:4:57: expected a header name in lower case, with - and not _",
                #"t.yaml:5:33: "/{tenant}": what stands in braces here is one of {compartment}; write {{ and }} for braces"#,
                "t.yaml:7:5: a mapped response needs the shape of the store's own errors: errors.upstream",
            ]
        ),
    ]

    @Test(arguments: bad) func saysWhatIsWrongAndWhere(_ bad: Bad) {
        do throws(Configuration.Problems) {
            _ = try Rig.compile(bad.table)
            Issue.record("the table was taken")
        } catch {
            if bad.problems.isEmpty { return }
            #expect(Set(error.list.map(\.description)) == Set(bad.problems))
        }
    }

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
            Self.table("rewrites: {x: {zzz: 1}}"),
            Self.table(
                """
                operations:
                  - name: a
                    method: GET
                    path: /a
                    action: memory:Read
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
