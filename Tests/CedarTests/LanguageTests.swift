// SPDX-License-Identifier: Apache-2.0
import Cedar
import Testing

private func policies(_ text: String, naming: PolicySet.Naming = .ordinal) throws(SyntaxError) -> PolicySet {
    try PolicySet([Source(name: "p.cedar", text: text)], naming: naming)
}

@Suite struct SyntaxErrorTests {
    struct Example: CustomTestStringConvertible {
        let text: String
        let message: String

        init(_ text: String, _ message: String) {
            self.text = text
            self.message = message
        }

        var testDescription: String { text }
    }

    @Test(arguments: [
        Example("permit(principal, action)", "p.cedar:1:25: expected `,`, found `)`"),
        Example("\n  allow(", "p.cedar:2:3: expected `permit` or `forbid`, found `allow`"),
        Example(
            "permit(principal, action, resource)",
            "p.cedar:1:36: expected `when`, `unless` or `;`, found the end of the input"
        ),
        Example(
            "permit(principal == ?resource, action, resource);",
            "p.cedar:1:21: expected an entity or `?principal`, found `?resource`"
        ),
        Example(
            "permit(principal, action == User::\"a\", resource);",
            "p.cedar:1:29: expected an entity of type `Action`"
        ),
        Example(
            "permit(principal, action, resource) when { };",
            "p.cedar:1:44: expected an expression, found `}`"
        ),
        Example(
            "permit(principal, action, resource)\nwhen { \"é\" == user };",
            "p.cedar:2:15: expected an expression, found `user`"
        ),
        Example(
            "permit(principal, action, resource) when { context.if };",
            "p.cedar:1:52: `if` is reserved; expected an attribute"
        ),
        Example(
            "permit(principal, action, resource) when { {a: 1, a: 2} };",
            "p.cedar:1:51: this key stands twice"
        ),
        Example(
            "permit(principal, action, resource) when { [1].contains() };",
            "p.cedar:1:48: `contains` takes one argument"
        ),
        Example(
            "permit(principal, action, resource) when { foo(1) };",
            "p.cedar:1:44: `foo` is not a function"
        ),
        Example(
            "permit(principal, action, resource) when { 1.foo() };",
            "p.cedar:1:46: `foo` is not a method"
        ),
        Example(
            "permit(principal, action, resource) when { \"\\q\" };",
            "p.cedar:1:44: invalid escape in the string"
        ),
        Example("permit(principal, action, resource) when { \"a };", "p.cedar:1:44: unterminated string"),
        Example(
            "permit(principal, action, resource) when { 1 / 2 };",
            "p.cedar:1:46: `/` is not an operator of Cedar"
        ),
        Example(
            "permit(principal, action, resource) when { -----1 };",
            "p.cedar:1:49: more than four `-` in a row"
        ),
        Example(
            "permit(principal, action, resource) when { 9223372036854775808 };",
            "p.cedar:1:44: the number `9223372036854775808` is too large"
        ),
        Example(
            "@a @b(\"1\") @a permit(principal, action, resource);",
            "p.cedar:1:13: this annotation stands twice"
        ),
        Example("permit(principal, action, resource); #", "p.cedar:1:38: invalid token"),
    ])
    func placeAndExpectation(_ example: Example) {
        do throws(SyntaxError) {
            _ = try policies(example.text)
            Issue.record("it was read")
        } catch {
            #expect(error.description == example.message)
        }
    }

    private func condition(_ body: String) -> String {
        "permit(principal, action, resource) when { \(body) };"
    }

    private func nested(_ open: String, _ count: Int, _ close: String, _ core: String = "true") -> String {
        String(repeating: open, count: count) + core + String(repeating: close, count: count)
    }

    /// What is nested as deeply as allowed is read, printed, compiled and decided without running out of stack;
    /// what is deeper is refused.
    @Test func depthIsBounded() throws {
        for (open, close, core) in [
            ("(", ")", "true"), ("[", "].isEmpty()", "1"), ("if true then ", " else 1", "true"),
        ] {
            let deep = try policies(condition(nested(open, 250, close, core)))
            let decision = Authorizer(deep).authorize(Sample.request, .empty)
            #expect(decision.errors.count + decision.permits.count <= 1)
            #expect(try policies(deep.text).text == deep.text)
            #expect(throws: SyntaxError.self) {
                try policies(self.condition(self.nested(open, 300, close, core)))
            }
        }
        let chain = Array(repeating: "context.x == 1", count: 1000).joined(separator: " && ")
        let long = try policies(condition(chain))
        let request = AccessRequest(
            principal: Sample.alice,
            action: Sample.view,
            resource: Sample.document,
            context: ["x": 1]
        )
        #expect(Authorizer(long).authorize(request, .empty).allowed)
        let longer = Array(repeating: "1", count: 2000).joined(separator: " + ")
        #expect(throws: SyntaxError.self) { try policies(self.condition(longer)) }
    }
}

