// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

extension Configuration {
    /// Bounds on what callers and agents may send, per connection and per process.
    package struct Limits: Sendable, Equatable {
        /// Request line and fields of one head. Default: 32 KiB.
        package var headBytes = 32 << 10
        /// Fields of one head. Default: 100.
        package var headFields = 100
        /// A request's body. Default: 100 MiB, what AgentCore takes.
        package var bodyBytes = 100 << 20
        /// A body that an adapter has to see whole, either way. Default: 16 MiB.
        package var bufferedBodyBytes = 16 << 20
        /// Bytes in flight from one side of an exchange to the other before its reading pauses. Default: 64 KiB.
        package var windowBytes = 64 << 10
        /// From the first byte of a head to its end, and for a TLS handshake. Default: 10 s.
        package var headTimeout = Interval.seconds(10)
        /// Without a byte while a request's body is under way. Default: 60 s.
        package var bodyTimeout = Interval.seconds(60)
        /// Bytes per second that a request's body must bring on average over each `bodyTimeout`, where its length is announced or
        /// an adapter has to see it whole; nothing holds a stream to it. Default: 128.
        package var bodyRate = 128
        /// Between two requests of a connection. Default: 60 s.
        package var idleTimeout = Interval.seconds(60)
        /// Open connections from callers and agents, over all workers. Default: 10,000.
        package var connections = 10_000
        /// Of them from one address (IPv6: one /64). Nil: half of `connections`, and as many as there are from this host.
        package var connectionsPerAddress: Int?
        /// Requests under way, over all workers; those that come beyond it are answered 503. Default: 16,384.
        package var exchanges = 16_384
        /// Memory of the process beyond which new requests are answered 503. Nil: four fifths of what the system lets it
        /// have, if that is bounded.
        package var memoryBytes: Int?
        /// For callers that speak HTTP/2.
        package var http2 = HTTP2()
        /// How long requests under way may take to end when Bulkhead is told to stop. Default: 30 s.
        package var drainTimeout = Interval.seconds(30)

        package init() {}
    }

    package struct Telemetry: Sendable, Equatable {
        /// The name of this deployment in records. Default: `bulkhead`.
        package var service = "bulkhead"
        /// Default: standard output.
        package var accessLog = LogTarget.standardOutput
        /// Resolved path of a file that is appended to. Default: none.
        package var auditLog: String?
        /// How many tenants have metrics of their own; the others share one label. Default: 200.
        package var tenantsLabelled = 200

        package init() {}
    }

    package enum LogTarget: Sendable, Equatable {
        case standardOutput, standardError
        /// A resolved path, appended to.
        case file(String)
    }

    /// Keys of Bulkhead's own, from which those of handles, cursors, ids and sessions are derived (THREATS 27).
    package struct Keys: Sendable, Equatable {
        /// What a key must have; who reads one from a file checks that too.
        package static let minimumBytes = 32

        /// Nil: random ones at each start, which ends all handles and changes all ids.
        package var current: SecretSource?
        /// Still opens what it sealed, seals nothing.
        package var previous: SecretSource?
    }

    /// The plane of operators (THREATS 26).
    package struct Admin: Sendable, Equatable {
        /// Resolved path of a Unix socket. Default: none.
        package var socket: String?
        /// Nil where `address: null` is written. Default: 127.0.0.1:9901.
        package var address: Address? = Address(ip: .v4(0x7F00_0001), port: 9901)
        /// What `/metrics` and everything else over TCP wants; nil closes it there.
        package var token: SecretSource?
        /// Written out to take the token over an address that others can reach. Default: false.
        package var plaintext = false
    }
}

