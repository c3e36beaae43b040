// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import HTTPTypes
import Identity
import JSON
import Namespaces
import Runtime
import Storage

/// Why a walk through a tenant's compartment stops.
enum TenantStoreError: Error, CustomStringConvertible {
    case fetch(FetchError)
    case adapter(AdapterFailure)
    case status(thing: String, UInt16)
    /// The answer is not what the table's `contents` says.
    case shape(thing: String)
    /// A thing's name does not fit into a path.
    case name(thing: String)
    /// The store lists no thing of a kind that it may have without listing it.
    case unlisted(thing: String)
    case file(Files.Failure)
    /// Why there is none; nothing of a secret is in it.
    case credential(String)
    case owners(OwnershipFailure)

    var description: String {
        switch self {
        case .fetch(let error): "the store: \(error)"
        case .adapter(let failure): "the table refuses it: \(failure.reason.rawValue)"
        case .status(let thing, let status): "\(thing): the store answered \(status)"
        case .shape(let thing): "\(thing): the answer is not as the table's contents says"
        case .name(let thing): "\(thing): what the table puts into a path is no text"
        case .unlisted(let thing):
            "the store lists no \(thing), and there are stores that keep some without listing them: "
                + "name each that there may be with --name \(thing)=NAME"
        case .file(let error): error.description
        case .credential(let reason): "the credential of this route: \(reason)"
        case .owners(let failure): "the table of owners: \(failure)"
        }
    }
}

extension TenantStoreError {
    /// Whether an answer was larger than the table takes.
    var isOfSize: Bool {
        if case .adapter(let failure) = self { failure.reason == .responseTooLarge } else { false }
    }

    /// Whether this request alone failed: the store or the table refused it.
    var isRefusal: Bool {
        switch self {
        case .adapter, .status, .name: true
        case .fetch, .shape, .unlisted, .file, .credential, .owners: false
        }
    }
}

/// One tenant's compartment in one store, as requests of an agent reach it: through the route's table, to its upstream.
struct TenantStore: Sendable {
    let adapter: Adapter
    let upstream: UpstreamPlan
    let compartment: Compartment
    let tenant: String
    let idKey: Secret
    let credential: TenantCredential
    /// Where owners of ids are remembered.
    let ownership: OwnershipPlan?

    /// An answer that is larger than this is an error: pages are to be smaller.
    static let maximumBytes = 256 << 20
    private static let patience = Interval.seconds(60)