enum Sample {
    static let alice = EntityUID(type: "User", id: "alice")
    static let view = EntityUID(type: "Action", id: "view")
    static let document = EntityUID(type: "Doc", id: "d")
    static let request = AccessRequest(principal: alice, action: view, resource: document)
}

@Suite struct PolicySetTests {
    @Test func idsComeFromOrderOrAnnotation() throws {
        let text = "@id(\"first\") permit(principal, action, resource); forbid(principal, action, resource);"
        #expect(try policies(text).policies.map(\.id) == ["policy0", "policy1"])
        #expect(try policies(text, naming: .annotated).policies.map(\.id) == ["first", "p.cedar#1"])
        let twice = Source(name: "x", text: "@id(\"a\") permit(principal, action, resource);")
        #expect(throws: SyntaxError.self) { try PolicySet([twice, twice], naming: .annotated) }
        #expect(try PolicySet([twice, twice]).policies.count == 2)
    }

    @Test func annotationsAreReadable() throws {
        let set = try policies("@owner(\"jane\") @draft permit(principal, action, resource);")
        let policy = try #require(set.policy("policy0"))
        #expect(policy.annotation("owner") == "jane")
        #expect(policy.annotation("draft") == "")
        #expect(policy.annotation("reason") == nil)
    }

    @Test func linksFillSlots() throws {
        var set = try policies("permit(principal in ?principal, action, resource == ?resource);")
        #expect(!Authorizer(set).authorize(Sample.request, .empty).allowed)
        let link = TemplateLink(
            id: "link",
            template: "policy0",
            principal: Sample.alice,
            resource: Sample.document
        )
        try set.add(link)
        #expect(Authorizer(set).authorize(Sample.request, .empty).reasons == ["link"])
        #expect(set.policy("link")?.isTemplate == false)
        #expect(throws: SyntaxError.self) { try set.add(link) }
        for (template, principal) in [("policy0", nil), ("other", Sample.alice)] as [(PolicyID, EntityUID?)] {
            let wrong = TemplateLink(
                id: "wrong",
                template: template,
                principal: principal,
                resource: Sample.document
            )
            #expect(throws: SyntaxError.self) { try set.add(wrong) }
        }
        let again = try PolicySet(set.json)
        #expect(again.links == set.links)
    }

    @Test func errorsSkipPoliciesAndForbidsWin() throws {
        let set = try policies(
            """
            permit(principal, action, resource);
            forbid(principal, action, resource) when { context.missing };
            permit(principal, action, resource) when { 9223372036854775807 + 1 == 0 };
            """
        )
        var decision = Authorizer(set).authorize(Sample.request, .empty)
        #expect(decision.allowed && decision.reasons == ["policy0"])
        #expect(Set(decision.errors.map(\.policy)) == ["policy1", "policy2"])
        #expect(decision.errors.contains { $0.error == .overflow })
        let request = AccessRequest(
            principal: Sample.alice,
            action: Sample.view,
            resource: Sample.document,
            context: ["missing": true]
        )
        Authorizer(set).authorize(request, .empty, into: &decision)
        #expect(!decision.allowed && decision.reasons == ["policy1"] && decision.permits == ["policy0"])
    }

    /// Found by the comparison with the reference.
    @Test func theKeyOfATagIsCheckedForUnknownEntitiesToo() throws {
        let set = try policies("permit(principal, action, resource) unless { principal.hasTag([1]) };")
        #expect(Authorizer(set).authorize(Sample.request, .empty).errors.count == 1)
        let text = try policies("permit(principal, action, resource) unless { principal.hasTag(\"a\") };")
        #expect(Authorizer(text).authorize(Sample.request, .empty).allowed)
    }

    /// Comments before policies stay; one within is never dropped silently.
    @Test func formattingKeepsComments() throws {
        let text =
            "// a\n@x permit(principal,action,resource)\nwhen{1==1}; // b\n// c\nforbid(principal,action,resource);\n// d"
        let formatted = try PolicySet.formatted(Source(name: "f", text: text))
        #expect(
            formatted == """
                // a
                @x
                permit (
                    principal,
                    action,
                    resource
                )
                when { 1 == 1 };

                // b
                // c
                forbid (
                    principal,
                    action,
                    resource
                );

                // d

                """
        )
        #expect(try PolicySet.formatted(Source(name: "f", text: formatted)) == formatted)
        #expect(throws: SyntaxError.self) {
            try PolicySet.formatted(Source(name: "f", text: "permit(principal, // x\naction, resource);"))
        }
    }
}