extension Configuration.Limits {
    static func decode(_ section: inout YAML.Section) -> Self {
        var limits = Self()
        if let store = section.value("store") {
            _ = store.choice([("local", true)], refused: ["redis": "is not in this version"])
        }
        section.unsupported("upstream", "a shared store of limits")
        section.unsupported("on_failure", "a shared store of limits")
        let day = Interval.seconds(86_400)
        section.read("head_bytes", into: &limits.headBytes) { $0.size(in: 1 << 10...1 << 20) }
        section.read("head_fields", into: &limits.headFields) { $0.integer(in: 8...1000) }
        section.read("body_bytes", into: &limits.bodyBytes) { $0.size(in: 0...1 << 40) }
        section.read("buffered_body_bytes", into: &limits.bufferedBodyBytes) {
            $0.size(in: 1 << 10...1 << 30)
        }
        section.read("window_bytes", into: &limits.windowBytes) { $0.size(in: 4 << 10...16 << 20) }
        section.read("head_timeout", into: &limits.headTimeout) { $0.duration(in: .milliseconds(100)...day) }
        section.read("body_timeout", into: &limits.bodyTimeout) { $0.duration(in: .milliseconds(100)...day) }
        section.read("body_rate", into: &limits.bodyRate) { $0.size(in: 0...1 << 30) }
        section.read("idle_timeout", into: &limits.idleTimeout) { $0.duration(in: .milliseconds(100)...day) }
        section.read("connections", into: &limits.connections) { $0.integer(in: 1...10_000_000) }
        section.read("connections_per_address", into: &limits.connectionsPerAddress) {
            $0.integer(in: 1...10_000_000)
        }
        section.read("exchanges", into: &limits.exchanges) { $0.integer(in: 1...10_000_000) }
        section.read("memory_bytes", into: &limits.memoryBytes) { $0.size(in: 16 << 20...1 << 50) }
        section.read("http2", into: &limits.http2) { $0.section(Configuration.HTTP2.decode) }
        section.read("drain_timeout", into: &limits.drainTimeout) { $0.duration(in: .zero...day) }
        return limits
    }
}

extension Configuration.Telemetry {
    static func decode(_ section: inout YAML.Section) -> Self {
        var telemetry = Self()
        section.read("service", into: &telemetry.service) { $0.name() }
        _ = section.value("otlp")?.section { otlp in
            otlp.unsupported("endpoint", "export over OTLP")
            // They stand in configurations beside `endpoint: null` and mean nothing there.
            _ = otlp.value("headers")
            _ = otlp.value("interval")?.duration(in: .milliseconds(100) ... .seconds(3600))
        }
        _ = section.value("access_log")?.section { log in
            log.read("path", into: &telemetry.accessLog) { $0.logTarget() }
        }
        _ = section.value("audit_log")?.section { log in
            if log.isNull("path") { return }
            log.read("path", into: &telemetry.auditLog) { $0.filePath() }
        }
        section.read("tenants_labelled", into: &telemetry.tenantsLabelled) { $0.integer(in: 0...10_000) }
        return telemetry
    }
}

extension Configuration.Keys {
    static func decode(_ section: inout YAML.Section) -> Self {
        var keys = Self()
        section.read("current", into: &keys.current) { $0.keySecret() }
        if let value = section.value("previous") {
            keys.previous = value.keySecret()
            if section.value("current") == nil { value.note("there is no \"current\" that came after it") }
        }
        return keys
    }
}

extension Configuration.Admin {
    static func decode(_ section: inout YAML.Section) -> Self {
        var admin = Self()
        section.read("socket", into: &admin.socket) { $0.filePath() }
        if section.isNull("address") {
            admin.address = nil
        } else {
            section.read("address", into: &admin.address) { $0.address() }
        }
        section.read("token", into: &admin.token) { $0.secret() }
        section.read("plaintext", into: &admin.plaintext) { $0.boolean() }
        return admin
    }
}

extension YAML.Value {
    fileprivate func keySecret() -> Configuration.SecretSource? {
        let secret = secret()
        if case .value(let bytes) = secret, bytes.count < Configuration.Keys.minimumBytes {
            note("expected at least \(Configuration.Keys.minimumBytes) bytes, found \(bytes.count)")
        }
        return secret
    }

    fileprivate func logTarget() -> Configuration.LogTarget? {
        guard let text = string() else { return nil }
        switch text {
        case "stdout": return .standardOutput
        case "stderr": return .standardError
        default: return .file(context.resolved(text))
        }
    }
}
