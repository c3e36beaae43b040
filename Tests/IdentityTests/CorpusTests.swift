// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Foundation
import Identity
import JSON
import TestSupport
import Testing

extension Corpora {
    fileprivate static func value(_ path: String) throws -> JSONValue {
        try JSONValue.parse(read(path).span, maximumBytes: 1 << 24)
    }
}

private func keySet(_ keys: [JSONValue]) throws -> KeySet {
    var text = Buffer()
    text.append("{\"keys\":[")
    for (place, key) in keys.enumerated() {
        if place > 0 { text.append(ASCII.comma) }
        key.write(into: &text)
    }
    text.append("]}")
    return try KeySet.parse(text.bytes)
}

@Suite(.enabled(if: Corpora.root != nil, "set BULKHEAD_CORPORA to a folder that holds wycheproof"))
struct JWKCorpusTests {
    /// Wycheproof's groups with public keys: what is left out of them. Where nothing is, only the token of the case
    /// is wrong. Sets of symmetric keys are never of use here.
    static let expected: [String: [[KeySet.Note]]] = [
        "rs256": [[], [.otherUse]], "jws_rsa_roca_key": [[.unsound]], "keysize_too_small": [[.unsound]],
        "exponentOne": [[.unsound]], "wrong_algorithm": [[.unknownAlgorithm]],
        "invalid_algorithm": [[.unknownAlgorithm]], "invalid_use": [[.otherUse]],
        "invalid_point": [[.unsound]],
        "wrong_curve": [[.unsound]], "wrong_kty": [[.malformed]],
    ]

    @Test func wycheproofKeySets() throws {
        let groups = try #require(
            try Corpora.value("wycheproof/testvectors_v1/json_web_key_test.json").object?["testGroups"]?.array
        )
        #expect(groups.count == 25)
        let beside = try Corpora.value("jose-cookbook/jwk/3_1.ec_public_key.json")
        for group in groups {
            let name = try #require(group.object?["comment"]?.string)
            guard let keys = group.object?["public"]?.object?["keys"]?.array else {
                let secret = try #require(group.object?["private"]?.object?["keys"]?.array)
                let set = try? keySet(secret)
                // One mixes a symmetric key with a public one, which stays.
                #expect(set?.keys.count == (name == "jws_mixedSymmetryKeyset" ? 1 : nil), "\(name)")
                continue
            }
            let set = try keySet(keys + [beside])
            let expected = Self.expected[name] ?? []
            #expect(expected.contains(set.notes.map(\.note)), "\(name)")
            #expect(set.keys.count == 1 + keys.count - set.notes.count)
        }
    }

    @Test func cookbookKeys() throws {
        let kinds = [
            ("3_1.ec_public_key", KeySet.Note?.none), ("3_2.ec_private_key", .privateMember),
            ("3_3.rsa_public_key", .none), ("3_4.rsa_private_key", .privateMember),
            ("3_5.symmetric_key_mac_computation", .unknownType),
            ("3_6.symmetric_key_encryption", .unknownType),
        ]
        let keys = try kinds.map { try Corpora.value("jose-cookbook/jwk/\($0.0).json") }
        let set = try keySet(keys)
        #expect(set.keys.map(\.key.kind) == [.ec(.p521), .rsa])
        let notes = kinds.enumerated().compactMap { place, kind in kind.1.map { "\(place) \($0.rawValue)" } }
        #expect(set.notes.map { "\($0.place) \($0.note.rawValue)" } == notes)
    }
}
