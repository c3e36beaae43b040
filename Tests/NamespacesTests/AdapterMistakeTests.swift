// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// What `bulkhead check` says of tables that are wrong.
@Suite struct AdapterMistakeTests {
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
                #"t.yaml:2:1: unknown key "extra"; known keys: adapter, aws, contents, custom_header_prefix, errors, examples, headers, "#
                    + "kind, maximum_body, operations, parameters, provision, resource, rewrites, segments, shapes, single_layer",
            ]
        ),
        Bad(
            table: AdapterLanguageTests.table(
                """
                rewrites:
                  n: {own: number}
                operations:
                  - name: a
                    method: GET
                    path: /a
                    action: memory:Read
                    response:
                      body: {/n: n}
                      events: {otherwise: opaque}

                """
            ),
            problems: [
                "t.yaml:13:15: not in a table with {own: number}: events leave before an owner can be asked for"
            ]
        ),
        Bad(table: "- a\n", problems: ["t.yaml:1:1: expected a mapping"]),
        Bad(table: "a: b: c\n", problems: []),
        Bad(
            table: AdapterLanguageTests.table("rewrites:\n  x: {digest: sha256}\n" + operation),
            problems: ["t.yaml:5:15: expected {compartment} once"]
        ),
        Bad(
            table: AdapterLanguageTests.table("rewrites:\n  x: {filter: a}\n  y: {hide: b}\n" + operation),
            problems: [
                #"t.yaml:5:6: missing key "absent""#,
                #"t.yaml:6:7: unknown key "hide"; known keys: absent, all, arn, created, default, digest, except, filter, first, list, missing, own, pin, "#
                    + "prefix, shift, slashes, stamp, visible",
                "t.yaml:6:6: expected one of pin, own, created, prefix, digest, filter, stamp, first, shift, except",
            ]
        ),
        Bad(
            table: AdapterLanguageTests.table(
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
                "t.yaml:7:12: expected one of uuid, chosen, text, number",
                #"t.yaml:8:15: "{tenant}/": what stands in braces here is one of {compartment}; write {{ and }} for braces"#,
                "t.yaml:9:15: expected letters, digits and -._~/",
                "t.yaml:10:6: expected one of pin, own, created, prefix, digest, filter, stamp, first, shift, except",
                "t.yaml:11:27: only for pin",
                #"t.yaml:12:9: "pass" has a meaning of its own and cannot name a rewrite"#,
            ]
        ),
        Bad(
            table: AdapterLanguageTests.table(
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
                "t.yaml:4:30: expected one of pass, opaque, resource, name, screen",
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
            table: AdapterLanguageTests.table(
                """
                operations:
                  - {name: a, method: GET, path: /a, action: memory:Read, response: {body: opaque}}
                  - {name: b, method: GET, path: /a, action: memory:Read, response: {body: opaque}}

                """
            ),
            problems: [#"t.yaml:6:5: the same requests are operation "a""#]
        ),
        Bad(
            table: AdapterLanguageTests.table(
                """
                shapes: {loop: {/a: {shape: loop}}}
                operations:
                  - name: a
                    method: POST
                    path: /a
                    action: memory:Read
                    request:
                      query: {"a b": pass, c: opaque}
                      body: {/a: opaque, /a/b: pass, c: pass, /d: screen, /e: {form: x}}
                    response: {body: loop}

                """
            ),
            problems: [
                "t.yaml:11:15: expected a name of letters, digits and -._~",
                "t.yaml:11:31: expected one of pass, drop, refuse, name, screen",
                "t.yaml:12:13: expected one rule for each place",
                "t.yaml:12:38: expected a pointer: empty, or steps that begin with /; in braces nothing, or a prefix",
                "t.yaml:12:51: expected another rule: screen is for responses",
                #"t.yaml:12:64: unknown key "form"; known keys: filter, first, hide, rule, shape"#,
            ]
        ),
        Bad(
            table: AdapterLanguageTests.table(
                """
                rewrites:
                  a: {filter: "{value}", absent: "{compartment}"}
                  b: {filter: '{{"a":[{value},"{compartment}"]}}', absent: "{compartment}"}
                  c: {prefix: "{compartment}", missing: no}
                  d: {pin: "{compartment}", visible: [x], missing: allow}
                  e: {prefix: "{compartment}", all: [_all]}
                  f: {stamp: "{compartment}", list: true}
                  g: {first: "{compartment}"}
                segments: {g: g}
                operations:
                  - name: a
                    method: [POST, LOOK]
                    path: /a
                    to: "/{b}"
                    action: memory:Read
                    request: {body: {/a: opaque, /a/b: pass}}
                    response: {body: {/a: g, "/{x}": pass, /b: {filter: g}, /c: {shape: x}}, events: {a: opaque}}
                  - name: b
                    method: POST
                    path: "/b/{g}"
                    action: memory:Read
                    request: {body: {/a: g}, optional: true}
                    response: {body: opaque, events: {}, statuses: {200: opaque, 404: opaque}}
                  - name: c
                    method: POST
                    path: "/c"
                    action: memory:Read
                    request: {body: {lines: [{/a: pass}], alone: [b]}, optional: true}
                    response: {body: none}
                examples: [{request: {method: POST, target: /c}}]

                """
            ),
            problems: [
                "t.yaml:5:15: expected {value} once, and {compartment}", "t.yaml:6:60: expected JSON",
                "t.yaml:7:41: expected one of allow, refuse, add",
                "t.yaml:8:52: what is pinned is there or added: expected refuse or add",
                "t.yaml:9:37: only a list has words that mean everything", "t.yaml:10:37: only for prefix",
                "t.yaml:15:20: expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
                "t.yaml:17:9: expected {compartment} or a field of the path in braces",
                "t.yaml:19:21: expected one rule for each place",
                "t.yaml:20:27: expected {filter: …} or {first: …} for this rewrite",
                "t.yaml:20:30: expected a pointer: empty, or steps that begin with /; in braces nothing, or a prefix",
                "t.yaml:20:57: expected the name of a filter", "t.yaml:20:73: expected the name of a shape",
                #"t.yaml:20:86: missing key "otherwise": what events of any other name are"#,
                "t.yaml:23:11: expected another rule: this one is for bodies",
                "t.yaml:25:26: expected {filter: …} or {first: …} for this rewrite",
                "t.yaml:26:38: only beside a body of JSON members, for what is no stream",
                #"t.yaml:26:38: missing key "otherwise": what events of any other name are"#,
                "t.yaml:26:53: expected a status from 400 to 599", "t.yaml:26:71: expected members",
                #"t.yaml:31:50: "b" is no member of the first line"#,
                "t.yaml:31:66: only a body of JSON members can be optional",
                "t.yaml:33:22: expected what comes of it: sent, received or refused",
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
}
