// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import JSON
import Testing

@Suite struct ValueReaderTests {
    private func value(_ json: String) throws(DataError) -> Value {
        try ValueReader().value(try Document.parse(json))
    }

    @Test func valuesAreRead() throws {
        #expect(try value("-9223372036854775808") == .long(.min))
        #expect(try value("[1, true, \"a\", 1]") == .set([1, true, "a"]))
        #expect(try value(#"{"b": 1, "a": {"": 2}}"#) == .record(["a": .record(["": 2]), "b": 1]))
        let uid = EntityUID(type: "A::B", id: "c")
        #expect(try value(#"{"__entity": {"type": "A::B", "id": "c"}}"#) == .entity(uid))
        #expect(
            try value(#"{"__extn": {"fn": "decimal", "arg": "1.50"}}"#)
                == .decimal(.init(tenThousandths: 15_000))
        )
        let offset = """
            {"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
              {"__extn": {"fn": "duration", "arg": "1s"}}]}}
            """
        #expect(try value(offset) == .datetime(.init(milliseconds: 1000)))
    }

    @Test(arguments: [
        "null", "[null]", "1.0", "1e3", "-0.5", "9223372036854775808", #"{"a": 1, "a": 2}"#,
        #"{"__expr": "1"}"#,
        #"{"__entity": {"type": "a b", "id": "c"}}"#, #"{"__entity": {"type": "if", "id": "c"}}"#,
        #"{"__entity": {"type": "A", "id": 1}}"#, #"{"__entity": {"type": "A", "id": "b"}, "x": 1}"#,
        #"{"__entity": "A::\"b\""}"#, #"{"__extn": {"fn": "nope", "arg": "1"}}"#,
        #"{"__extn": {"fn": "ip", "arg": "1.2.3"}}"#, #"{"__extn": {"fn": "ip", "arg": 1}}"#,
        #"{"__extn": {"fn": "ip"}}"#,
        #"{"__extn": {"fn": "ip", "arg": "::1", "args": []}}"#, #"{"__extn": {"fn": "ip", "args": []}}"#,
        #"{"__extn": {"fn": "ip", "arg": "::1"}, "x": 1}"#, "[1", "", "\"\\ud800\"",
    ])
    func othersAreRefused(_ json: String) {
        #expect(throws: DataError.self) { try self.value(json) }
    }

    @Test(arguments: [
        "{}", "[1]", #"[{"uid": {"type": "A", "id": "b"}, "attrs": {}}]"#,
        #"[{"uid": {"type": "A", "id": "b"}, "parents": []}]"#, #"[{"attrs": {}, "parents": []}]"#,
        #"[{"uid": "A::\"b\"", "attrs": {}, "parents": []}]"#,
        #"[{"uid": {"type": "A", "id": "b"}, "attrs": {"__entity": {"type": "A", "id": "b"}}, "parents": []}]"#,
        #"[{"uid": {"type": "A", "id": "b"}, "attrs": {}, "parents": ["x"]}]"#,
        #"[{"uid": {"type": "A", "id": "b"}, "attrs": {}, "parents": [], "tags": []}]"#,
    ])
    func entitiesAreStrict(_ json: String) {
        #expect(throws: DataError.self) { try ValueReader().entities(try Document.parse(json)) }
    }

    /// What `Value.json` writes reads back as the same value.
    @Test func writtenValuesReadBack() throws {
        let values: [Value] = [
            true, 7, "é\u{0}", .entity(EntityUID(type: "A", id: "é")), .set([1, .set([])]),
            .record(["x y": 1]),
            .decimal(.init(tenThousandths: -5000)), .decimal(.init(tenThousandths: .min)),
            .address(.init(ipv4: 0x0102_0304)), .address(.init(ipv4: 7, prefix: 3)), .address(.init(ipv6: 1)),
            .address(.init(ipv6: 0xFF, prefix: 0)), .datetime(.init(milliseconds: -1)),
            .datetime(.init(milliseconds: .max)), .duration(.init(milliseconds: .min)),
        ]
        for value in values { #expect(try ValueReader().value(value.json) == value) }
    }

    @Test func instantsBeyondTheWallClockAreClamped() throws {
        #expect(try #require(DatetimeValue("1970-01-01T00:00:01Z")).wallTime == WallTime(seconds: 1))
        #expect(try #require(DatetimeValue("9999-12-31")).wallTime == WallTime(nanoseconds: .max))
        #expect(DatetimeValue(milliseconds: .min).wallTime == WallTime(nanoseconds: .min))
        #expect(DatetimeValue(WallTime(nanoseconds: -1)) == DatetimeValue(milliseconds: -1))
    }

    @Test func requestsAreRead() throws {
        let json =
            #"{"principal": "User::\"alice\"", "action": {"type": "Action", "id": "view"}, "resource": "Doc::\"d\""}"#
        #expect(try ValueReader().request(try Document.parse(json)) == Sample.request)
        for wrong in [
            #"{"principal": "alice", "action": "Action::\"v\"", "resource": "Doc::\"d\""}"#, "{}",
            #"{"principal": "A::\"b\"", "action": "A::\"v\"", "resource": "A::\"d\"", "contxt": {}}"#,
        ] {
            #expect(throws: DataError.self) { try ValueReader().request(try Document.parse(wrong)) }
        }
    }
}

@Suite struct PolicyJSONTests {
    private static func set(_ body: String) -> String {
        """
        {"staticPolicies": {"p": {"effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"},
        "resource": {"op": "All"}, "conditions": [{"kind": "when", "body": \(body)}]}}, "templates": {},
        "templateLinks": []}
        """
    }

