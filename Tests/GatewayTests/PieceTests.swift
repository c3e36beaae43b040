// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import Namespaces
import Testing

/// Bodies that are rewritten as they come, and those that may not be because a step is left that wants all of them.
@Suite struct PieceTests {
    private static let ann = Signer.pool.token(.ann)
    private static let long = String(repeating: "x", count: 2 * Gateway.collectedBytes)

    private func ask(_ rig: Rig, host: String, _ text: String) throws -> Run {
        let request = Rig.request(
            "POST /ask",
            host: host,
            token: Self.ann,
            ["Content-Type: application/json"],
            body: text
        )
        return try rig.run(request, meetsNeeds: false)
    }

    private func body(_ text: String) -> String { #"{"space":"main","text":"\#(text)"}"# }

    private func inside(_ rig: Rig, _ text: String) -> String {
        #"{"space":"\#(rig.compartment(of: "acme"))-main","text":"\#(text)"}"#
    }

    @Test func aLargeBodyIsRewrittenAsItComes() throws {
        let rig = try Rig()
        let run = try ask(rig, host: "desk.local", body(Self.long))
        #expect(run.isForwarded && run.exchange.rewritesPieces && run.sentBody == inside(rig, Self.long))
    }

    @Test func whatIsWrongBehindItsFirstPieceIsRefused() throws {
        let rig = try Rig()
        let run = try ask(rig, host: "desk.local", String(body(Self.long).dropLast()) + #","space":"other"}"#)
        #expect(run.reason == "member_duplicate" && run.records.count == 1)
    }

    /// The upstream began to answer before it had the whole request: no second answer is made.
    @Test func behindAnAnswerThatHasBegunNothingIsAnswered() throws {
        let rig = try Rig()
        let run = try ask(rig, host: "desk.local", body(Self.long))
        run.exchange.isAnswered = true
        run.exchange.piece.append("more")
        #expect(!rig.gateway.rewritePiece(&run.exchange, isFinal: true))
        #expect(run.reason == "body_invalid" && run.exchange.answer.body.isEmpty)
    }

    /// An endpoint is asked for behind everything else, and what was rewritten before is not rewritten again (THREATS 2).
    @Test(arguments: ["short", long])
    func aLeasedAgentGetsItOnceAndFromItsHolderOnly(_ text: String) throws {
        let rig = try Rig()
        let run = try ask(rig, host: "leased-desk.local", body(text))
        guard case .need(.lease) = run.action else { throw Unexpected(run: "\(run.action)") }
        run.resume(.leased(upstream: 77))
        #expect(run.isForwarded && run.exchange.upstream == 77)
        #expect(run.exchange.isBodyCollected && run.sentBody == inside(rig, text))
        #expect(run.sent("authorization").count == 1)
    }

    private struct Unexpected: Error {
        var run: String
    }

    private func amend(_ rig: Rig, _ text: String) throws -> Run {
        let request = Rig.request(
            "POST /amend",
            host: "ledger.local",
            token: Self.ann,
            ["Content-Type: application/json"],
            body: #"{"entry":1,"text":"\#(text)"}"#
        )
        return try rig.run(request, on: "direct", meetsNeeds: false)
    }

    /// Until the owner is known a placeholder stands for the number: it must never leave (THREATS 14).
    @Test(arguments: ["short", long])
    func anOwnerIsAskedForBeforeAnythingLeaves(_ text: String) throws {
        let rig = try Rig()
        let run = try amend(rig, text)
        guard case .need(.owners(let queries)) = run.action else { throw Unexpected(run: "\(run.action)") }
        #expect(queries.map(\.ask) == [.real(of: 1)])
        run.resume(.owners([.real(Array("4711".utf8))]))
        #expect(run.isForwarded && run.sentBody == #"{"entry":4711,"text":"\#(text)"}"#)
    }

    @Test(arguments: ["short", long])
    func aNumberThatIsNobodysReachesNoStore(_ text: String) throws {
        let rig = try Rig()
        let run = try amend(rig, text)
        run.resume(.owners([.unowned]))
        #expect(run.reason == "id_unknown" && !run.isForwarded)
    }

    /// Nor is a large answer let go before it is known whose it is.
    @Test func anAnswerWithNumbersIsSeenWhole() throws {
        let rig = try Rig()
        let run = try amend(rig, "short")
        run.resume(.owners([.real(Array("4711".utf8))]))
        run.exchange.responseBody.append(string: #"{"entry":4711,"text":"\#(Self.long)"}"#)
        #expect(rig.gateway.responseOverflowed(&run.exchange) == nil)
    }
}