    /// - Parameters:
    ///   - store: a route's name.
    ///   - user: issuer's name and subject, where the route keeps users apart.
    init(
        _ loader: Loader,
        store: String,
        tenant: TenantID,
        user: (issuer: String, subject: String)?
    ) throws(LoadProblems) {
        let configuration = loader.configuration
        guard let route = configuration.route(named: store) else {
            let known = configuration.routes.map(\.name).joined(separator: ", ")
            throw LoadProblems(["there is no route \"\(store)\"; there are \(known)"])
        }
        guard let adapter = loader.adapters[route.adapter], !adapter.contents.isEmpty else {
            throw LoadProblems([
                "the table of adapter \(route.adapter) does not say what a compartment holds: "
                    + "write \"contents\" into a table of your own for that store (Config/adapters/README.md)"
            ])
        }
        credential = try TenantCredential(loader, route, tenant)
        self.adapter = adapter
        self.tenant = tenant.text
        compartment = try Self.compartment(configuration, route, tenant, user)
        idKey = loader.keys.current
        do {
            let places = try loader.firstPlaces()
            guard let place = places.upstream(named: route.upstream) else {
                throw LoadProblems(["route \(store) has no upstream"])
            }
            upstream = places.upstreams[place]
            ownership = adapter.remembersOwners ? try loader.ownershipPlan() : nil
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    private static func compartment(
        _ configuration: Configuration,
        _ route: Configuration.Route,
        _ tenant: TenantID,
        _ user: (issuer: String, subject: String)?
    ) throws(LoadProblems) -> Compartment {
        if (route.scope == .user) != (user != nil) {
            throw LoadProblems([
                route.scope == .user
                    ? "route \(route.name) keeps users apart: name one with --issuer and --user"
                    : "route \(route.name) keeps no users apart: leave out --issuer and --user"
            ])
        }
        var url = ""
        if let user {
            guard let issuer = configuration.issuer(named: user.issuer) else {
                throw LoadProblems(["there is no issuer \"\(user.issuer)\""])
            }
            url = issuer.issuer
        }
        do throws(CompartmentError) {
            return try Compartment(
                scope: user == nil ? .tenant : .user,
                tenant: tenant.text.utf8Span.span,
                issuer: url.utf8Span.span,
                user: (user?.subject ?? "").utf8Span.span
            )
        } catch {
            throw LoadProblems([error.rawValue])
        }
    }

    /// One request as an agent of this tenant would make it.
    func ask(
        _ request: ContentsRequest,
        _ values: [String: JSONValue],
        of thing: AdapterContents,
        offset: Int = 0,
        limit: Int = AdapterContents.pageCount,
        on caller: Caller
    ) async throws(TenantStoreError) -> (status: UInt16, body: [UInt8]) {
        let scope = AdapterScope(
            adapter,
            compartment: compartment,
            tenant: tenant.utf8Span.span,
            idKey: idKey,
            owners: caller.owners.cache,
            space: upstream.name
        )
        var call = AdapterCall(adapter, scope)
        guard let (target, body) = request.filled(values, offset: offset, limit: limit) else {
            throw .name(thing: thing.name)
        }
        let outcome = try await caller.owners.settled { () throws(TenantStoreError) in
            do throws(AdapterFailure) { return try call.request(request.method, target, body) } catch {
                throw .adapter(error)
            }
        }
        let reply: ControlClient.Reply
        let bearing = try await credential.current(caller.client)
        switch outcome {
        case .local(let status, let body): return (status, body)
        case .send(let method, let target, let body):
            do throws(FetchError) {
                reply = try await caller.client.fetch(
                    method,
                    String(decoding: target, as: UTF8.self),
                    at: upstream.target(0),
                    bearing: bearing,
                    body: body,
                    limit: Self.maximumBytes,
                    deadline: Clock.now() + Self.patience
                )
            } catch {
                throw .fetch(error)
            }
        }
        return try await caller.owners.settled { () throws(TenantStoreError) in
            do throws(AdapterFailure) {
                return try call.answer(
                    status: UInt16(clamping: reply.status),
                    contentType: reply.contentType,
                    reply.body
                )
            } catch {
                throw .adapter(error)
            }
        }
    }
}

extension TenantStore {
    /// Whoever walks through it.
    struct Caller {
        let client: ControlClient
        let owners: Owners
    }

    /// What one walk knows of the owners of ids.
    final class Owners {
        let cache = OwnerCache()
        private let desk: OwnershipDesk

        init(_ plan: OwnershipPlan?, _ client: ControlClient) throws(TenantStoreError) {
            do throws(StorageError) { desk = try OwnershipDesk(plan, client) } catch {
                throw .owners(.file(error))
            }
        }

        /// Runs a transform again until it lacks no owner any more.
        fileprivate func settled<Result>(
            _ body: () throws(TenantStoreError) -> Result
        ) async throws(TenantStoreError) -> Result {
            cache.forget()
            while true {
                let result = Swift.Result(catching: body)
                let missing = cache.missing
                if missing.isEmpty { return try result.get() }
                var answers: [OwnerCache.Answer] = []
                do throws(OwnershipFailure) {
                    answers = try await desk.answer(missing).compactMap(\.self)
                    guard answers.count == missing.count else { throw .resting }
                } catch {
                    throw .owners(error)
                }
                cache.learn(missing, answers)
                cache.begin()
            }
        }

        /// Forgets whose all these were.
        /// - Returns: how many.
        func erase(_ store: TenantStore) async throws(TenantStoreError) -> Int {
            do throws(OwnershipFailure) {
                return try await desk.erase(
                    spaces: store.adapter.ownedSpaces(of: store.upstream.name),
                    compartment: store.compartment.bytes
                )
            } catch {
                throw .owners(error)
            }
        }
    }
}
