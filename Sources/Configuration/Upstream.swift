// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// Something that requests go to: an agent, a store.
    package struct Upstream: Sendable, Equatable {
        package var name: String
        /// At least one; requests are spread over those that are healthy.
        package var endpoints: [Endpoint]
        /// Default: `http1`.
        package var `protocol` = UpstreamProtocol.http1
        /// Nil: plain text.
        package var tls: ClientTLS?
        package var timeouts = Timeouts()
        /// Nil: an endpoint is believed healthy until a connection to it fails.
        package var health: Health?
        package var connections = Connections()
        /// Default: none.
        package var lease = Lease.none
        package var leasing = Leasing()
    }

    /// What is spoken with an upstream.
    package enum UpstreamProtocol: String, CaseIterable, Sendable {
        /// HTTP/1.1.
        case http1
        /// HTTP/2 alone: by ALPN with TLS, by prior knowledge without.
        case http2
        /// Whatever the upstream chooses by ALPN.
        case auto
    }

    package struct ClientTLS: Sendable, Equatable {
        /// Default: the system's.
        package var ca = Authorities.system
        /// The name that the server's certificate must be for. Default: the endpoint's host.
        package var serverName: String?
        /// What Bulkhead shows of itself. Default: nothing.
        package var certificate: Certificate?
        /// Default: 1.2.
        package var minimumVersion = TLSVersion.v12

        package init(ca: Authorities = .system) { self.ca = ca }
    }

    package struct Timeouts: Sendable, Equatable {
        /// Until the connection stands, TLS included. Default: 2 s.
        package var connect = Interval.seconds(2)
        /// From the end of the request to the response's head. Default: 5 min, since agents think.
        package var response = Interval.seconds(300)
        /// Without a byte in either direction while a body is under way. Default: 60 s.
        package var idle = Interval.seconds(60)
        /// From the request's first byte to the response's last. Default: 10 min.
        package var total = Interval.seconds(600)
        /// How long a connection that nobody uses is kept. Default: 30 s.
        package var keepAlive = Interval.seconds(30)

        package init() {}
    }

    /// A GET that is asked of every endpoint in turn; a status from 200 to 299 is healthy.
    package struct Health: Sendable, Equatable {
        package var path: String
        /// Default: 5 s.
        package var interval = Interval.seconds(5)
        /// Default: 2 s.
        package var timeout = Interval.seconds(2)
        /// Failures in a row that make an endpoint unhealthy. Default: 3.
        package var failures = 3
    }

    /// Connections of one worker to one endpoint.
    package struct Connections: Sendable, Equatable {
        /// At the same time. Default: 256.
        package var maximum = 256
        /// Kept while unused, over all tenants. Default: 64.
        package var idle = 64

        package init() {}
    }
}

extension Configuration.Upstream {
    static func decode(_ name: String, _ section: inout YAML.Section) -> Self? {
        let later = "is not in this version"
        var chosen: Configuration.UpstreamProtocol? = .http1
        let protocolValue = section.value("protocol")
        if let protocolValue {
            chosen = protocolValue.choice(Configuration.UpstreamProtocol.self, refused: ["redis": later])
        }
        guard let chosen else {
            section.skipRest()
            return nil
        }
        let endpoints = section.required("endpoints")?.list(count: 1...256)?.compactMap { $0.endpoint() }
        var upstream = Self(name: name, endpoints: endpoints ?? [])
        section.read("lease", into: &upstream.lease) { $0.choice(Configuration.Lease.self) }
        section.read("leasing", into: &upstream.leasing) { $0.section(Configuration.Leasing.decode) }
        upstream.protocol = chosen
        section.read("tls", into: &upstream.tls) { $0.section(Configuration.ClientTLS.decode) }
        if chosen == .auto, upstream.tls == nil {
            protocolValue?.note(
                "needs \"tls\", where the protocol is negotiated; without it write http1 or http2"
            )
        }
        section.read("timeouts", into: &upstream.timeouts) { $0.section(Configuration.Timeouts.decode) }
        if let value = section.value("health") {
            upstream.health = value.section(Configuration.Health.decode).flatMap(\.self)
        }
        section.read("connections", into: &upstream.connections) {
            $0.section(Configuration.Connections.decode)
        }
        return upstream
    }
}

extension Configuration.ClientTLS {
    static func decode(_ section: inout YAML.Section) -> Self {
        var tls = Self()
        section.read("ca", into: &tls.ca) { $0.authorities() }
        section.read("server_name", into: &tls.serverName) { value in
            value.string().flatMap { name in
                if HostText.isName(name[...]) { return name.lowercased() }
                value.note("expected a host name")
                return nil
            }
        }
        let certificate = section.value("certificate")
        let privateKey = section.value("private_key")
        if (certificate == nil) != (privateKey == nil) {
            section.value.note("\"certificate\" and \"private_key\" go together")
        }
        tls.certificate = .decode(certificate?.filePath(), privateKey?.filePath())
        section.read("minimum_version", into: &tls.minimumVersion) {
            $0.choice(Configuration.TLSVersion.self)
        }
        return tls
    }
}

extension Configuration.Timeouts {
    static func decode(_ section: inout YAML.Section) -> Self {
        var timeouts = Self()
        let hour = Interval.seconds(3600)
        section.read("connect", into: &timeouts.connect) {
            $0.duration(in: .milliseconds(10) ... .seconds(60))
        }
        section.read("response", into: &timeouts.response) { $0.duration(in: .milliseconds(10)...hour) }
        section.read("idle", into: &timeouts.idle) { $0.duration(in: .milliseconds(10)...hour) }
        section.read("total", into: &timeouts.total) {
            $0.duration(in: .milliseconds(10) ... .seconds(86_400))
        }
        section.read("keep_alive", into: &timeouts.keepAlive) { $0.duration(in: .zero...hour) }
        return timeouts
    }
}

extension Configuration.Health {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let path = section.required("path")?.requestPath()
        var health = Self(path: path ?? "/")
        section.read("interval", into: &health.interval) {
            $0.duration(in: .milliseconds(100) ... .seconds(3600))
        }
        section.read("timeout", into: &health.timeout) { $0.duration(in: .milliseconds(10) ... .seconds(60)) }
        section.read("failures", into: &health.failures) { $0.integer(in: 1...100) }
        return path == nil ? nil : health
    }
}

extension Configuration.Connections {
    static func decode(_ section: inout YAML.Section) -> Self {
        var connections = Self()
        section.read("maximum", into: &connections.maximum) { $0.integer(in: 1...65_536) }
        section.read("idle", into: &connections.idle) { $0.integer(in: 0...65_536) }
        return connections
    }
}
