// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Foundation
import Identity
import JSON
import TestSupport
import Testing

extension Corpora {
    static func value(_ path: String) throws -> JSONValue {
        try JSONValue.parse(read(path).span, maximumBytes: 1 << 26)
    }

    /// Paths of all JSON files below a folder, however deep, whose name passes.
    static func files(below folder: String, where isWanted: (String) -> Bool = { _ in true }) -> [String] {
        guard let root else { return [] }
        let walk = FileManager.default.enumerator(atPath: root.appending(path: folder).path())
        let names = (walk?.allObjects ?? []).compactMap { $0 as? String }
        return names.filter { $0.hasSuffix(".json") && isWanted($0) }.sorted().map { "\(folder)/\($0)" }
    }
}

/// Keys and tokens of others, put through what verifies the tokens of issuers.
enum JOSE {
    /// The set of these keys as an issuer would publish it; nil when it is refused.
    static func keySet(_ keys: [JSONValue]) -> KeySet? {
        var text = Buffer()
        text.append("{\"keys\":[")
        for (place, key) in keys.enumerated() {
            if place > 0 { text.append(ASCII.comma) }
            key.write(into: &text)
        }
        text.append("]}")
        return try? KeySet.parse(text.bytes)
    }

    /// A JWK without the named members.
    static func without(_ names: Set<String>, _ key: JSONValue) -> JSONValue {
        guard let object = key.object else { return key }
        var kept = JSONObject()
        for (name, value) in object.members where !names.contains(name) { _ = kept.append(name, value) }
        return .object(kept)
    }

    static func text(_ value: JSONValue) -> String {
        var text = Buffer()
        value.write(into: &text)
        return text.bytes.string() ?? ""
    }

    static let privateMembers: Set<String> = ["d", "p", "q", "dp", "dq", "qi", "oth"]

    enum Outcome: Equatable {
        case accepted
        case refused(IdentityFailure)
        case noKeys
    }

    /// Every algorithm is one of the issuer's, so that only the token and its key decide.
    static func verify(_ token: String, under keys: KeySet?) -> Outcome {
        guard let keys else { return .noKeys }
        var signed = SignedToken()
        let bytes = Array(token.utf8)
        do throws(IdentityFailure) {
            let header = try signed.open(bytes.span, maximumBytes: 1 << 20)
            let key = try signed.verify(bytes.span, header, by: keys, SignatureAlgorithm.allCases)
            return key == nil ? .refused(.keyUnknown) : .accepted
        } catch {
            return .refused(error)
        }
    }

    /// The header's `alg`, read by somebody else's code and leniently; nil where there is none to be read.
    static func algorithm(of token: String) -> String? {
        var text = String(token.prefix { $0 != "." }).replacing("-", with: "+").replacing("_", with: "/")
        while text.utf8.count % 4 != 0 { text += "=" }
        guard let data = Data(base64Encoded: text),
            let header = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        else { return nil }
        return header["alg"] as? String
    }
}

/// Wycheproof's JWS, JWK and JWE, each vector judged by its own fields: what is `invalid` is refused, and what is `valid` is
/// accepted unless one of three rules refuses it. Files and vectors that are added later are judged the same way.
@Suite(.enabled(if: Corpora.has("wycheproof"), "set BULKHEAD_CORPORA to a folder that holds wycheproof"))
struct WycheproofTokenTests {
    /// Why a valid vector is refused all the same.
    enum Rule: String, CaseIterable {
        /// A token is a signed message in compact form; nothing is decrypted here.
        case encrypted
        /// Whoever verifies an HMAC can make one.
        case symmetric
        /// The JWK is for another algorithm than the token names (THREATS 5). The signature itself verifies once the JWK
        /// says nothing of it.
        case keyOfAnotherAlgorithm
    }

