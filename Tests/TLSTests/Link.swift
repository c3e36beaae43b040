// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS
import Testing

/// Two sessions joined by memory.
final class Link {
    var client: TLSSession
    var server: TLSSession
    var toServer = Buffer()
    var toClient = Buffer()
    var clientPlain = Buffer()
    var serverPlain = Buffer()
    var clientOutcome = TLSOutcome.handshaking
    var serverOutcome = TLSOutcome.handshaking

    init(_ clientContext: TLSContext, _ serverContext: TLSContext, name: String = "example.test") {
        client = TLSSession(client: clientContext, serverName: name)
        server = TLSSession(server: serverContext)
        clientOutcome = client.start(output: &toServer)
    }

    /// Carries bytes both ways, in pieces of at most `piece`, until nothing moves.
    func run(piece: Int = .max) {
        while !toServer.isEmpty || !toClient.isEmpty {
            if !toServer.isEmpty {
                let count = min(piece, toServer.count)
                let bytes = toServer.bytes.extracting(0..<count).array()
                toServer.consume(count)
                serverOutcome = server.receive(bytes.span, plain: &serverPlain, output: &toClient)
            }
            if !toClient.isEmpty {
                let count = min(piece, toClient.count)
                let bytes = toClient.bytes.extracting(0..<count).array()
                toClient.consume(count)
                clientOutcome = client.receive(bytes.span, plain: &clientPlain, output: &toServer)
            }
        }
    }

    var isOpen: Bool { clientOutcome == .done && serverOutcome == .done }

    @discardableResult
    func clientSends(_ bytes: [UInt8]) -> TLSOutcome { client.send(bytes.span, output: &toServer) }

    @discardableResult
    func serverSends(_ bytes: [UInt8]) -> TLSOutcome { server.send(bytes.span, output: &toClient) }

    func takeServerPlain() -> [UInt8] {
        defer { serverPlain.removeAll() }
        return serverPlain.bytes.array()
    }

    func takeClientPlain() -> [UInt8] {
        defer { clientPlain.removeAll() }
        return clientPlain.bytes.array()
    }
}

/// The two ends of most tests: trust in `ca`, the server `example.test`.
struct Ends {
    let keys: PublicKeys
    var server: TLSServerOptions
    var client: TLSClientOptions

    init(version: TLSVersion? = nil) throws {
        keys = try #require(PublicKeys.shared)
        server = TLSServerOptions(listener: "ingress", certificates: [try keys.certificate("server")])
        client = TLSClientOptions(trust: try keys.trust("ca"))
        client.maximumVersion = version
    }

    func link(name: String = "example.test") throws -> Link {
        Link(try TLSContext(client: client), try TLSContext(server: server), name: name)
    }
}

func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

let needsOpenSSL: Comment = "there is no openssl command to make certificates with"