    @Test func pathsOfHasReadAndPrint() throws {
        let json = Self.set(#"{"has": {"left": {"Var": "context"}, "attr": ["a", "b"]}}"#)
        let policies = try PolicySet(try Document.parse(json))
        #expect(policies.text.contains("when { context has a.b };"))
        let quoted = Self.set(#"{"has": {"left": {"Var": "context"}, "attr": ["a b", "c"]}}"#)
        let text = try PolicySet(try Document.parse(quoted)).text
        #expect(text.contains(#"context has "a b" && context["a b"] has c"#))
    }

    @Test(arguments: [
        "{}", #"{"Var": "x"}"#, #"{"Value": null}"#, #"{"Value": 1.5}"#, #"{"Slot": "?principal"}"#,
        #"{"==": {"left": {"Value": 1}}}"#, #"{"==": {"left": {"Value": 1}, "right": {"Value": 1}, "x": 1}}"#,
        #"{"nope": [{"Value": 1}]}"#, #"{"isIpv4": []}"#,
        #"{"like": {"left": {"Value": "a"}, "pattern": "a*"}}"#,
        #"{"is": {"left": {"Var": "principal"}, "entity_type": "a b"}}"#, #"{"Value": 1, "Var": "context"}"#,
        #"{"has": {"left": {"Var": "context"}, "attr": []}}"#, #"{"Record": [1]}"#, #"{"Set": {}}"#,
    ])
    func malformedExpressionsAreRefused(_ body: String) {
        #expect(throws: DataError.self) { try PolicySet(try Document.parse(Self.set(body))) }
    }

    @Test(arguments: [
        #"{"effect": "allow"}"#, #"{"action": {"op": "in", "slot": "?action"}}"#,
        #"{"action": {"op": "==", "entity": {"type": "User", "id": "a"}}}"#, #"{"principal": {"op": "=="}}"#,
        #"{"principal": {"op": "==", "slot": "?principal"}}"#,
        #"{"principal": {"op": "is", "entity_type": "1a"}}"#,
        #"{"principal": {"op": "in", "slot": "?resource"}}"#,
        #"{"conditions": [{"kind": "if", "body": {"Value": true}}]}"#,
        #"{"annotations": {"a b": "c"}}"#, #"{"unknown": 1}"#,
    ])
    func malformedHeadsAreRefused(_ change: String) throws {
        var policy = JSONObject()
        let base = try #require(
            try Document.parse(Self.set(#"{"Value": true}"#)).object?["staticPolicies"]?.object?["p"]?.object
        )
        let changed = try #require(try Document.parse(change).object)
        for (name, value) in base.members { _ = policy.append(name, changed[name] ?? value) }
        for (name, value) in changed.members { _ = policy.append(name, value) }
        var table = JSONObject()
        _ = table.append("p", .object(policy))
        var set = JSONObject()
        _ = set.append("staticPolicies", .object(table))
        _ = set.append("templates", .object(JSONObject()))
        _ = set.append("templateLinks", .array([]))
        #expect(throws: DataError.self) { try PolicySet(.object(set)) }
    }
}

@Suite struct SchemaTests {
    private func schema(_ text: String) throws(SyntaxError) -> Schema {
        try Schema(Source(name: "s", text: text))
    }

    @Test(arguments: [
        "entity A = { __cedar: Long };", "entity A in B; entity B;", "entity A in [];",
        "entity A enum [\"a\", \"a\"];",
        "entity A; action a appliesTo {resource: A, principal: A,};", "entity A; action a in b; action b;",
        "entity A {};", "entity A = {} tags {x: Long};", "type ipaddr = String; entity A = { x: ipaddr };",
        "entity principal; entity permit; entity Long; entity Set;",
        "namespace A { entity X in [Y]; } entity Y;",
        "entity A = { \"x\": Long, x: String };", "@x namespace A { @y entity B = { @z b: Long }; }",
        "entity A = { x: __cedar::Long, y: __cedar::ipaddr };",
        "namespace N { action a in [\"b\"]; } action b;",
        "entity A in [B]; entity B in [A];", "action \"\";", "entity A; action a attributes {};", "",
        "action A; entity B = { a: Action };",
    ])
    func isRead(_ text: String) throws { _ = try schema(text) }

    @Test(arguments: [
        "entity A = { if: Long };", "entity A enum [];",
        "entity A; action a appliesTo {principal: [], resource: A};",
        "entity A; action a appliesTo {principal: A, resource: A, principal: A};",
        "entity A; action a appliesTo {principal: A};", "entity A; action a appliesTo {};", "action a in [];",
        "namespace A {} namespace A {}", "namespace __cedar {}", "namespace {}", "entity A, A;",
        "type T = Long; type T = String;", "type Long = String;", "entity if;", "entity Action;",
        "namespace A { entity X; } entity X;", "namespace A { type X = Long; } entity X;",
        "entity A; action a appliesTo { principal: A, resource: A, context: T }; type T = Long;",
        "type T = U; type U = T;", "type T = {x: T};", "action a in [b]; action b in [a];",
        "action a in [a];",
        "action a, a;", "entity A = { x: A::B };", "action a in [X::Action::\"b\"];", "action a in X::\"b\";",
        "entity A = {x: Long}; ;", "entity A; action a appliesTo {principal: [A,], resource: A};",
        "namespace A { namespace B {} }", "entity A in [Long];", "entity A = Long;",
        "entity A = {x: Boolean};",
        "type t = Set;", "type t = Set<>;", "type t = Foo<Long>;", "entity A enum [\"a\"] tags Long;",
        "action a appliesTo {principal: T, resource: T}; type T = Long;",
    ])
    func isRefused(_ text: String) { #expect(throws: SyntaxError.self) { try self.schema(text) } }

    /// Types that use one another twice at each level would be of exponential size.
    @Test func sizeIsBounded() {
        var text = "type T0 = Long;"
        for level in 1...60 { text += "type T\(level) = { a: T\(level - 1), b: T\(level - 1) };" }
        #expect(throws: SyntaxError.self) { try self.schema(text) }
        var deep = "type T0 = Long;"
        for level in 1...400 { deep = "type T\(level) = T\(level - 1);" + deep }
        #expect(throws: SyntaxError.self) { try self.schema(deep) }
    }

    @Test(arguments: [
        "[]", #"{"": {}}"#, #"{"": {"entityTypes": {}, "actions": {}, "x": 1}}"#,
        #"{"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {}, "additionalAttributes": true}}}, "actions": {}}}"#,
        #"{"": {"entityTypes": {"A": {"shape": {"type": "Set"}}}, "actions": {}}}"#,
        #"{"": {"entityTypes": {"a b": {}}, "actions": {}}}"#,
        #"{"a b": {"entityTypes": {}, "actions": {}}}"#,
        #"{"": {"entityTypes": {"A": {"enum": []}}, "actions": {}}}"#,
        #"{"": {"entityTypes": {}, "actions": {"a": {"appliesTo": {"principalTypes": []}}}}}"#,
        #"{"": {"entityTypes": {}, "actions": {"a": {"attributes": {"x": 1}}}}}"#,
        #"{"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {"x": {"type": "Long", "required": 1}}}}}, "actions": {}}}"#,
    ])
    func malformedJSONIsRefused(_ json: String) {
        #expect(throws: DataError.self) { try SchemaDocument(try Document.parse(json)) }
    }

    @Test func dataIsChecked() throws {
        let schema = try schema(
            """
            entity Color enum ["red"];
            entity Group;
            entity User in [Group] = { n: Long, c?: Color, l: Set<Long> } tags String;
            action group; action read in [group] appliesTo { principal: User, resource: Group, context: { ok: Bool } };
            """
        )
        let user = EntityUID(type: "User", id: "u")
        let red = EntityUID(type: "Color", id: "red")
        let attributes: RecordValue = ["n": 1, "l": .set([1])]
        try schema.validate(
            Entity(
                user,
                attributes: attributes,
                tags: ["a": "b"],
                parents: [EntityUID(type: "Group", id: "g")]
            )
        )
        try schema.validate(Entity(red))
        for wrong in [
            Entity(user), Entity(user, attributes: ["n": "1", "l": .set([])]),
            Entity(user, attributes: ["n": 1, "l": .set([true])]),
            Entity(user, attributes: ["n": 1, "l": .set([]), "x": 1]),
            Entity(
                user,
                attributes: ["n": 1, "l": .set([]), "c": .entity(EntityUID(type: "Color", id: "blue"))]
            ),
            Entity(user, attributes: attributes, tags: ["a": 1]),
            Entity(user, attributes: attributes, parents: [user]),
            Entity(EntityUID(type: "Color", id: "blue")), Entity(EntityUID(type: "Nope", id: "a")),
            Entity(EntityUID(type: "Group", id: "g"), tags: ["a": "b"]),
            Entity(EntityUID(type: "Action", id: "nope")),
            Entity(EntityUID(type: "Action", id: "read")),
        ] {
            #expect(throws: DataError.self, "\(wrong)") { try schema.validate(wrong) }
        }
        var request = AccessRequest(
            principal: user,
            action: EntityUID(type: "Action", id: "read"),
            resource: EntityUID(type: "Group", id: "g"),
            context: ["ok": true]
        )
        try schema.validate(request)
        request.context = [:]
        #expect(throws: DataError.self) { try schema.validate(request) }
        request.context = ["ok": true]
        request.resource = user
        #expect(throws: DataError.self) { try schema.validate(request) }
        request.action = EntityUID(type: "Action", id: "group")
        #expect(throws: DataError.self) { try schema.validate(request) }
    }
}
