// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import TLS
import Testing

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct ResumptionTests {
    private static let old = Secret(copying: [UInt8](repeating: 1, count: 32).span)
    private static let new = Secret(copying: [UInt8](repeating: 2, count: 32).span)

    /// Handshake, some data (in TLS 1.3 the ticket follows the handshake), end.
    @discardableResult
    private static func visit(
        _ client: TLSContext,
        _ server: TLSContext,
        name: String = "example.test"
    ) -> (isResumed: Bool, peer: TLSPeerCertificate?) {
        let link = Link(client, server, name: name)
        link.run()
        #expect(link.isOpen)
        link.clientSends([1])
        link.serverSends([2])
        link.run()
        #expect(link.client.isResumed == link.server.isResumed)
        #expect(link.server.serverName == name)
        return (link.server.isResumed, link.server.peerCertificate)
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func secondVisitIsResumed(_ version: TLSVersion) throws {
        let ends = try Ends(version: version)
        let client = try TLSContext(client: ends.client)
        let server = try TLSContext(server: ends.server)
        #expect(!Self.visit(client, server).isResumed)
        for _ in 0..<3 { #expect(Self.visit(client, server).isResumed) }
        // Another client knows nothing of it.
        #expect(!Self.visit(try TLSContext(client: ends.client), server).isResumed)
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func theClientsCertificateIsStillKnown(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.clientCertificates = .required
        ends.server.clientTrust = try ends.keys.trust("ca")
        ends.client.certificate = try ends.keys.certificate("client")
        let client = try TLSContext(client: ends.client)
        let server = try TLSContext(server: ends.server)
        let first = Self.visit(client, server)
        #expect(first.peer?.authorities == ends.server.clientTrust?.authorityFingerprints)
        // Who vouched for it is not seen again, but comes back with the ticket, and with a ticket for a ticket.
        for _ in 0..<3 {
            let later = Self.visit(client, server)
            #expect(later.isResumed)
            #expect(later.peer != nil && first.peer == later.peer)
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func aSessionIsOfferedForItsNameOnly(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.certificates = [try ends.keys.certificate("server"), try ends.keys.certificate("wild")]
        let client = try TLSContext(client: ends.client)
        let server = try TLSContext(server: ends.server)
        Self.visit(client, server, name: "a.wild.test")
        #expect(!Self.visit(client, server, name: "b.wild.test").isResumed)
        #expect(!Self.visit(client, server, name: "example.test").isResumed)
        #expect(Self.visit(client, server, name: "a.wild.test").isResumed)
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func keysRotate(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.ticketSecrets = [Self.old]
        let client = try TLSContext(client: ends.client)
        let server = try TLSContext(server: ends.server)
        Self.visit(client, server)
        server.setTicketSecrets([Self.new, Self.old])
        #expect(Self.visit(client, server).isResumed)
        // The ticket was renewed under the new key meanwhile, but OpenSSL's clients do not take up a renewal in 1.2:
        // there it costs one full handshake.
        server.setTicketSecrets([Self.new])
        #expect(Self.visit(client, server).isResumed == (version == .v13))
        #expect(Self.visit(client, server).isResumed)
        server.setTicketSecrets([Self.old])
        #expect(!Self.visit(client, server).isResumed)
    }

    /// A fleet, or a reload: the same secrets and the same settings in another context.
    @Test(arguments: [TLSVersion.v12, .v13])
    func sharedSecretsResumeElsewhere(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.ticketSecrets = [Self.old]
        let client = try TLSContext(client: ends.client)
        Self.visit(client, try TLSContext(server: ends.server))
        #expect(Self.visit(client, try TLSContext(server: ends.server)).isResumed)
        ends.server.ticketSecrets = []
        #expect(!Self.visit(client, try TLSContext(server: ends.server)).isResumed)
    }

    /// THREATS 19: a ticket of a listener that trusts otherwise is worth nothing, even under the same secrets.
    @Test(arguments: [TLSVersion.v12, .v13])
    func ticketsAreBoundToTheListenersTrust(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.ticketSecrets = [Self.old]
        ends.client.certificate = try ends.keys.certificate("client")
        let client = try TLSContext(client: ends.client)
        let open = try TLSContext(server: ends.server)

        var strict = ends.server
        strict.clientCertificates = .required
        strict.clientTrust = try ends.keys.trust("ca")
        Self.visit(client, open)
        let entered = Self.visit(client, try TLSContext(server: strict))
        #expect(!entered.isResumed && entered.peer != nil)

        // The other way round, another authority, another mode, another listener, another minimum.
        #expect(!Self.visit(client, open).isResumed)
        var variants = [TLSServerOptions](repeating: strict, count: 4)
        variants[0].clientTrust = try ends.keys.trust("ca", "other-ca")
        variants[1].clientCertificates = .optional
        variants[2].listener = "stores"
        variants[3].certificates = [try ends.keys.certificate("server")]
        for (index, variant) in variants.enumerated() {
            Self.visit(client, try TLSContext(server: strict))
            // The last differs in nothing that trust depends on.
            #expect(Self.visit(client, try TLSContext(server: variant)).isResumed == (index == 3), "\(index)")
        }
    }
}
