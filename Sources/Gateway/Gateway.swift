// SPDX-License-Identifier: Apache-2.0
import AWS
package import Bytes
import Crypto
package import HTTPTypes
package import Identity
import Namespaces
import Telemetry
package import Vending

/// The way of a request (DESIGN §2), as one worker walks it: events in, actions out, no socket, no clock.
///
///     begin ─▶ route ─▶ identify ─▶ decide ─▶ vend ─▶ rewrite ─▶ forward ─▶ respond ─▶ record
///                         │           │        │        │                     │
///                        need        refuse   need     collect               collect
///
/// Each step either goes on, refuses, or needs something: then the exchange is parked, the worker has the need met,
/// and `resume` walks again from the step that asked, which finds what it needs in a cache.
package struct Gateway: ~Copyable {
    package struct Start {
        package var listener: Int
        package var now: Instant
        package var wallTime: WallTime

        package init(listener: Int, now: Instant, wallTime: WallTime) {
            self.listener = listener
            self.now = now
            self.wallTime = wallTime
        }
    }

    /// What the worker does next.
    package enum Action: Equatable {
        case need(Need)
        /// Read the request's body whole, up to so many bytes, then call `collected`.
        case collect(limit: Int)
        /// Send `exchange.outgoing` to `exchange.route`'s upstream.
        case forward
        /// Send `exchange.answer`.
        case answer
    }

    package enum ResponseAction: Equatable {
        /// Send the head in `exchange.answer` and let the body flow; its length as given.
        case stream(BodyLength)
        /// Read the body whole, up to `exchange.responseLimit`, then call `respondCollected`.
        case collect
        /// Send `exchange.answer` instead.
        case answer
    }

    /// Why a walk stops.
    enum Stop: Error {
        case refused(Refusal)
        case adapter(AdapterFailure)
        case need(Need)
    }

    /// Random bytes that each exchange is given: trace id 16, span id 8, record id 16.
    package static let randomBytes = 40

    var snapshot: Snapshot
    var authenticator: Authenticator
    /// Shared with the other workers.
    let exchanges: OpenExchanges
    var sessions: SessionCodec
    var keys = KeyHasher()
    var grants = GrantCache<Means>()
    var memo = GrantMemo()
    var credentials: [CredentialKey: VendedCredential] = [:]
    /// With the time at which it was done.
    var provisioned: [ProvisionNeed: WallTime] = [:]
    var pools: [PoolKey: Int] = [:]
    let owners = OwnerCache()
    let schemas = KeySchemaCache()
    /// Credentials that upstreams did not take, for the control thread.
    package private(set) var rejected: [CredentialKey] = []
    var nextPool = 0
    var metrics: MetricSet
    var reported = ReportedCounters()
    var requestPlan = FieldPlan()
    var responsePlan = FieldPlan()
    var text = Buffer()
    /// Events for the audit log, one a line.
    var audit = Buffer()
    /// Verifies agents' AWS signatures, and makes ours.
    var signer = RequestSigner()
    var worthlessKeys: WorthlessKeys
    var claimKeys = ClaimKeyTable()
    /// Of the second in which a request was signed last.
    var signingTime = SigningTime(WallTime(seconds: 0))
    /// What is signed in a body's place.
    var payload = Buffer()
    /// Makes and opens those that processes of leased endpoints fetch.
    var leaseKeys: LeaseKeyCodec
    private let lent = ByAddress()

    /// Connections to an upstream are shared by requests that have all of this in common (THREATS 18).
    struct PoolKey: Hashable {
        var upstream: Int
        var credential: Int?
        var tenant: TenantID
    }

    /// Who is believed now.
    package var identity: IdentitySnapshot { snapshot.identity }

    package init(_ snapshot: Snapshot, exchanges: OpenExchanges) {
        self.snapshot = snapshot
        self.exchanges = exchanges
        let keys = snapshot.plan.keys
        authenticator = Authenticator(
            handles: HandleCodec(current: keys.current, previous: keys.previous),
            exchanges: exchanges,
            limits: snapshot.plan.tokenLimits
        )
        sessions = SessionCodec(secret: keys.current)
        worthlessKeys = WorthlessKeys(current: keys.current, previous: keys.previous)
        leaseKeys = LeaseKeyCodec(current: keys.current, previous: keys.previous)
        metrics = MetricSet(tenantsLabelled: snapshot.plan.tenantsLabelled)
    }

    /// Requests that begin from now on see this state of the world; those under way keep their own, but for who is
    /// believed.
    package mutating func adopt(_ snapshot: Snapshot) {
        let (old, new) = (self.snapshot.plan, snapshot.plan)
        self.snapshot = snapshot
        memo.removeAll()
        // Keys, and those who had them, may have gone.
        claimKeys.removeAll()
        guard old.generation != new.generation else { return }
        // All of these are kept by generation, so nobody would find them again.
        grants.removeAll()
        credentials.removeAll(keepingCapacity: true)
        provisioned.removeAll(keepingCapacity: true)
        schemas.removeAll()
        // What a connection was opened with is known by its place alone.
        if old.credentialsSince != new.credentialsSince { pools.removeAll(keepingCapacity: true) }
        let hasOtherKeys = old.keys != new.keys
        if hasOtherKeys {
            sessions = SessionCodec(secret: new.keys.current)
            worthlessKeys = WorthlessKeys(current: new.keys.current, previous: new.keys.previous)
            leaseKeys = LeaseKeyCodec(current: new.keys.current, previous: new.keys.previous)
        }
        authenticator.adopt(
            handles: hasOtherKeys
                ? HandleCodec(current: new.keys.current, previous: new.keys.previous) : nil,
            limits: new.tokenLimits
        )
    }

    // MARK: walking

    /// A request's head is in `exchange.request`.
    package mutating func begin(_ exchange: inout Exchange, _ start: Start) -> Action {
        note(&exchange, start)
        owners.forget()
        schemas.forget()
        return walk(&exchange, start.wallTime)
    }

    /// What the exchange was parked for is met, or is not to be met.
    package mutating func resume(_ exchange: inout Exchange, _ outcome: NeedOutcome, now: WallTime) -> Action
    {
        exchange.needOutcome = outcome
        // The issuers were others when it asked: it may ask once more.
        if case .keys(let generation, _, _)? = exchange.unmet, generation != snapshot.identity.generation {
            exchange.unmet = nil
        }
        switch exchange.resumption {
        case .walk: return walk(&exchange, now)
        // Rewritten already, it is not rewritten again.
        case .requestBody: return exchange.isReady ? walk(&exchange, now) : collected(&exchange, now: now)
        case .responseBody: return mapResponse(&exchange)
        }
    }

    /// The body that `collect` asked for is in `exchange.requestBody`.
    package mutating func collected(_ exchange: inout Exchange, now: WallTime) -> Action {
        do throws(Stop) {
            return try transformRequest(&exchange, now)
        } catch {
            return stop(&exchange, error)
        }
    }

    private mutating func walk(_ exchange: inout Exchange, _ now: WallTime) -> Action {
        do throws(Stop) {
            // A step that was done before the exchange was parked finds its result.
            let route = try findRoute(&exchange)
            if let action = try answerBootKeys(&exchange, route) { return action }
            let principal = try identify(&exchange, now)
            if exchange.isReady {
                try lease(&exchange, route, principal)
                return .forward
            }
            let operation = try findOperation(&exchange, route)
            let grant = try authorize(&exchange, route, principal, operation, now)
            return try rewrite(&exchange, route, principal, operation, grant, now)
        } catch {
            return stop(&exchange, error)
        }
    }

    mutating func stop(_ exchange: inout Exchange, _ stop: Stop) -> Action {
        switch stop {
        case .refused(let refusal): return refuse(&exchange, refusal)
        case .adapter(let failure): return refuse(&exchange, failure)
        case .need(let need):
            // Asked for already: it did not help.
            if exchange.unmet == need {
                if case .failed(let refusal)? = exchange.needOutcome { return refuse(&exchange, refusal) }
                return refuse(&exchange, .needTimedOut)
            }
            exchange.unmet = need
            return .need(need)
        }
    }

    private mutating func note(_ exchange: inout Exchange, _ start: Start) {
        exchange.hasBegun = true
        exchange.snapshot = snapshot
        exchange.listener = start.listener
        exchange.startedAt = start.now
        exchange.startedOn = start.wallTime
        exchange.takeTraceID()
        metrics.add(.requestsBegun)
    }

    /// A request that could not be read: it leaves a record like any other.
    package mutating func reject(_ exchange: inout Exchange, _ start: Start, _ refusal: Refusal) {
        note(&exchange, start)
        exchange.isUnreadable = true
        _ = refuse(&exchange, refusal)
    }

    /// A request that is turned away unlooked at, because there are enough.
    package mutating func shed(_ exchange: inout Exchange, _ start: Start) -> Action {
        note(&exchange, start)
        // For the words of its protocol alone.
        _ = try? findRoute(&exchange)
        return refuse(&exchange, .overloaded)
    }

    /// The control thread has been told.
    package mutating func forgetRejected() { rejected.removeAll(keepingCapacity: true) }

    /// An upstream answered 401 to a credential that stands in the request: it was revoked, or the server has forgotten it.
    /// It is vended anew for the next request, unless it has just been: so that nobody can have it asked for at will, by
    /// requests that are always answered so.
    mutating func suspectCredential(_ means: Means, _ now: WallTime) {
        guard means.injected != nil, let vended = means.vended,
            now - vended.since >= CredentialCacheTimes.shortestUse
        else { return }
        means.isRejected = true
        // Another grant of the same has told already.
        guard let held = credentials[vended.key], held.since == vended.since else { return }
        credentials[vended.key] = nil
        rejected.append(vended.key)
    }

    /// Requests of this worker that have begun and have no record yet. Cost: two loads.
    package var exchangesUnderWay: Int { metrics.underWay }

    // MARK: steps

    private mutating func findRoute(_ exchange: inout Exchange) throws(Stop) -> Route {
        if let route = exchange.route { return route }
        if exchange.isMisdirected { throw .refused(.misdirected) }
        guard let place = exchange.plan.listeners[exchange.listener].route(of: exchange.request) else {
            throw .refused(.routeUnknown)
        }
        let route = exchange.plan.routes[place]
        exchange.route = route
        reserveParameter(&exchange, route)
        return route
    }

    func findOperation(_ exchange: inout Exchange, _ route: Route) throws(Stop) -> Int {
        if let operation = exchange.operation { return operation }
        let operation: Int
        do throws(AdapterFailure) {
            // Most tables need no more than these, and the warm path copies nothing else.
            operation =
                route.adapter.isFoundByPath
                ? try route.adapter.match(exchange.request.method, exchange.request.path)
                : try route.adapter.match(exchange.request, route.resources)
        } catch {
            throw .adapter(error)
        }
        let isWebSocket = route.adapter.operations[operation].isWebSocket
        if isWebSocket != exchange.isWebSocket || (isWebSocket && !route.allowsWebSocket) {
            throw .refused(.upgradeRefused)
        }
        exchange.operation = operation
        return operation
    }
}
