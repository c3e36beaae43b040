// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS
import Testing

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct VerificationTests {
    @Test(arguments: [TLSVersion.v12, .v13])
    func wrongNameIsRefused(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link(name: "elsewhere.test")
        link.run()
        #expect(link.clientOutcome == .failed(.wrongName))
        guard case .failed(.alert) = link.serverOutcome else {
            Issue.record("the alert did not arrive: \(link.serverOutcome)")
            return
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func wrongAuthorityIsRefused(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.certificates = [try ends.keys.certificate("foreign")]
        let link = try ends.link()
        link.run()
        guard case .failed(.untrusted) = link.clientOutcome else {
            Issue.record("accepted: \(link.clientOutcome)")
            return
        }
        #expect(link.serverOutcome == .failed(.alert(48)))
        #expect("\(TLSFailure.untrusted(20))".contains("local issuer"))
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func expiredIsRefused(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        let certificate = try ends.keys.certificate("old")
        #expect(certificate.notAfter < certificate.notBefore)
        ends.server.certificates = [certificate]
        let link = try ends.link()
        link.run()
        #expect(link.clientOutcome == .failed(.untrusted(10)))
        #expect(link.serverOutcome == .failed(.alert(45)))
    }

    /// The subject is no name: only alternative names count (RFC 9110 §4.3.4).
    @Test func commonNameIsNotAName() throws {
        var ends = try Ends()
        ends.server.certificates = [try ends.keys.certificate("common-name")]
        let link = try ends.link(name: "common-name")
        link.run()
        #expect(link.clientOutcome == .failed(.wrongName))
    }

    @Test(arguments: [("127.0.0.1", true), ("::1", true), ("127.0.0.2", false), ("localhost", false)])
    func addresses(_ name: String, _ isFine: Bool) throws {
        var ends = try Ends()
        ends.server.certificates = [try ends.keys.certificate("address")]
        let link = try ends.link(name: name)
        link.run()
        #expect(link.isOpen == isFine)
        if isFine {
            #expect(link.server.serverName == nil)
        } else {
            #expect(link.clientOutcome == .failed(.wrongName))
        }
    }

    @Test(arguments: [
        "", ".", "a b", "a/b", "ex\u{0}ample.test", "bücher.test", "[::1]", ".example.test", "*.test",
    ])
    func unusableNames(_ name: String) throws {
        let ends = try Ends()
        var session = TLSSession(client: try TLSContext(client: ends.client), serverName: name)
        var output = Buffer()
        let outcome = session.start(output: &output)
        #expect(outcome == .failed(.invalidName))
        #expect(output.count == 0)
    }

    @Test func chainsAreCompleted() throws {
        var ends = try Ends()
        ends.server.certificates = [try ends.keys.certificate("leaf", chain: ["middle"])]
        let whole = try ends.link(name: "leaf.test")
        whole.run()
        #expect(whole.isOpen)
        ends.server.certificates = [try ends.keys.certificate("leaf")]
        let broken = try ends.link(name: "leaf.test")
        broken.run()
        #expect(broken.clientOutcome == .failed(.untrusted(20)))
        // An intermediate, and even the leaf, can be what is trusted.
        for anchor in ["middle", "leaf"] {
            ends.client.trust = try ends.keys.trust(anchor)
            let pinned = try ends.link(name: "leaf.test")
            pinned.run()
            #expect(pinned.isOpen, "\(anchor)")
        }
    }

    /// The authorities of clients do not lend themselves to complete the server's own chain.
    @Test func clientTrustIsNotTheServersChain() throws {
        var ends = try Ends()
        ends.server.certificates = [try ends.keys.certificate("leaf")]
        ends.server.clientTrust = try ends.keys.trust("ca", "middle")
        ends.server.clientCertificates = .optional
        let link = try ends.link(name: "leaf.test")
        link.run()
        #expect(link.clientOutcome == .failed(.untrusted(20)))
    }
}

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct ClientCertificateTests {
    private static func ends(
        _ version: TLSVersion,
        _ mode: TLSServerOptions.ClientCertificates,
        shows certificate: String?
    ) throws -> Ends {
        var ends = try Ends(version: version)
        ends.server.clientCertificates = mode
        ends.server.clientTrust = try ends.keys.trust("ca")
        ends.client.certificate = try certificate.map { try ends.keys.certificate($0) }
        return ends
    }

    @Test(arguments: [TLSVersion.v12, .v13], [TLSServerOptions.ClientCertificates.optional, .required])
    func aGoodOneIsKnown(_ version: TLSVersion, _ mode: TLSServerOptions.ClientCertificates) throws {
        let link = try Self.ends(version, mode, shows: "client").link()
        link.run()
        #expect(link.isOpen)
        let shown = link.server.peerCertificate
        let peer = try #require(shown)
        #expect(peer.subject == "CN=client,O=Bulkhead")
        #expect(peer.uris == ["spiffe://example.test/agent"])
        #expect(peer.dnsNames == ["agent.example.test"])
        #expect(peer.notAfter > WallTime(seconds: 1_700_000_000) && peer.notBefore < peer.notAfter)
        let attributes = peer.attributes.map { "\($0.type)=\($0.value)" }
        #expect(Set(attributes) == ["CN=client", "O=Bulkhead"] && attributes.count == 2)
        #expect(!peer.isAuthority)
        // Its one authority vouches for it, and that is nobody else's.
        let trust = try Self.ends(version, mode, shows: "client").server.clientTrust
        #expect(peer.authorities == trust?.authorityFingerprints)
        #expect(!peer.authorities.contains(peer.fingerprint))
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func noneWhereOneIsRequired(_ version: TLSVersion) throws {
        let link = try Self.ends(version, .required, shows: nil).link()
        link.run()
        #expect(link.serverOutcome == .failed(.certificateMissing))
        guard case .failed(.alert) = link.clientOutcome else {
            Issue.record("the alert did not arrive: \(link.clientOutcome)")
            return
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func noneWhereOneIsOptional(_ version: TLSVersion) throws {
        let link = try Self.ends(version, .optional, shows: nil).link()
        link.run()
        #expect(link.isOpen)
        #expect(link.server.peerCertificate == nil)
    }

    /// Optional means that none may come, not that anyone's may.
    @Test(arguments: [TLSVersion.v12, .v13], [TLSServerOptions.ClientCertificates.optional, .required])
    func aForeignOneIsRefused(_ version: TLSVersion, _ mode: TLSServerOptions.ClientCertificates) throws {
        let link = try Self.ends(version, mode, shows: "foreign-client").link()
        link.run()
        guard case .failed(.untrusted) = link.serverOutcome else {
            Issue.record("accepted: \(link.serverOutcome)")
            return
        }
        #expect(link.clientOutcome == .failed(.alert(48)))
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func notAskedForNotShown(_ version: TLSVersion) throws {
        let link = try Self.ends(version, .none, shows: "client").link()
        link.run()
        #expect(link.isOpen)
        #expect(link.server.peerCertificate == nil)
    }
}