@Suite struct EntityStoreTests {
    private func uid(_ id: Text) -> EntityUID { EntityUID(type: "Group", id: id) }

    @Test func hierarchyIsClosedOver() throws {
        let store = try EntityStore([
            Entity(uid("a"), parents: [uid("b")]), Entity(uid("b"), parents: [uid("c"), uid("gone")]),
            Entity(uid("c")),
        ])
        #expect(store.isIn(uid("a"), uid("c")) && store.isIn(uid("a"), uid("gone")))
        #expect(store.isIn(uid("unknown"), uid("unknown")) && !store.isIn(uid("c"), uid("a")))
        #expect(Set(store.ancestors(of: uid("a"))) == [uid("b"), uid("c"), uid("gone")])
    }

    @Test func layersHideAndInherit() throws {
        let base = try EntityStore([
            Entity(uid("tenant"), parents: [uid("premium")]), Entity(uid("static"), parents: [uid("tenant")]),
        ])
        let layered = try base.adding([
            Entity(Sample.alice, parents: [uid("tenant")]), Entity(uid("tenant"), parents: [uid("basic")]),
        ])
        #expect(layered.isIn(Sample.alice, uid("basic")) && !layered.isIn(Sample.alice, uid("premium")))
        #expect(!base.isIn(Sample.alice, uid("tenant")) && base.isIn(uid("tenant"), uid("premium")))
        #expect(layered.entities.count == 3)
        #expect(layered[Sample.alice]?.parents == [uid("tenant")] && base[Sample.alice] == nil)
    }

    @Test func whatIsNoHierarchyIsRefused() throws {
        #expect(throws: EntityError.cycle(uid("a"))) {
            try EntityStore([Entity(self.uid("a"), parents: [self.uid("a")])])
        }
        #expect(throws: EntityError.self) {
            try EntityStore([
                Entity(self.uid("a"), parents: [self.uid("b")]),
                Entity(self.uid("b"), parents: [self.uid("a")]),
            ])
        }
        #expect(throws: EntityError.duplicate(uid("a"))) {
            try EntityStore([Entity(self.uid("a")), Entity(self.uid("a"), attributes: ["x": 1])])
        }
        #expect(throws: EntityError.actionParent(Sample.view)) {
            try EntityStore([Entity(Sample.view, parents: [self.uid("a")])])
        }
        _ = try EntityStore([Entity(uid("a")), Entity(uid("a"))])
    }
}

@Suite struct ScopeIndexTests {
    /// The index finds just what a look at every policy finds, whatever the mixture of heads.
    @Test func findsWhatALookAtEveryPolicyFinds() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        let groups = (0..<6).map { EntityUID(type: "Group", id: Text("g\($0)")) }
        let actions = (0..<5).map { EntityUID(type: "Action", id: Text("a\($0)")) }
        var entities = groups.indices.map { index in
            Entity(groups[index], parents: groups[(index + 1)...].filter { _ in Bool.random(using: &random) })
        }
        entities += actions.indices.map { index in
            Entity(
                actions[index],
                parents: actions[(index + 1)...].filter { _ in Bool.random(using: &random) }
            )
        }
        let store = try EntityStore(entities)
        func scope(_ name: String) -> String {
            let group = groups.randomElement(using: &random)!
            return [
                "\(name)", "\(name) is Group", "\(name) is User", "\(name) == \(group)",
                "\(name) in \(group)",
                "\(name) is Group in \(group)",
            ].randomElement(using: &random)!
        }
        func action() -> String {
            let some = actions.randomElement(using: &random)!
            let other = actions.randomElement(using: &random)!
            return [
                "action", "action == \(some)", "action in \(some)", "action in [\(some), \(other)]",
                "action in []",
            ]
            .randomElement(using: &random)!
        }
        let texts = (0..<200).map { _ in "permit(\(scope("principal")), \(action()), \(scope("resource")));" }
        let together = Authorizer(try policies(texts.joined(separator: "\n")))
        let alone = try texts.map { Authorizer(try policies($0)) }
        for _ in 0..<200 {
            let request = AccessRequest(
                principal: groups.randomElement(using: &random)!,
                action: actions.randomElement(using: &random)!,
                resource: groups.randomElement(using: &random)!
            )
            let expected = alone.indices.filter { alone[$0].authorize(request, store).allowed }
            let found = together.authorize(request, store).permits
            #expect(found.count == expected.count, "seed \(seed)")
            #expect(Set(found) == Set(expected.map { PolicyID("policy\($0)") }), "seed \(seed)")
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