    struct Tally: CustomStringConvertible {
        var invalid = 0
        var accepted = 0
        var acceptable = 0
        var byRule: [Rule: Int] = [:]
        var description: String {
            let rules = Rule.allCases.map { "\($0.rawValue) \(byRule[$0] ?? 0)" }.joined(separator: ", ")
            return
                "\(invalid) invalid, \(accepted) valid accepted, valid refused: \(rules); \(acceptable) acceptable"
        }
    }

    static let files = Corpora.files(below: "wycheproof") { path in
        path.split(separator: "/").last?.hasPrefix("json_web_") == true && !path.contains("schema")
    }

    @Test(arguments: files) func vectors(_ file: String) throws {
        let groups = try #require(try Corpora.value(file).object?["testGroups"]?.array)
        var tally = Tally()
        for group in groups {
            let keys = Self.keys(of: group)
            let set = JOSE.keySet(keys)
            for test in group.object?["tests"]?.array ?? [] {
                try Self.judge(try #require(test.object), set, keys, file, &tally)
            }
        }
        print("\(file): \(tally)")
        #expect(tally.invalid > 0)
    }

    /// What an issuer would publish: the public keys; of a group that has none, whatever it has.
    private static func keys(of group: JSONValue) -> [JSONValue] {
        let members = group.object
        for name in ["public", "private", "key"] {
            guard let value = members?[name] else { continue }
            return value.object?["keys"]?.array ?? [value]
        }
        return []
    }

    private static func judge(
        _ test: JSONObject,
        _ set: KeySet?,
        _ keys: [JSONValue],
        _ file: String,
        _ tally: inout Tally
    ) throws {
        let place = "\(file) \(test["tcId"].map { "\($0)" } ?? "?"): \(test["comment"]?.string ?? "")"
        let form = try #require(test["jws"] ?? test["jwe"], "\(place)")
        // Some are in JSON form, as an object.
        let token = form.string ?? JOSE.text(form)
        let outcome = JOSE.verify(token, under: set)
        switch try #require(test["result"]?.string, "\(place)") {
        case "invalid":
            tally.invalid += 1
            #expect(outcome != .accepted, "\(place)")
        case "valid":
            guard let rule = rule(test, token, keys) else {
                tally.accepted += 1
                return #expect(outcome == .accepted, "\(place)")
            }
            tally.byRule[rule, default: 0] += 1
            #expect(outcome != .accepted, "\(place)")
            if rule == .keyOfAnotherAlgorithm {
                let unbound = JOSE.keySet(keys.map { JOSE.without(["alg"], $0) })
                #expect(JOSE.verify(token, under: unbound) == .accepted, "\(place)")
            }
        default: tally.acceptable += 1
        }
    }

    private static func rule(_ test: JSONObject, _ token: String, _ keys: [JSONValue]) -> Rule? {
        if test["jwe"] != nil { return .encrypted }
        let algorithm = JOSE.algorithm(of: token)
        let areSecrets = keys.allSatisfy { $0.object?["kty"]?.string == "oct" }
        if areSecrets || algorithm?.hasPrefix("HS") == true { return .symmetric }
        let named = keys.compactMap { $0.object?["alg"]?.string }
        return named.count == keys.count && !named.contains { $0 == algorithm } ? .keyOfAnotherAlgorithm : nil
    }

    /// What is left out of each set of public keys, by the notes: nothing that is there is silently dropped.
    @Test(arguments: files) func everyKeyIsUsedOrNoted(_ file: String) throws {
        let groups = try #require(try Corpora.value(file).object?["testGroups"]?.array)
        let beside = try JSONValue.parse(Array(Keys.edwards.jwk().utf8).span)
        for group in groups {
            guard group.object?["public"] != nil else { continue }
            let keys = Self.keys(of: group)
            let set = try #require(JOSE.keySet(keys + [beside]))
            #expect(set.keys.count + set.notes.count == keys.count + 1)
            for note in set.notes { #expect(keys.indices.contains(note.place)) }
        }
    }
}

/// The worked examples of RFC 7520, 8037 and 7797.
@Suite(
    .enabled(if: Corpora.has("jose-cookbook"), "set BULKHEAD_CORPORA to a folder that holds jose-cookbook")
)
struct CookbookTests {
    static let files = Corpora.files(below: "jose-cookbook")

