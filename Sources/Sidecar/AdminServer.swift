// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import Glibc
import HTTP1
import HTTPTypes
import Identity
import Runtime
import Telemetry

/// A bound socket of the admin plane.
struct AdminListener {
    let socket: AsyncSocket
    let isUnix: Bool
}

/// The plane of operators (THREATS 26): health is open; over TCP everything else wants the bearer secret, on a Unix
/// socket a peer of our own user or root.
extension ControlPlane {
    private static let requestTimeout = Interval.seconds(10)
    private static let maximumConnections = 64

    func serveAdmin(_ place: Int) async {
        let listener = admin[place]
        do throws(NetworkError) {
            while true {
                let connection = try await listener.socket.accept()
                let (descriptor, isUnix) = (connection.raw, listener.isUnix)
                guard openAdminConnections < Self.maximumConnections else { continue }
                openAdminConnections += 1
                adminConnections[descriptor] = connection
                Task(executorPreference: loop) { await self.serve(descriptor, isUnix: isUnix) }
            }
        } catch {
            // Closed, because another process answers there from now on.
            if isDraining { return }
            notice("the admin plane cannot accept connections: \(error)")
        }
    }

    private func serve(_ descriptor: Int32, isUnix: Bool) async {
        defer { openAdminConnections -= 1 }
        guard let socket = adminConnections.removeValue(forKey: descriptor) else { return }
        let isTrusted = isUnix && (socket.peerUserID == geteuid() || socket.peerUserID == 0)
        if isUnix && !isTrusted { return }
        // A monitor that hangs up is nobody's problem.
        try? await converse(socket, isTrusted: isTrusted)
    }

    private func converse(_ socket: AsyncSocket, isTrusted: Bool) async throws(FetchError) {
        var stream = ControlStream(socket, session: nil)
        var server = ServerConnection(limits: .callers)
        var head = RequestHead()
        var isOpen = true
        while isOpen {
            let step = server.received(stream.input.bytes, into: &head)
            var reply: AdminReply?
            switch step.event {
            case .needsInput:
                stream.input.consume(step.consumed)
                isOpen = try await stream.read(Clock.now() + Self.requestTimeout)
            case .head, .body: stream.input.consume(step.consumed)
            case .ended:
                if isTrusted, head.method == .post, head.path.bytes.equals("/handover/sockets") {
                    return try await sendSockets(to: socket)
                }
                reply = await self.reply(head, isOperator: isTrusted)
            case .refused(let error):
                reply = AdminReply(error.status, "\(error.code)\n")
                isOpen = false
            case .waiting, .tunnel, .closed: isOpen = false
            }
            if let reply {
                let isLast = try respond(reply, &server, &stream)
                try await stream.flush(Clock.now() + Self.requestTimeout)
                isOpen = isOpen && !isLast
            }
        }
    }

    private func respond(
        _ reply: AdminReply,
        _ server: inout ServerConnection,
        _ stream: inout ControlStream
    ) throws(FetchError) -> Bool {
        var fields = Fields()
        fields.append(.contentType, value: reply.contentType)
        fields.append(.cacheControl, value: "no-store")
        if reply.status == .unauthorized { fields.append(.wwwAuthenticate, value: "Bearer") }
        do throws(HTTP1Error) {
            server.respond(
                status: reply.status,
                fields: fields,
                length: .fixed(reply.body.count),
                into: &stream.output
            )
            try server.write(reply.body.span, into: &stream.output)
            return try server.finish(into: &stream.output) == .close
        } catch {
            throw .http(error)
        }
    }

    /// - Parameter isOperator: comes through the Unix socket.
    private func reply(_ head: borrowing RequestHead, isOperator: Bool) async -> AdminReply {
        let path = head.path.bytes.string() ?? ""
        if head.method == .post, isOperator { return await command(path) }
        guard head.method == .get || head.method == .head else {
            return AdminReply(.methodNotAllowed, "GET only; commands come through the Unix socket\n")
        }
        switch path {
        case "/healthz": return AdminReply(.ok, "ok\n")
        case "/readyz": return readiness()
        default: break
        }
        guard isOperator || isAuthorized(head) else {
            return AdminReply(.unauthorized, "this wants the admin token\n")
        }
        switch path {
        case "/metrics": return await metrics()
        case "/status": return status()
        default: return AdminReply(.notFound, "known: /healthz, /readyz, /metrics, /status\n")
        }
    }

    private func isAuthorized(_ head: borrowing RequestHead) -> Bool {
        guard let token = plan.admin.token, head.fields.occurrences(.authorization) == 1,
            let index = head.fields.first(.authorization)
        else { return false }
        let value = head.fields.value(at: index)
        guard value.count > 7, value.extracting(0..<7).equalsIgnoringCase("bearer ") else { return false }
        return constantTimeEquals(value.extracting(7..<value.count), token.bytes)
    }

    private func readiness() -> AdminReply {
        if isDraining { return AdminReply(.serviceUnavailable, "draining\n") }
        var missing = ""
        for (place, source) in plan.keySources.enumerated()
        where source.hasKeys && snapshot.identity.keys[place] == nil {
            missing += "issuer \(source.issuer): no keys yet\n"
        }
        if !ownership.hasBegun { missing += "ownership: its table has not answered yet\n" }
        return missing.isEmpty ? AdminReply(.ok, "ready\n") : AdminReply(.serviceUnavailable, missing)
    }

    private func metrics() async -> AdminReply {
        var text = Buffer()
        var merged = MetricSnapshot()
        for snapshot in await collectCounters() { merged.merge(snapshot) }
        merged.merge(ownCounters)
        PrometheusText.encode(
            merged,
            gauges: gauges(),
            credentials: credentialStandings(),
            tenants: &tenantLabels,
            into: &text
        )
        return AdminReply(.ok, text.bytes.array(), PrometheusText.contentType)
    }

    private func gauges() -> GaugeSet {
        var gauges = GaugeSet()
        let now = Clock.wallTime()
        gauges.set(.build, label: plan.version, 1)
        gauges.set(.ready, isReady ? 1 : 0)
        gauges.set(.workers, workers.count)
        gauges.set(.residentBytes, Memory.resident)
        gauges.set(.overloaded, isPressed ? 1 : 0)
        gauges.set(.configurationGeneration, Int(clamping: snapshot.plan.generation))
        gauges.set(.processStart, Int(startedOn.seconds))
        if let isConnected = ownership.isConnected { gauges.set(.ownershipConnected, isConnected ? 1 : 0) }
        for (place, source) in plan.keySources.enumerated() {
            guard let keys = snapshot.identity.keys[place] else { continue }
            gauges.set(.keyAge, label: source.issuer, Int((now - keys.fetchedAt).nanoseconds / 1_000_000_000))
        }
        for (place, upstream) in plan.upstreams.enumerated() where !upstream.isRetired {
            gauges.set(.healthyEndpoints, label: upstream.name, healthyEndpoints[place] ?? 0)
        }
        return gauges
    }

    var isReady: Bool { !isDraining && snapshot.identity.hasAllKeys && ownership.hasBegun }
}

struct AdminReply {
    let status: Status
    let body: [UInt8]
    let contentType: StaticString

    init(_ status: Status, _ body: [UInt8], _ contentType: StaticString) {
        self.status = status
        self.body = body
        self.contentType = contentType
    }

    init(_ status: Status, _ text: String) {
        self.init(status, Array(text.utf8), "text/plain; charset=utf-8")
    }
}
