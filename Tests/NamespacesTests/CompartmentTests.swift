// SPDX-License-Identifier: Apache-2.0
import Bytes
import Namespaces
import TestSupport
import Testing

@Suite struct CompartmentTests {
    struct Golden: CustomTestStringConvertible, Sendable {
        var tenant: String
        var issuer = ""
        var user = ""
        var scope = CompartmentScope.tenant
        var code: String
        var testDescription: String { code }
    }

    /// The code names data on disk: a change here loses every tenant's data.
    static let golden: [Golden] = [
        Golden(tenant: "a", code: "t1a"),
        Golden(tenant: "acme", code: "t4acme"),
        Golden(tenant: "tenant", code: "t6tenant"),
        Golden(tenant: "tenant2", code: "t7tenant2"),
        Golden(tenant: "acme-corp", code: "taacmezdcorp"),
        Golden(tenant: "ACME", code: "tczuazuczumzue"),
        Golden(tenant: "zz.top_1", code: "tczzzzzptopzl1"),
        Golden(tenant: "a@b:c|d+e/f", code: "tgaztbzcczbdzsezff"),
        Golden(
            tenant: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            code: "ty0a1b2c3d4e5f60718293a4b5c6d7e8f9"
        ),
        Golden(
            tenant: "abcdefghijklmnopqrstuvwxy0123456",
            code: "twabcdefghijklmnopqrstuvwxy0123456"
        ),
        Golden(
            tenant: "abcdefghijklmnopqrstuvwxy01234567",
            code: "txvfccmkhg5ko54kl24g2txic2nbcmegnc"
        ),
        Golden(tenant: "caf\u{e9}", code: "tx2sczqq2o4xk3nko3flsmnllhb3trbbw4"),
        Golden(
            tenant: "acme",
            issuer: "cognito",
            user: "bob",
            scope: .user,
            code: "u4acme7cognito3bob"
        ),
        Golden(
            tenant: "acme",
            issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
            user: "0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9",
            scope: .user,
            code: "u4acmexs5c3ac6pe7fjtm3nnfttbjewppnd7umkxgt3wxwxfeve5ejwiij3oh7itmluh3rzr"
        ),
    ]

    @Test(arguments: golden) func neverChanges(_ golden: Golden) throws {
        let compartment = try Compartment(
            scope: golden.scope,
            tenant: golden.tenant,
            issuer: golden.issuer,
            user: golden.user
        )
        #expect(compartment.text == golden.code)
    }

