// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Runtime
import TLS

/// Tries places: does a connection stand, and if so, is something there that wants more than the agent has? Sends a GET
/// of `/` without any credential, and nothing else.
struct ReachProbe {
    let client: ControlClient

    init(on loop: ControlLoop) throws(ResolutionError) {
        client = ControlClient(loop: loop, resolver: try Resolver(on: loop))
    }

    /// - Parameters:
    ///   - tls: how to talk to it; nil for plain text.
    ///   - patience: for the connection, and once more for the answer.
    func reach(
        _ place: Place,
        tls: TLSContext?,
        serverName: String? = nil,
        patience: Interval = .seconds(2)
    ) async -> Reach {
        let addresses: [SocketAddress]
        do throws(ResolutionError) {
            let deadline = Clock.now() + patience
            addresses = try await client.resolver.resolve(place.host, port: place.port, deadline: deadline)
                .addresses
        } catch {
            return .nameUnknown
        }
        var reason = "no connection"
        for address in addresses {
            do throws(NetworkError) {
                let deadline = Clock.now() + patience
                _ = try await AsyncSocket.connect(to: address, on: client.loop, deadline: deadline)
            } catch {
                reason = error.description
                continue
            }
            var target = ControlClient.Target(
                host: address.host,
                port: address.port,
                serverName: serverName ?? place.host,
                authority: place.text
            )
            target.tls = tls
            return await ask(target, patience)
        }
        return .unreachable(reason)
    }

    private func ask(_ target: ControlClient.Target, _ patience: Interval) async -> Reach {
        do throws(FetchError) {
            try await awaitRefusal(target, patience)
            let reply = try await client.fetch(.get, "/", at: target, deadline: Clock.now() + patience)
            switch reply.status {
            case 401, 403, 407: return .guarded("answers \(reply.status) without a credential")
            case 400
            where target.tls != nil
                && String(decoding: reply.body, as: UTF8.self).contains("SSL certificate"):
                // nginx lets the handshake end and refuses then.
                return .guarded("answers only to a client certificate")
            default: return .answers("answers with \(reply.status)")
            }
        } catch {
            switch error {
            case .tls(.alert): return .guarded("answers only to a client certificate")
            case .tls(.untrusted), .tls(.wrongName): return .untrusted(error.description)
            case .tls, .resolution, .network, .http, .http2, .noHTTP2, .status, .tooLarge, .metadata, .field:
                return .answers("takes connections")
            }
        }
    }

    /// A server of TLS 1.3 misses the client's certificate only after the client's last flight (RFC 8446 §4.4.2.4). Its
    /// alert is lost when a request is on the way by then, for that is answered with a reset; so it gets time to speak.
    private func awaitRefusal(_ target: ControlClient.Target, _ patience: Interval) async throws(FetchError) {
        guard let tls = target.tls else { return }
        let socket: AsyncSocket
        do throws(NetworkError) {
            guard let address = SocketAddress(numeric: target.host, port: target.port) else { return }
            socket = try await AsyncSocket.connect(
                to: address,
                on: client.loop,
                deadline: Clock.now() + patience
            )
        } catch {
            throw .network(error)
        }
        var stream = ControlStream(socket, session: TLSSession(client: tls, serverName: target.serverName))
        try await stream.open(Clock.now() + patience)
        let end = Clock.now() + .milliseconds(500)
        do throws(FetchError) {
            // Session tickets come as well.
            while try await stream.read(end) {}
        } catch {
            if case .tls = error { throw error }
        }
    }
}
