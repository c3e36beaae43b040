// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import HTTPTypes
import Identity
import Namespaces
import Runtime
import Telemetry
import Vending

/// Keys of tables that routes do not declare: asked for once, whoever waits, kept for a minute, failures for a while.
struct SchemaDesk {
    /// They are looked after as credentials are: one attempt at a time, renewed ahead, asked again after growing pauses.
    var cache = CredentialCache<KeySchema>(capacity: 4096)
    var waiters: [CredentialKey: [(need: Need, worker: Int)]] = [:]
    /// Attempts under way, by the tenant for whom they were begun.
    var underWay: [String: Int] = [:]
    /// Which partition key a table had, as long as this process lives: another one would take other values for a tenant's.
    private var partitionKeys: [KeySchemaCache.Query: String] = [:]

    static let lifetime = Interval.seconds(60)
    /// What is not there may be made any moment.
    static let shortLifetime = Interval.seconds(10)
    /// A tenant can make up names, and nobody else has to wait for that.
    private static let mostForTenant = 4
    private static let mostForAll = 64
    private static let mostPartitionKeys = 65_536

    static func key(_ asked: SchemaNeed) -> CredentialKey {
        var hasher = KeyHasher()
        hasher.beginCredential(
            generation: asked.generation,
            credential: asked.query.space.utf8Span.span,
            tenant: asked.query.table.utf8Span.span
        )
        return hasher.finishCredential()
    }

    /// - Returns: false when there are enough.
    mutating func begin(for tenant: String) -> Bool {
        let all = underWay.values.reduce(0, +)
        guard underWay[tenant, default: 0] < Self.mostForTenant, all < Self.mostForAll else { return false }
        underWay[tenant, default: 0] += 1
        return true
    }

    mutating func end(for tenant: String) {
        let left = (underWay[tenant] ?? 1) - 1
        underWay[tenant] = left > 0 ? left : nil
    }

    /// A table whose partition key has become another one is refused.
    mutating func judged(_ schema: KeySchema, _ query: KeySchemaCache.Query) -> KeySchema {
        guard case .table(let table) = schema else { return schema }
        if let before = partitionKeys[query] { return before == table.partitionKey ? schema : .refused }
        guard partitionKeys.count < Self.mostPartitionKeys else { return .refused }
        partitionKeys[query] = table.partitionKey
        return schema
    }
}

extension ControlPlane {
    func meetSchema(_ need: Need, _ asked: SchemaNeed, _ worker: Int) {
        let key = SchemaDesk.key(asked)
        let now = Clock.wallTime()
        switch schemas.cache.lookup(key, tenant: "", now: now) {
        case .hit(let schema): answer(worker, need, nil, .schema(schema, until: now + .seconds(5)))
        case .refresh(let schema, let ticket):
            answer(worker, need, nil, .schema(schema, until: now + .seconds(5)))
            ask(asked, key, ticket)
        case .vend(let ticket):
            schemas.waiters[key, default: []].append((need, worker))
            ask(asked, key, ticket)
        case .wait: schemas.waiters[key, default: []].append((need, worker))
        case .failed: answer(worker, need, nil, .failed(.schemaUnavailable))
        }
    }

    private func ask(_ asked: SchemaNeed, _ key: CredentialKey, _ ticket: VendTicket) {
        let tenant = asked.credential.principal.tenant.text
        guard schemas.begin(for: tenant) else {
            // It is nobody's failure: who asks next, asks the store.
            schemas.cache.invalidate(key)
            return tellSchema(key, .failed(.schemaUnavailable))
        }
        count(.schemaFetches)
        Task(executorPreference: loop) { await self.fetch(asked, key, ticket) }
    }

    private func fetch(_ asked: SchemaNeed, _ key: CredentialKey, _ ticket: VendTicket) async {
        let schema = await describe(asked)
        schemas.end(for: asked.credential.principal.tenant.text)
        finish(asked, key, ticket, schema)
    }

    private func finish(_ asked: SchemaNeed, _ key: CredentialKey, _ ticket: VendTicket, _ found: KeySchema?)
    {
        let now = Clock.wallTime()
        let spread = UInt8(truncatingIfNeeded: entropy.integer())
        guard let found else {
            count(.schemaFetchFailures)
            _ = schemas.cache.failed(key, ticket, .unavailable, now: now, spread: spread)
            return tellSchema(key, .failed(.schemaUnavailable))
        }
        let schema = schemas.judged(found, asked.query)
        var life = SchemaDesk.lifetime
        switch schema {
        case .table: break
        case .unknown: life = SchemaDesk.shortLifetime
        case .refused:
            notice(
                "table \(asked.query.table): its partition key is no string, or another than it was; nothing of it is served"
            )
        }
        _ = schemas.cache.vended(key, ticket, schema, expiry: now + life, now: now, spread: spread)
        tellSchema(key, .schema(schema, until: now + .seconds(30)))
    }

    private func tellSchema(_ key: CredentialKey, _ outcome: NeedOutcome) {
        for waiter in schemas.waiters.removeValue(forKey: key) ?? [] {
            answer(waiter.worker, waiter.need, nil, outcome)
        }
    }

    /// Asks the store, with a session of the tenant's that may do nothing else.
    /// - Returns: nil where it gave no answer that can be read.
    private func describe(_ asked: SchemaNeed) async -> KeySchema? {
        guard let gateway = gatewayPlan(of: asked.generation), let plan = plan(of: asked.generation) else {
            return nil
        }
        let route = gateway.routes[asked.route]
        guard let scope = route.signing?.scope, let keys = await vended(asked.credential)?.keys else {
            return nil
        }
        var body = Buffer()
        body.append("{\"TableName\":\"")
        // Letters, digits and `_.-`, as `StoreResources` has seen.
        body.append(string: asked.query.table)
        body.append("\"}")
        let call = AWSCall(
            scope: scope,
            keys: keys,
            target: "/",
            body: body.bytes.array(),
            contentType: AWSCall.json10,
            fields: [("x-amz-target", Array("DynamoDB_20120810.DescribeTable".utf8))]
        )
        do throws(FetchError) {
            let reply = try await call.send(
                to: plan.upstreams[route.upstream].target(0),
                client,
                deadline: Clock.now() + .seconds(8)
            )
            let answer = reply.body
            if let schema = KeySchema.read(answer.span, of: asked.query.table, status: reply.status) {
                return schema
            }
            notice("table \(asked.query.table): asked for its keys, the store answered \(reply.status)")
        } catch {
            notice("table \(asked.query.table): the store could not be asked for its keys: \(error)")
        }
        return nil
    }
}
