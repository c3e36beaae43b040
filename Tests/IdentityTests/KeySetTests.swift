// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import Testing

@Suite struct KeySetTests {
    static func parse(_ text: String) throws(KeySet.Problem) -> KeySet {
        try KeySet.parse(Array(text.utf8).span)
    }

    @Test func readsEveryKindOfKey() throws {
        let set = try Keys.set(
            Keys.rsa.jwk(#","alg":"RS256","use":"sig","x5t":"abc""#),
            Keys.elliptic.jwk(#","key_ops":["verify"]"#),
            Keys.edwards.jwk()
        )
        #expect(set.keys.map(\.id) == ["rsa-1", "ec-1", "ed-1"])
        #expect(set.keys.map(\.algorithm) == [.rs256, nil, nil])
        #expect(set.keys.map(\.key.kind) == [.rsa, .ec(.p256), .ed25519])
        #expect(set.keys[0].thumbprint == Keys.rsa.key.publicMembers.thumbprint())
        #expect(set.notes.isEmpty)
    }

    /// A certificate in the set says nothing: the key does, and whoever serves the set has said that it is theirs.
    @Test func certificatesInItAreNotRead() throws {
        let more = #","x5c":["bm90IGEgY2VydGlmaWNhdGU"],"x5u":"https://evil.example","x5t#S256":7,"ext":true"#
        let set = try Keys.set(Keys.rsa.jwk(more), Keys.elliptic.jwk(#","x5c":1"#))
        #expect(set.keys.map(\.id) == ["rsa-1", "ec-1"] && set.notes.isEmpty)
        #expect(set.keys[0].thumbprint == Keys.rsa.key.publicMembers.thumbprint())
    }

    struct LeftOut: Sendable, CustomTestStringConvertible {
        let jwk: String
        let note: KeySet.Note
        init(_ note: KeySet.Note, _ jwk: String) { (self.jwk, self.note) = (jwk, note) }
        var testDescription: String { "\(note.rawValue): \(jwk.prefix(60))" }
    }

    static let rsaMembers = Keys.rsa.jwk().dropLast()
    static let coordinate = Base64URL.encode([UInt8](repeating: 1, count: 32).span)

    @Test(arguments: [
        LeftOut(.unknownType, #"{"kty":"oct","k":"c2VjcmV0","kid":"s"}"#),
        LeftOut(.unknownType, #"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#),
        LeftOut(.unknownType, #"{"kty":"rsa"}"#),
        LeftOut(.malformed, #"{"kid":"no type"}"#),
        LeftOut(.malformed, #"{"kty":1}"#),
        LeftOut(.unknownCurve, #"{"kty":"OKP","crv":"Ed448","x":"AA"}"#),
        LeftOut(.unknownCurve, #"{"kty":"OKP","crv":"X25519","x":"AA"}"#),
        LeftOut(.unknownCurve, #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#),
        LeftOut(.malformed, #"{"kty":"EC","x":"AA","y":"AA"}"#),
        LeftOut(.unsound, #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#),
        LeftOut(.unsound, #"{"kty":"EC","crv":"P-256","x":"\#(coordinate)","y":"\#(coordinate)"}"#),
        LeftOut(.malformed, #"{"kty":"OKP","crv":"Ed25519"}"#),
        LeftOut(.malformed, #"{"kty":"OKP","crv":"Ed25519","x":"A A"}"#),
        LeftOut(.malformed, #"{"kty":"OKP","crv":"Ed25519","x":"AA=="}"#),
        LeftOut(.malformed, #"{"kty":"RSA","n":"AQAB"}"#),
        LeftOut(.unsound, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#),
        LeftOut(.otherUse, rsaMembers + #","use":"enc"}"#),
        LeftOut(.otherUse, rsaMembers + #","key_ops":["sign"]}"#),
        LeftOut(.malformed, rsaMembers + #","key_ops":"verify"}"#),
        LeftOut(.malformed, rsaMembers + #","use":1}"#),
        LeftOut(.unknownAlgorithm, rsaMembers + #","alg":"RSA-OAEP"}"#),
        LeftOut(.unknownAlgorithm, rsaMembers + #","alg":"HS256"}"#),
        LeftOut(.unknownAlgorithm, rsaMembers + #","alg":"none"}"#),
        LeftOut(.malformed, rsaMembers + #","alg":"ES256"}"#),
        LeftOut(.privateMember, rsaMembers + #","d":"AQAB"}"#),
        LeftOut(.privateMember, rsaMembers + #","dp":"AQAB"}"#),
        LeftOut(.malformed, #"{"kty":"OKP","crv":"Ed25519","x":"AA","kid":7}"#),
        LeftOut(.malformed, #"{"kty":"RSA","kid":"\#(String(repeating: "k", count: 257))"}"#),
    ])
    func leavesOut(_ leftOut: LeftOut) throws {
        let set = try Keys.set(Keys.elliptic.jwk(), leftOut.jwk)
        #expect(set.keys.map(\.id) == ["ec-1"])
        #expect(set.notes.map(\.place) == [1] && set.notes.map(\.note) == [leftOut.note])
        #expect(throws: KeySet.Problem.noUsableKey) { try Keys.set(leftOut.jwk) }
    }

    @Test func refusesWhatIsNoKeySet() {
        let deep = String(repeating: "[", count: 9) + String(repeating: "]", count: 9)
        let many = Array(repeating: "{}", count: 101).joined(separator: ",")
        let cases: [(String, KeySet.Problem)] = [
            ("", .json(JSONError(.truncated, at: 0))), ("[]", .notAKeySet), ("{}", .notAKeySet),
            (#"{"keys":{}}"#, .notAKeySet), (#"{"keys":[1]}"#, .notAKeySet), (#"{"keys":[]}"#, .noUsableKey),
            (#"{"keys":[],"keys":[]}"#, .json(JSONError(.duplicateName, at: 12))),
            (#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#, .json(JSONError(.duplicateName, at: 23))),
            (#"{"keys":\#(deep)}"#, .json(JSONError(.tooDeep, at: 15))),
            (#"{"keys":[\#(many)]}"#, .tooManyKeys),
            (String(repeating: " ", count: 300_000), .json(JSONError(.tooLarge, at: KeySet.maximumBytes))),
        ]
        for (text, problem) in cases { #expect(throws: problem) { try Self.parse(text) } }
    }

    @Test func twoKeysUnderOneIDAreNone() throws {
        let twice = try Keys.set(Keys.rsa.jwk(), Keys.rsa.jwk())
        #expect(twice.keys.count == 1 && twice.notes.isEmpty, "the same key twice is one")
        let two = try Keys.set(Keys.rsa.jwk(), Keys.elliptic.jwk(), Keys.stranger.jwk())
        #expect(two.keys.map(\.id) == ["ec-1"])
        #expect(Set(two.notes.map(\.place)) == [0, 2] && two.notes.allSatisfy { $0.note == .ambiguousID })
        let kinds = try Keys.set(Keys.rsa.jwk(), Signer(.ec(.p256), id: "rsa-1").jwk())
        #expect(kinds.keys.count == 2, "RFC 7517 §4.5: one id for one key in two kinds is fine")
        let algorithms = try Keys.set(
            Keys.rsa.jwk(#","alg":"RS256""#),
            Keys.stranger.jwk(#","alg":"PS256""#)
        )
        #expect(algorithms.keys.count == 2)
    }
}

@Suite struct KeyLookupTests {
    private func world(_ jwks: String..., staleAt: WallTime? = nil) throws -> World {
        let world = try World()
        let text = Array(#"{"keys":[\#(jwks.joined(separator: ","))]}"#.utf8)
        var keys = KeyRing(issuers: 3)
        keys.replace(issuer: 0, with: try KeySet.parse(text.span), fetchedAt: World.now, staleAt: staleAt)
        world.snapshot = world.snapshot.with(keys: keys)
        return world
    }

    @Test func unknownKeyIsAskedForOnceThenRefused() throws {
        let world = try world(Keys.otherRSA.jwk())
        let token = Keys.rsa.token(World.idClaims.json)
        guard case .unknownKey(let issuer, let id) = world.verify(token) else {
            return #expect(Bool(false), "should ask for the key")
        }
        #expect(issuer == 0 && id == "rsa-1")
        guard case .refused(.keyUnknown) = world.verify(token, isLastTry: true) else {
            return #expect(Bool(false), "should give up")
        }
        var keys = world.snapshot.keys
        keys.replace(
            issuer: 0,
            with: try Keys.set(Keys.otherRSA.jwk(), Keys.rsa.jwk()),
            fetchedAt: World.now,
            staleAt: nil
        )
        world.snapshot = world.snapshot.with(keys: keys)
        #expect(throws: Never.self) { try world.principal(token) }
    }

    @Test func withoutAnIDExactlyOneKeyMustFit() throws {
        let token = Keys.rsa.token(World.idClaims.json, header: #"{"alg":"RS256"}"#)
        #expect(throws: Never.self) { try world(Keys.rsa.jwk(), Keys.elliptic.jwk()).principal(token) }
        #expect(try world(Keys.rsa.jwk(), Keys.otherRSA.jwk()).failure(token) == .keyAmbiguous)
        #expect(
            throws: Never.self,
            performing: {
                try self.world(Keys.rsa.jwk(), Keys.otherRSA.jwk(#","alg":"RS512""#)).principal(token)
            }
        )
        guard case .unknownKey(0, nil) = try world(Keys.elliptic.jwk()).verify(token) else {
            return #expect(Bool(false), "no key fits")
        }
    }

    @Test func keyOfAnotherAlgorithmIsRefused() throws {
        let token = Keys.rsa.token(World.idClaims.json)
        #expect(try world(Keys.rsa.jwk(#","alg":"RS512""#)).failure(token) == .algorithmRefused)
    }

    @Test func keysOfOneIssuerAreNoOthers() throws {
        let world = try World()
        var keys = KeyRing(issuers: 3)
        keys.replace(issuer: 1, with: try Keys.set(Keys.rsa.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        #expect(!world.snapshot.hasAllKeys)
        #expect(try world.failure(Keys.rsa.token(World.idClaims.json)) == .keysUnavailable)
        #expect(throws: Never.self) { try world.principal(Keys.rsa.token(World.accessClaims.json)) }
    }

    @Test func staleKeysAreNotBelieved() throws {
        let world = try world(Keys.rsa.jwk(), staleAt: World.now + .seconds(10))
        let token = Keys.rsa.token(World.idClaims.json)
        #expect(throws: Never.self) { try world.principal(token, now: World.now + .seconds(9)) }
        #expect(
            try world.failure(token, now: World.now + .seconds(10)) == .keysUnavailable,
            "also from the cache"
        )
    }
}

/// A schedule behind a reference, and seconds for instants.
private final class Timetable {
    private var schedule = KeySchedule(now: Timetable.at(0))

    static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    /// In seconds, rounded down.
    var dueAt: Int64? { schedule.dueAt.map { $0.nanoseconds / 1_000_000_000 } }
    func tick(_ now: Int64) -> Bool { schedule.tick(now: Self.at(now)) }
    func unknownKey(_ now: Int64) -> KeySchedule.Answer { schedule.unknownKey(now: Self.at(now)) }
    func fetched(_ now: Int64, spread: UInt8 = 0) { schedule.fetched(now: Self.at(now), spread: spread) }
    func failed(_ now: Int64) { schedule.failed(now: Self.at(now)) }
}

@Suite struct KeyScheduleTests {
    private let schedule = Timetable()

    @Test func fetchesOnItsTimer() {
        #expect(schedule.dueAt == 0)
        #expect(schedule.tick(0))
        #expect(schedule.dueAt == nil && !schedule.tick(1))
        schedule.fetched(1)
        #expect(schedule.dueAt == 601)
        #expect(!schedule.tick(600) && schedule.tick(601))
        schedule.fetched(602, spread: 255)
        #expect(schedule.dueAt == 1142)
    }

    @Test func unknownKeysMakeItFetchOnceInAWhile() {
        #expect(schedule.tick(0))
        #expect(schedule.unknownKey(1) == .wait)
        schedule.fetched(2)
        #expect(schedule.unknownKey(3) == .fetch, "a rotation right after a fetch of the timer")
        #expect(schedule.unknownKey(4) == .wait)
        schedule.fetched(5)
        #expect(schedule.unknownKey(6) == .refuse)
        #expect(schedule.unknownKey(32) == .refuse)
        #expect(schedule.unknownKey(33) == .fetch)
        schedule.failed(34)
        #expect(schedule.unknownKey(35) == .refuse)
        #expect(schedule.dueAt == 39)
    }

    @Test func failuresAreRetriedMoreAndMoreSeldom() throws {
        var now: Int64 = 0
        var delays: [Int64] = []
        for _ in 0..<10 {
            #expect(schedule.tick(now))
            schedule.failed(now)
            let dueAt = try #require(schedule.dueAt)
            delays.append(dueAt - now)
            now = dueAt
        }
        #expect(delays == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
        #expect(schedule.tick(now))
        schedule.fetched(now)
        #expect(schedule.tick(now + 600))
        schedule.failed(now + 600)
        #expect(schedule.dueAt == now + 605, "a success forgives")
    }
}
