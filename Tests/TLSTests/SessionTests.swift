// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS
import TestSupport
import Testing

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct SessionTests {
    @Test(arguments: [TLSVersion.v12, .v13])
    func carriesDataBothWays(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link()
        link.run()
        #expect(link.isOpen)
        #expect(link.client.version == version && link.server.version == version)
        #expect(link.server.serverName == "example.test")
        #expect(link.client.applicationProtocol == "http/1.1")
        #expect(link.server.applicationProtocol == "http/1.1")
        #expect(!link.client.isResumed && !link.server.isResumed)
        #expect(link.server.peerCertificate == nil)
        #expect(link.client.peerCertificate?.dnsNames == ["example.test", "Also.Example.test"])
        #expect(
            link.client.cipherSuite.contains("AES128-GCM") || link.client.cipherSuite.contains("AES_128_GCM")
        )
        for count in [1, 2, 255, 16383, 16384, 16385, 100_000] {
            let bytes = pattern(count)
            #expect(link.clientSends(bytes) == .done)
            #expect(link.serverSends(bytes) == .done)
            link.run()
            #expect(link.takeServerPlain() == bytes)
            #expect(link.takeClientPlain() == bytes)
        }
        #expect(link.clientSends([]) == .done)
        #expect(link.toServer.count == 0)
    }

    @Test(arguments: [TLSVersion.v12, .v13], [1, 2, 3, 5, 7, 64, 1021])
    func anyFixedSplitGivesTheSamePlainText(_ version: TLSVersion, _ piece: Int) throws {
        let link = try Ends(version: version).link()
        link.run(piece: piece)
        #expect(link.isOpen)
        let bytes = pattern(40_000)
        link.clientSends(bytes)
        link.serverSends(bytes)
        link.run(piece: piece)
        #expect(link.takeServerPlain() == bytes && link.takeClientPlain() == bytes)
    }

    @Test func anyRandomSplitGivesTheSamePlainText() throws {
        let ends = try Ends()
        for seed in UInt64(1)...20 {
            var generator = Seeded(seed: seed)
            let link = try ends.link()
            link.run(piece: Int.random(in: 1...3000, using: &generator))
            var expected: [UInt8] = []
            for _ in 0..<5 {
                let bytes = pattern(Int.random(in: 1...30_000, using: &generator))
                expected += bytes
                link.clientSends(bytes)
                link.run(piece: Int.random(in: 1...40_000, using: &generator))
            }
            #expect(link.takeServerPlain() == expected, "seed \(seed)")
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func closesCleanlyHalfByHalf(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link()
        link.run()
        link.clientSends([1, 2, 3])
        link.client.close(output: &link.toServer)
        link.run()
        #expect(link.serverOutcome == .closed(cleanly: true))
        #expect(link.takeServerPlain() == [1, 2, 3])
        // The server's answer still arrives.
        #expect(link.serverSends([4, 5]) == .done)
        link.server.close(output: &link.toClient)
        link.run()
        #expect(link.takeClientPlain() == [4, 5])
        #expect(link.clientOutcome == .closed(cleanly: true))
        // Closed on both sides: nothing is taken and nothing is sent twice.
        #expect(link.clientSends([9]) == .closed(cleanly: true))
        link.client.close(output: &link.toServer)
        #expect(link.toServer.count == 0)
        #expect(link.client.transportEnded() == .closed(cleanly: true))
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func anEndWithoutCloseNotifyIsNotClean(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link()
        link.run()
        link.clientSends([1])
        link.run()
        #expect(link.server.transportEnded() == .closed(cleanly: false))
        #expect(link.serverSends([1]) == .closed(cleanly: false))
    }

    @Test func nothingIsSentBeforeTheHandshake() throws {
        let ends = try Ends()
        var session = TLSSession(client: try TLSContext(client: ends.client), serverName: "example.test")
        var output = Buffer()
        let early = session.send([1].span, output: &output)
        #expect(early == .handshaking)
        #expect(output.count == 0)
        session.close(output: &output)
        #expect(output.count == 0)
        let end = session.transportEnded()
        #expect(end == .closed(cleanly: false))
    }

    @Test(
        arguments: [
            (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"), (["http/1.1"], ["h2", "http/1.1"], "http/1.1"),
            (["http/1.1"], [], nil), ([], ["h2"], nil),
        ] as [([String], [String], String?)]
    )
    func applicationProtocols(_ ours: [String], _ theirs: [String], _ expected: String?) throws {
        var ends = try Ends()
        ends.server.applicationProtocols = ours
        ends.client.applicationProtocols = theirs
        let link = try ends.link()
        link.run()
        #expect(link.isOpen)
        #expect(link.client.applicationProtocol == expected)
        #expect(link.server.applicationProtocol == expected)
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func noCommonApplicationProtocol(_ version: TLSVersion) throws {
        var ends = try Ends(version: version)
        ends.server.applicationProtocols = ["http/1.1"]
        ends.client.applicationProtocols = ["h2"]
        let link = try ends.link()
        link.run()
        #expect(link.serverOutcome == .failed(.noAgreement))
        #expect(link.clientOutcome == .failed(.alert(120)))
    }

    @Test func minimumVersionIsKept() throws {
        var ends = try Ends(version: .v12)
        ends.server.minimumVersion = .v13
        let link = try ends.link()
        link.run()
        #expect(link.serverOutcome == .failed(.noAgreement))
        #expect(link.clientOutcome == .failed(.alert(70)))
    }
}

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct ServerNameTests {
    private static let names = [
        ("example.test", "server"), ("EXAMPLE.test", "server"), ("also.example.test", "server"),
        ("example.test.", "server"), ("a.wild.test", "wild"), ("B.Wild.Test", "wild"),
        ("both.test", "both-ec"),
    ]

    @Test(arguments: [TLSVersion.v12, .v13], names)
    func choosesTheCertificate(_ version: TLSVersion, _ expected: (name: String, certificate: String)) throws
    {
        var ends = try Ends(version: version)
        ends.server.certificates = try ["server", "wild", "both-rsa", "both-ec"].map {
            try ends.keys.certificate($0)
        }
        let link = try ends.link(name: expected.name)
        link.run()
        #expect(link.isOpen)
        #expect(link.client.peerCertificate?.subject.contains("CN=\(expected.certificate),") == true)
    }

    /// The first certificate answers, so the client finds that it is for another name.
    @Test(arguments: ["unknown.test", "a.b.wild.test", "wild.test", "xwild.test"])
    func nobodyElsesNameIsServed(_ name: String) throws {
        var ends = try Ends()
        ends.server.certificates = try ["server", "wild"].map { try ends.keys.certificate($0) }
        let link = try ends.link(name: name)
        link.run()
        #expect(link.clientOutcome == .failed(.wrongName))
    }

    /// An RSA certificate chosen by name leaves no EC certificate of another name behind it.
    @Test func anotherNamesKeyTypeIsNotLeftOver() throws {
        var ends = try Ends(version: .v12)
        ends.server.certificates = try ["server", "wild"].map { try ends.keys.certificate($0) }
        let link = try ends.link(name: "a.wild.test")
        link.run()
        #expect(link.isOpen)
        #expect(link.client.cipherSuite.hasPrefix("ECDHE-RSA"))
    }
}
