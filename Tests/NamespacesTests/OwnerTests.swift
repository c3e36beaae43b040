// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import Namespaces
import Testing

/// Ids that are remembered with their owner: what a transform asks, and what it makes of the answers.
@Suite struct OwnerTests {
    private static let table = """
        adapter: items
        kind: store
        rewrites:
          item: {own: number}
          made: {created: item}
        segments: {item: item}
        errors: {body: {error: "{code}"}, upstream: {/error: screen}}
        operations:
          - {name: read, method: GET, path: "/items/{item}", action: memory:Read, response: {body: {/id: item}}}
          - name: create
            method: POST
            path: /items
            action: memory:Write
            request: {body: {/parent: item}}
            response: {body: {/id: made, /parent: item}}
        """

    private let adapter: Adapter
    private let scope: AdapterScope

    init() throws {
        adapter = try Rig.compile(Self.table)
        scope = try Rig.scope(adapter, "acme")
    }

    private func target(_ text: String) throws -> String {
        var path = CanonicalPath()
        try path.parse(Array(text.utf8).span)
        var output = Buffer()
        scope.owners.begin()
        _ = try adapter.rewriteTarget(try adapter.match(.get, path), path, scope, into: &output)
        return output.bytes.string() ?? ""
    }

    private func answer(_ body: String) throws -> String {
        var path = CanonicalPath()
        try path.parse(Array("/items".utf8).span)
        var output = Buffer()
        let mapping = try adapter.rewriteTarget(try adapter.match(.post, path), path, scope, into: &output)
        output.removeAll()
        scope.owners.begin()
        _ = try adapter.transformResponse(
            mapping,
            status: 201,
            Array(body.utf8).span,
            path,
            scope,
            into: &output
        )
        return output.bytes.string() ?? ""
    }

    @Test func whatIsUnknownIsAskedOnceAndForAll() throws {
        _ = try target("/items/7")
        let missing = scope.owners.missing
        #expect(missing.map(\.ask) == [.real(of: 7)])
        scope.owners.learn(missing, [.real(Array("4711".utf8))])
        #expect(try target("/items/7") == "/items/4711")
        #expect(scope.owners.missing.isEmpty)
        // It is never another's later on, so it may be kept.
        scope.owners.forget()
        #expect(try target("/items/7") == "/items/4711")
    }

    @Test func nobodysIsNobodysForOneExchangeOnly() throws {
        _ = try target("/items/8")
        scope.owners.learn(scope.owners.missing, [.unowned])
        #expect(throws: AdapterFailure.self) { try target("/items/8") }
        scope.owners.forget()
        _ = try target("/items/8")
        #expect(scope.owners.missing.count == 1, "by now it may have been created")
    }

    @Test func anAnswerAsksForAllThatItNames() throws {
        _ = try answer(#"{"id":43,"parent":12}"#)
        let missing = scope.owners.missing
        #expect(missing.map(\.ask) == [.created(Array("43".utf8)), .number(of: Array("12".utf8))])
        scope.owners.learn(missing, [.number(3), .number(1)])
        #expect(try answer(#"{"id":43,"parent":12}"#) == #"{"id":3,"parent":1}"#)
        // Another's in the place of a parent is a leak, and so is an id that was somebody's already.
        _ = try answer(#"{"id":43,"parent":13}"#)
        scope.owners.learn(scope.owners.missing, [.unowned])
        #expect(throws: AdapterFailure.self) { try answer(#"{"id":43,"parent":13}"#) }
        // Without its id nobody knows what was created.
        #expect(throws: AdapterFailure.self) { try answer(#"{"parent":12}"#) }
    }

    @Test(arguments: ["007", "-1", "1e2", "x", "1234567890123456789"]) func onlyPlainNumbersAreIDs(
        _ text: String
    ) throws {
        #expect(throws: AdapterFailure.self) { try target("/items/\(text)") }
        #expect(scope.owners.missing.isEmpty)
    }

    @Test func aTablesMistakesAreTold() {
        let wrong = Self.table
            .replacing("{created: item}", with: "{created: nothing}")
            .replacing(
                "segments: {item: item}",
                with: "segments: {item: item}\nheaders: {response: {location: item}}"
            )
        do throws(Configuration.Problems) {
            _ = try Rig.compile(wrong)
            Issue.record("it compiles")
        } catch {
            let lines = error.list.map(\.description)
            #expect(lines.contains { $0.contains("the name of a rewrite {own: number}") }, "\(lines)")
            #expect(lines.contains { $0.contains("stands in no header") }, "\(lines)")
        }
    }
}
