// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// What `check` has to know of an adapter.
    package struct AdapterTraits: Sendable {
        package enum Kind: Sendable {
            /// In front of an agent.
            case ingress
            /// In front of something that agents use.
            case store
        }

        package var kind: Kind
        /// The store cannot keep tenants apart by itself, so routes to it must say so (THREATS 17).
        package var isSingleLayer: Bool
        /// Ids or sessions leave here sealed and come back later, so their key must outlive a restart.
        package var sealsIdentifiers: Bool
        /// Ids are remembered with their owner, so a table for that must be configured.
        package var remembersOwners: Bool
        /// A service of AWS, where keys that are narrowed to the compartment are the second layer.
        package var isAWS: Bool
        /// Its requests name things of which the route says which they may be (`aws.resources`).
        package var namesResources: Bool
        /// It gives keys of AWS to the process that asks, so only one that is leased may ask (THREATS 23).
        package var givesKeys: Bool

        package init(
            kind: Kind,
            isSingleLayer: Bool,
            sealsIdentifiers: Bool,
            remembersOwners: Bool = false,
            isAWS: Bool = false,
            namesResources: Bool = false,
            givesKeys: Bool = false
        ) {
            self.givesKeys = givesKeys
            self.namesResources = namesResources
            self.isAWS = isAWS
            self.kind = kind
            self.isSingleLayer = isSingleLayer
            self.sealsIdentifiers = sealsIdentifiers
            self.remembersOwners = remembersOwners
        }
    }

    /// What is wrong between the parts: names that stand for nothing, routes that nobody reaches or that two
    /// could answer for, doors without a lock. In the order of the file; empty when all is well.
    /// - Parameters:
    ///   - adapters: every adapter there is, by name.
    ///   - now: what `expires` is held against.
    package func check(adapters: [String: AdapterTraits], now: WallTime) -> [Problem] {
        var check = Check(configuration: self, adapters: adapters, now: now)
        check.names()
        check.identities()
        check.listenersAlone()
        check.certificateCarriers()
        check.agents()
        check.leases()
        check.services()
        check.payloads()
        check.adminPlane()
        check.credentialsAlone()
        check.routesAlone()
        check.reachability()
        check.conflicts()
        check.loops()
        check.keys()
        check.ownership()
        return Problems(check.problems).list
    }

    /// The upstreams that routes to an `Agent` go to, in the order of the file.
    package var agents: [String] {
        upstreams.map(\.name).filter { name in
            routes.contains { $0.resource.isAgent && $0.upstream == name }
        }
    }

    /// The agent whose handles are good on a listener: its `endpoint`, or the only agent there is.
    package func agent(of listener: Listener) -> String? {
        if let endpoint = listener.endpoint { return endpoint }
        let agents = agents
        return agents.count == 1 ? agents[0] : nil
    }
}

/// One run of `Configuration.check`.
struct Check {
    let configuration: Configuration
    let adapters: [String: Configuration.AdapterTraits]
    let now: WallTime
    var problems: [Configuration.Problem] = []

    init(configuration: Configuration, adapters: [String: Configuration.AdapterTraits], now: WallTime) {
        self.configuration = configuration
        self.adapters = adapters
        self.now = now
    }

    mutating func note(_ path: String, _ message: String) {
        problems.append(configuration.problem(at: path, message))
    }

    /// `12:5` for messages that name a second place.
    func place(_ path: String) -> String {
        let position = configuration.problem(at: path, "").position
        return "\(position.line):\(position.column)"
    }

    mutating func names() {
        unique("listeners", configuration.listeners.map(\.name), "name")
        unique("identity.issuers", configuration.identity.issuers.map(\.name), "name")
        unique("identity.issuers", configuration.identity.issuers.map(\.issuer), "issuer")
        unique("credentials", configuration.credentials.map(\.name), "name")
        unique("routes", configuration.routes.map(\.name), "name")
    }

    private mutating func unique(_ list: String, _ values: [String], _ key: String) {
        var firsts: [String: Int] = [:]
        for (index, value) in values.enumerated() {
            if let first = firsts[value] {
                let place = place("\(list)[\(first)].\(key)")
                note("\(list)[\(index)].\(key)", "\"\(value)\" stands twice; first at \(place)")
            } else {
                firsts[value] = index
            }
        }
    }

    mutating func identities() {
        let count = configuration.identity.issuers.count
        if configuration.tenants.mode == .claims && count != 1 {
            note("tenants.mode", "claims believes an issuer alone, so it allows one, not \(count)")
        }
        for (index, issuer) in configuration.identity.issuers.enumerated()
        where configuration.tenants.mode == .claims {
            let message = "with tenants in mode claims, nothing else says the tier"
            if let source = issuer.certificates, !source.names.has(.tier) {
                note("identity.issuers[\(index)].certificates", message)
            } else if issuer.claims.tier == nil {
                note("identity.issuers[\(index)].claims.tier", message)
            }
        }
        certificates()
    }

    mutating func listenersAlone() {
        for (index, listener) in configuration.listeners.enumerated() {
            let path = "listeners[\(index)]"
            if listener.tls != nil && listener.plaintext {
                note("\(path).plaintext", "there is \"tls\"; leave one of them out")
            }
            if listener.tls == nil && !listener.plaintext && !listener.address.ip.isLoopback {
                note(
                    "\(path).address",
                    "others can reach \(listener.address): write \"tls\", or \"plaintext: true\" if that is meant"
                )
            }
            for (other, earlier) in configuration.listeners[..<index].enumerated()
            where earlier.address.overlaps(listener.address) {
                let place = place("listeners[\(other)].address")
                note("\(path).address", "\(listener.address) is taken by \"\(earlier.name)\" at \(place)")
            }
        }
    }

