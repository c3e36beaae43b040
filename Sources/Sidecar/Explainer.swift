// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import Crypto
import Gateway
import HTTP1
import HTTPTypes
import Identity
import Namespaces
import Runtime
import Vending

/// Walks one request through the gateway and says what became of it, step by step. Keys are fetched, credentials are
/// signed; nothing is sent to an upstream.
package struct Explainer {
    package struct Request {
        package var method = "GET"
        package var path = "/"
        package var host = "localhost"
        /// The first listener when nil.
        package var listener: String?
        package var token: String?
        /// Complete field lines.
        package var fields: [String] = []

        package init() {}
    }

    /// What there is to say, in the order of the way; the names are stable.
    package struct Explanation {
        package var isAllowed: Bool
        package var facts: [(name: String, value: String)]
    }

    private let loader: Loader
    private let plan: ControlPlan
    private let snapshot: Snapshot

    package init(_ loader: Loader) throws(LoadProblems) {
        self.loader = loader
        do {
            let first = try loader.makeSnapshot()
            plan = try loader.controlPlan(
                loader.workerPlan(first, loader.firstPlaces(), workers: 1, descriptors: 1024)
            )
            snapshot = try Self.withKeys(first, plan)
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// The keys of all issuers; an issuer that cannot be reached stays without.
    private static func withKeys(_ snapshot: Snapshot, _ plan: ControlPlan) throws -> Snapshot {
        let loop = try ControlLoop()
        let fetcher = try KeyFetcher(plan, loop)
        let box = ResultBox()
        Task(executorPreference: loop) {
            box.keys = await fetcher.fetch(issuers: plan.keySources.count)
            loop.stop()
        }
        loop.run()
        guard let keys = box.keys else { return snapshot }
        return Snapshot(snapshot.plan, identity: snapshot.identity.with(keys: keys))
    }

    // MARK: walking

    package func explain(_ request: Request) throws(LoadProblems) -> Explanation {
        let listeners = loader.configuration.listeners
        let listener = request.listener.map { name in listeners.firstIndex { $0.name == name } } ?? 0
        guard let listener else { throw LoadProblems(["there is no listener \"\(request.listener ?? "")\""]) }
        var exchange = Exchange()
        var entropy = EntropyPool()
        entropy.take(Gateway.randomBytes, into: &exchange.random)
        try Self.parse(request, into: &exchange)
        var gateway = Gateway(snapshot, exchanges: OpenExchanges(instance: entropy.integer()))
        let now = Clock.wallTime()
        var action = gateway.begin(
            &exchange,
            Gateway.Start(listener: listener, now: Clock.now(), wallTime: now)
        )
        var provisions = false
        var secrets: [String] = []
        while case .need(let need) = action {
            var credential: VendedCredential?
            var outcome = NeedOutcome.met
            switch need {
            case .keys: break
            case .owners(let queries):
                let answers = Self.owners(queries, plan.ownership)
                outcome = answers.map { .owners($0) } ?? .failed(.ownershipFailed)
            case .provision: provisions = true
            // Bodies are none here.
            case .schema: outcome = .failed(.schemaUnavailable)
            case .lease(let lease): outcome = .leased(upstream: lease.upstream)
            case .credential(let asked):
                credential = Self.vend(asked, plan.vendors[asked.credential], &entropy, now)
                if let credential { secrets.append(String(decoding: credential.bytes, as: UTF8.self)) }
                if credential == nil { outcome = .failed(.credentialFailed) }
            }
            gateway.met(need, credential, outcome, now: now)
            action = gateway.resume(&exchange, outcome, now: now)
        }
        return explanation(exchange, listeners[listener].name, action, provisions, secrets)
    }

    /// What the table of owners says; nil where it fails. Nothing is claimed: no answer of a store is looked at here.
    private static func owners(
        _ queries: [OwnerCache.Query],
        _ plan: OwnershipPlan?
    ) -> [OwnerCache.Answer]? {
        let answers = try? ControlLoop.run { loop -> [OwnerCache.Answer?] in
            guard let resolver = try? Resolver(on: loop),
                let desk = try? OwnershipDesk(plan, ControlClient(loop: loop, resolver: resolver)),
                let answers = try? await desk.answer(queries)
            else { return [nil] }
            return answers
        }
        let whole = answers?.compactMap(\.self)
        return whole?.count == queries.count ? whole : nil
    }

    /// Keys of AWS, tokens and secrets are not vended for an explanation: others stand in their place, which nobody knows.
    private static func vend(
        _ asked: CredentialNeed,
        _ vendor: Vendor,
        _ entropy: inout EntropyPool,
        _ now: WallTime
    ) -> VendedCredential? {
        switch vendor {
        case .context(let signer): return try? signer.vend(asked, id: entropy.block(), now: now)
        // As little is asked of others, or read.
        case .oauth, .secret:
            let text: StaticString = "EXPLAINED"
            return VendedCredential(secret: Secret(copying: text.bytes), lifetime: .seconds(300), from: now)
        case .sts:
            let secret: [16 of UInt8] = entropy.block()
            let keys = AWSCredential(
                accessKeyID: Array("EXPLAINED".utf8),
                secret: Secret(copying: secret.span),
                expiry: now + .seconds(900)
            )
            return VendedCredential(keys, now: now)
        }
    }

    private static func parse(_ request: Request, into exchange: inout Exchange) throws(LoadProblems) {
        var text = "\(request.method) \(request.path) HTTP/1.1\r\nHost: \(request.host)\r\n"
        if let token = request.token { text += "Authorization: Bearer \(token)\r\n" }
        for field in request.fields { text += field + "\r\n" }
        let bytes = Array((text + "\r\n").utf8)
        var parser = RequestParser(limits: .callers)
        let isWhole: Bool
        do throws(HTTP1Error) {
            isWhole = try parser.parse(bytes.span, into: &exchange.request) != nil
        } catch {
            throw LoadProblems(["no such request can be sent: \(error.code)"])
        }
        guard isWhole else { throw LoadProblems(["the request is not complete"]) }
        exchange.bodyLength = parser.facts.framing.length
        exchange.isWebSocket = parser.facts.isWebSocket
    }

    // MARK: telling

    private func explanation(
        _ exchange: borrowing Exchange,
        _ listener: String,
        _ action: Gateway.Action,
        _ provisions: Bool,
        _ secrets: [String]
    ) -> Explanation {
        var facts: [(name: String, value: String)] = [("listener", listener)]
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { facts.append((name, value)) }
        }
        add("route", exchange.route?.name)
        if let principal = exchange.principal {
            add("issuer", principal.issuer.name)
            add("tenant", principal.tenant.text)
            add("tier", principal.tier.name + (principal.isTierDrifted ? " (the token says another)" : ""))
            add("user", principal.user.text)
            add("groups", principal.groups.joined(separator: ", "))
            add("token", principal.tokenID)
        }
        if let route = exchange.route, let operation = exchange.operation {
            add("adapter", route.adapter.name)
            add("operation", route.adapter.operations[operation].name)
            add("action", route.adapter.operations[operation].action)
            add("resource", "\(route.resource)")
        }
        if let grant = exchange.grant {
            add("decision", grant.isAllowed ? "allow" : "deny")
            add("policies", grant.policyIDs.joined(separator: ", "))
            add("would_deny", grant.shadowDenials.joined(separator: ", "))
            add("credential", grant.credential)
            add("role", grant.means?.role)
            if let means = grant.means {
                add("compartment", String(decoding: means.scope.compartment.bytes, as: UTF8.self))
            }
        }
        let isAllowed = exchange.refusal == nil
        if let refusal = exchange.refusal {
            add("refused", refusal.code)
            add("status", "\(exchange.answer.status.rawValue)")
            add("answer", exchange.answer.body.text)
        } else {
            add("upstream", exchange.route?.upstreamName)
            if provisions { add("provision", "the store is prepared for this compartment first") }
            add("request", "\(exchange.outgoing.method.name) \(exchange.outgoing.target.text ?? "")")
            addFields(exchange.outgoing.fields, secrets, &facts)
            if case .collect = action { add("body", "rewritten member by member by the adapter's table") }
        }
        return Explanation(isAllowed: isAllowed, facts: facts)
    }

    private func addFields(
        _ fields: borrowing Fields,
        _ secrets: [String],
        _ facts: inout [(name: String, value: String)]
    ) {
        for index in fields.indices {
            let name = fields.name(at: index).string() ?? ""
            let known = fields.known(at: index)
            // A handle and a context token speak for the tenant to whoever holds them.
            let text = fields.value(at: index).string() ?? ""
            // Under whatever name a template puts the credential.
            let isSecret =
                known == .authorization || known == .baggage || secrets.contains { text.contains($0) }
            let value = isSecret ? "<redacted>" : text
            facts.append(("header", "\(name): \(value)"))
        }
    }
}

/// Fetches on the loop of a command that ends by itself.
private actor KeyFetcher {
    private let plan: ControlPlan
    private let loop: ControlLoop
    private let loader: KeyLoader

    init(_ plan: ControlPlan, _ loop: ControlLoop) throws {
        self.plan = plan
        self.loop = loop
        loader = KeyLoader(client: ControlClient(loop: loop, resolver: try Resolver(on: loop)))
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func fetch(issuers: Int) async -> KeyRing {
        var ring = KeyRing(issuers: issuers)
        for (place, source) in plan.keySources.enumerated() where source.hasKeys {
            do {
                let set = try await loader.load(source)
                ring.replace(issuer: place, with: set, fetchedAt: Clock.wallTime(), staleAt: nil)
            } catch {
                notice("issuer \(source.issuer): its keys could not be fetched: \(error)")
            }
        }
        return ring
    }
}

/// Carries a result out of a task that ends before it is read.
private final class ResultBox: @unchecked Sendable {
    var keys: KeyRing?
}