    @Test(arguments: files) func example(_ file: String) throws {
        let value = try Corpora.value(file)
        if value.object?["kty"] != nil { return try Self.key(value, file) }
        var found = 0
        try Self.walk(value, file, &found)
        #expect(found > 0, "\(file) holds no example")
    }

    /// Everything below that has an input and an output.
    private static func walk(_ value: JSONValue, _ file: String, _ found: inout Int) throws {
        guard let object = value.object else { return }
        if let input = object["input"]?.object, let output = object["output"]?.object {
            found += 1
            for name in ["json", "json_flat"] {
                guard let form = output[name] else { continue }
                #expect(JOSE.verify(JOSE.text(form), under: nil) != .accepted)
                let refused = JOSE.verify(JOSE.text(form), under: try Self.anyKeys())
                #expect(refused == .refused(.tokenMalformed), "\(file): only the compact form is a token")
            }
            if let compact = output["compact"]?.string {
                try token(compact, input, object["signing"]?.object, file)
            }
            return
        }
        for (_, member) in object.members { try walk(member, file, &found) }
    }

    private static func anyKeys() throws -> KeySet {
        try #require(JOSE.keySet([try Corpora.value("jose-cookbook/jwk/3_1.ec_public_key.json")]))
    }

    private static func token(
        _ compact: String,
        _ input: JSONObject,
        _ signing: JSONObject?,
        _ file: String
    ) throws {
        guard let signing else {
            return #expect(
                JOSE.verify(compact, under: try anyKeys()) == .refused(.tokenMalformed),
                "\(file): JWE has five parts"
            )
        }
        let key = try #require(input["key"])
        let keys = JOSE.keySet([JOSE.without(JOSE.privateMembers, key)])
        let header = signing["protected"]?.object
        let outcome = JOSE.verify(compact, under: keys)
        if key.object?["kty"]?.string == "oct" {
            #expect(keys == nil, "\(file): a secret is no public key")
            let refused = JOSE.verify(compact, under: try anyKeys())
            let isUnencoded = header?["b64"] != nil
            #expect(refused != .accepted, "\(file)")
            if !isUnencoded { #expect(refused == .refused(.algorithmRefused), "\(file): HMAC") }
            return
        }
        #expect(outcome == .accepted, "\(file)")
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        #expect(signing["sig-input"]?.string == parts[0] + "." + parts[1])
        #expect(signing["sig"]?.string == parts[2])
        #expect(JOSE.verify(String(compact.dropLast()), under: keys) != .accepted)
        // With its private half the same key is nobody's own any more.
        #expect(JOSE.keySet([key]) == nil, "\(file)")
    }

    /// A JWK is used as it stands, to the byte, or left out for a reason that its own members give.
    private static func key(_ value: JSONValue, _ file: String) throws {
        let members = try #require(value.object)
        let beside = try Corpora.value("jose-cookbook/jwk/3_1.ec_public_key.json")
        let note: KeySet.Note? =
            if members["kty"]?.string == "oct" {
                .unknownType
            } else if JOSE.privateMembers.contains(where: { members[$0] != nil }) {
                .privateMember
            } else {
                nil
            }
        let other = JOSE.without(["kid"], beside)
        let set = try #require(JOSE.keySet([value, other]))
        #expect(set.notes.map(\.note) == [note].compactMap(\.self), "\(file)")
        guard note == nil else { return }
        // RFC 7638: only if every member was read and would be printed as it stands is this digest the same.
        let names = ["crv", "e", "kty", "n", "x", "y"].filter { members[$0] != nil }
        let canonical =
            "{" + names.map { #""\#($0)":"\#(members[$0]?.string ?? "")""# }.joined(separator: ",") + "}"
        #expect(set.keys.first?.thumbprint == SHA256.hash(canonical.utf8Span.span), "\(file)")
    }
}