    /// Whose handles and traces are good where (THREATS 3, 6).
    mutating func agents() {
        let agents = configuration.agents
        for (index, listener) in configuration.listeners.enumerated() {
            let path = "listeners[\(index)]"
            if let endpoint = listener.endpoint {
                if configuration.upstream(named: endpoint) == nil {
                    let known = configuration.upstreams.map(\.name)
                    note("\(path).endpoint", Spelling.unknown("upstream", endpoint, among: known))
                } else if !agents.contains(endpoint) {
                    note("\(path).endpoint", "no route to an Agent goes to \"\(endpoint)\"")
                }
                if !listener.isAgentSide {
                    note(
                        "\(path).endpoint",
                        "says whose calls come in, but \"carriers\" has none of handle, trace and lease"
                    )
                }
            } else if listener.isAgentSide, agents.count != 1 {
                let names = agents.isEmpty ? "none" : agents.joined(separator: ", ")
                let needing = listener.carriers.filter { [.handle, .trace, .aws].contains($0) }.map(
                    \.rawValue
                )
                let what = needing.joined(separator: " and ") + (needing.count == 1 ? " needs" : " need")
                note("\(path).carriers", "\(what) \"endpoint\" to name one agent; there are: \(names)")
            }
            // A client object is made once, and would speak for its first tenant in another's request (THREATS 2).
            if listener.carriers.contains(.aws), listener.tenant == nil, !listener.carriers.contains(.lease) {
                note(
                    "\(path).carriers",
                    "aws takes keys that a process keeps: write \"tenant\" to say whom the process behind it serves, or \"lease\" beside it"
                )
            }
            guard listener.isAgentSide, let agent = configuration.agent(of: listener) else {
                continue
            }
            for (number, name) in listener.routes.enumerated() {
                guard let route = configuration.route(named: name), route.resource.isAgent,
                    route.upstream == agent
                else { continue }
                let message =
                    "\"\(name)\" leads to the agent whose own calls come in here; callers bring bearer"
                note("\(path).routes[\(number)]", message)
            }
        }
    }

    /// THREATS 26.
    mutating func adminPlane() {
        guard let address = configuration.admin.address else { return }
        if configuration.admin.token != nil && !address.ip.isLoopback && !configuration.admin.plaintext {
            note(
                "admin.address",
                "the token would cross the network in the clear; write \"plaintext: true\" if that is meant"
            )
        }
        for (index, listener) in configuration.listeners.enumerated()
        where listener.address.overlaps(address) {
            let place = place("listeners[\(index)].address")
            note("admin.address", "\(address) is taken by listener \"\(listener.name)\" at \(place)")
        }
    }

    /// An upstream that is Bulkhead itself: a request would go round until something gives in.
    mutating func loops() {
        let own =
            configuration.listeners.map { ("listener \"\($0.name)\"", $0.address) }
            + (configuration.admin.address.map { [("the admin plane", $0)] } ?? [])
        for upstream in configuration.upstreams {
            for (index, endpoint) in upstream.endpoints.enumerated() {
                for (what, address) in own where endpoint.reaches(address) {
                    note("upstreams.\(upstream.name).endpoints[\(index)]", "\(endpoint) is \(what)")
                }
            }
        }
    }

    mutating func ownership() {
        if case .redis(let table)? = configuration.ownership {
            // Whoever reaches it could write down whose an id is (THREATS 27).
            for upstream in configuration.upstreams {
                for (index, endpoint) in upstream.endpoints.enumerated() where endpoint == table.endpoint {
                    note(
                        "upstreams.\(upstream.name).endpoints[\(index)]",
                        "\(endpoint) has the table of owners (ownership.url), which no route may reach"
                    )
                }
            }
        }
        guard configuration.ownership == nil else { return }
        for (index, route) in configuration.routes.enumerated()
        where adapters[route.adapter]?.remembersOwners ?? false {
            note(
                "routes[\(index)].adapter",
                "\(route.adapter) remembers whose ids are: write \"ownership: {store: sqlite, path: …}\", or store: redis for a fleet"
            )
        }
    }

    mutating func keys() {
        guard configuration.keys.current == nil else { return }
        for (index, route) in configuration.routes.enumerated() {
            guard adapters[route.adapter]?.sealsIdentifiers ?? false else { continue }
            let message = "\(route.adapter) seals ids, which must outlive a restart: write \"keys.current\""
            note("routes[\(index)].adapter", message)
        }
    }
}

extension Configuration.Listener {
    /// An agent's own calls come in here.
    fileprivate var isAgentSide: Bool {
        carriers.contains { [.handle, .trace, .lease, .aws].contains($0) }
    }
}

extension Configuration.Endpoint {
    /// Whether a connection to it, made on this host, certainly ends at `address`.
    fileprivate func reaches(_ address: Configuration.Address) -> Bool {
        guard port == address.port else { return false }
        switch host {
        case .name(let name):
            return name == "localhost" && (address.ip.isLoopback || address.ip.isUnspecified)
        case .address(let ip): return ip == address.ip || (ip.isLoopback && address.ip.isUnspecified)
        }
    }
}