    @Test func refusesWhatIsMissing() {
        #expect(throws: CompartmentError.tenantMissing) { try Compartment(scope: .tenant, tenant: "") }
        #expect(throws: CompartmentError.tenantMissing) {
            try Compartment(scope: .user, tenant: "", issuer: "i", user: "u")
        }
        #expect(throws: CompartmentError.userMissing) {
            try Compartment(scope: .user, tenant: "t", issuer: "i", user: "")
        }
        #expect(throws: CompartmentError.issuerMissing) {
            try Compartment(scope: .user, tenant: "t", issuer: "", user: "u")
        }
    }

    @Test func tenantScopeLeavesTheUserOut() throws {
        let alone = try Compartment(scope: .tenant, tenant: "acme")
        #expect(try Compartment(scope: .tenant, tenant: "acme", issuer: "i", user: "u") == alone)
    }

    /// No two compartments share a code and none begins with another's, over ids that were made to collide.
    @Test func isInjectiveAndPrefixFree() throws {
        var random = Seeded.printed()
        var codes: [[UInt8]: [String]] = [:]
        var ids = Self.adversarialIDs
        for _ in 0..<300 { ids.append(Self.randomID(&random)) }
        for tenant in Set(ids) {
            let code = try Compartment(scope: .tenant, tenant: tenant).bytes
            #expect(codes.updateValue(["t", tenant], forKey: code) == nil)
        }
        for _ in 0..<4_000 {
            let parts = (0..<3).map { _ in ids.randomElement(using: &random)! }
            let code = try Compartment(scope: .user, tenant: parts[0], issuer: parts[1], user: parts[2]).bytes
            let before = codes.updateValue(["u"] + parts, forKey: code)
            #expect(before == nil || before == ["u"] + parts)
        }
        // In sorted order a prefix stands directly before the first of those that begin with it.
        let sorted = codes.keys.sorted { $0.lexicographicallyPrecedes($1) }
        for index in sorted.indices.dropLast() {
            #expect(!sorted[index + 1].starts(with: sorted[index]))
        }
    }

    @Test func staysInBoundsAndReadsBack() throws {
        var random = Seeded.printed()
        for _ in 0..<2_000 {
            let ids = (0..<3).map { _ in Self.randomID(&random) }
            let scope = CompartmentScope.allCases.randomElement(using: &random)!
            let compartment = try Compartment(scope: scope, tenant: ids[0], issuer: ids[1], user: ids[2])
            #expect(compartment.bytes.count <= (scope == .tenant ? 34 : Compartment.maximumCount))
            #expect(compartment.bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
            let description = CompartmentDescription(exactly: compartment.bytes.span)
            let read = try #require(description)
            #expect(read.scope == scope)
            for (part, id) in zip([read.tenant, read.issuer, read.user], ids) {
                switch part {
                case .readable(let bytes): #expect(bytes == Array(id.utf8))
                case .digest(let text): #expect(text.count == 32)
                case nil: #expect(scope == .tenant)
                }
            }
            // The key follows verbatim, and the code is found again in front of it.
            let key = compartment.bytes + Array(Self.randomID(&random).utf8)
            let found = CompartmentDescription(at: key.span)
            #expect(found?.count == compartment.bytes.count)
        }
    }

    /// What is read back is only what would be written: a second spelling of one tenant would be a second compartment.
    @Test func readsOneSpelling() throws {
        var random = Seeded.printed()
        for _ in 0..<20_000 {
            var text = Self.adversarialCodes.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                text[place] = Array("tuxyz0129awA-%".utf8).randomElement(using: &random)!
            }
            guard let read = CompartmentDescription(exactly: text.span) else { continue }
            guard case .readable(let tenant) = read.tenant else { continue }
            var again = try Compartment(scope: .tenant, tenant: tenant.span.string() ?? "\u{1}")
            if read.scope == .user {
                guard case .readable(let issuer)? = read.issuer, case .readable(let user)? = read.user else {
                    continue
                }
                again = try Compartment(
                    scope: .user,
                    tenant: tenant.span,
                    issuer: issuer.span,
                    user: user.span
                )
            }
            #expect(again.bytes == text)
        }
    }

    static let adversarialCodes = golden.map { Array($0.code.utf8) }

    /// Ids that meet under joins, folds, escapes and length marks of other schemes, and of this one.
    static let adversarialIDs: [String] = [
        "a", "aa", "a-b", "a", "b", "a-", "-b", "clinic", "clinic-a", "a-b-c", "tenant", "tenant2", "tenant/",
        "Tenant", "TENANT", "z", "zz", "zd", "zu", "zua", "A", "z-", "1", "1a", "11a", "2aa", "t1a",
        "u1a1b1c",
        "1a1b", "x", "y", "w", "xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "default", "*", "a*", "a?b", "[a]",
        "a%2fb",
        "a/b", "a:b", "a|b", "a@b", "a+b", "a b", "a\u{0}b", "caf\u{e9}", "cafe\u{301}", "\u{130}",
        "i\u{307}",
        "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000",
        "0000000000000000000000000000000", "00000000-0000-0000-0000-00000000000A",
        String(repeating: "a", count: 32), String(repeating: "a", count: 33),
        String(repeating: "z", count: 16),
        String(repeating: "z", count: 17), String(repeating: "A", count: 10),
        String(repeating: "A", count: 11),
        String(repeating: "q", count: 300),
    ]

    static func randomID(_ random: inout Seeded) -> String {
        let alphabets = ["ab", "az-", "abcdefghijklmnopqrstuvwxyz0123456789-._", "zud01ZUD", "é@|/\u{0}a"]
        let alphabet = Array(alphabets.randomElement(using: &random)!)
        let count = Int.random(in: 1...(Bool.random(using: &random) ? 6 : 45), using: &random)
        return String((0..<count).map { _ in alphabet.randomElement(using: &random)! })
    }
}
