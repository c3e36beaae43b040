// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

extension Check {
    mutating func routesAlone() {
        for (index, route) in configuration.routes.enumerated() {
            let path = "routes[\(index)]"
            if configuration.upstream(named: route.upstream) == nil {
                let known = configuration.upstreams.map(\.name)
                note("\(path).upstream", Spelling.unknown("upstream", route.upstream, among: known))
            }
            credentials(of: route, path)
            adapter(of: route, path)
            if let expires = route.singleLayer?.expires, expires <= now {
                note("\(path).single_layer.expires", "the exception is over; renew it or take the route out")
            }
            agentOnly(route, path)
        }
    }

    private mutating func adapter(of route: Configuration.Route, _ path: String) {
        guard let adapter = adapters[route.adapter] else {
            note("\(path).adapter", Spelling.unknown("adapter", route.adapter, among: Array(adapters.keys)))
            return
        }
        switch (adapter.kind, route.resource.isAgent) {
        case (.ingress, true), (.store, false): break
        case (.ingress, false):
            note("\(path).resource", "adapter \(route.adapter) stands before an Agent, not \(route.resource)")
        case (.store, true):
            note("\(path).resource", "adapter \(route.adapter) stands before a store, not \(route.resource)")
        }
        if adapter.givesKeys { return keys(of: route, path) }
        askedTables(of: route, path)
        if route.aws?.token != nil {
            note("\(path).aws.token", "only a route with adapter container-credentials gives keys")
        }
        var isSingle = adapter.isSingleLayer
        if adapter.isAWS {
            let credential = route.credentials.flatMap { configuration.credential(named: $0) }
            isSingle = true
            if case .sts(let sts)? = credential?.kind, sts.narrows { isSingle = false }
        }
        if adapter.namesResources, route.aws?.resources.isEmpty ?? true {
            note(
                "\(path).adapter",
                "requests of \(route.adapter) name what they reach: write \"aws: {resources: [...]}\" with what they may name"
            )
        }
        if isSingle && route.singleLayer == nil {
            let message =
                adapter.isAWS
                ? "without keys that are narrowed to a compartment (\"credentials\" of kind aws-sts, with its "
                    + "session_policy), nothing but Bulkhead keeps tenants apart; write them, or "
                    + "\"single_layer: {owner, reason, expires}\""
                : "\(route.adapter) stores cannot keep tenants apart by themselves; "
                    + "write \"single_layer: {owner, reason, expires}\""
            note("\(path).adapter", message)
        }
        if !isSingle && route.singleLayer != nil {
            note("\(path).single_layer", "adapter \(route.adapter) asks for none; leave it out")
        }
    }

    /// A table whose keys are not written down is asked for them, with a tenant's own credential.
    private mutating func askedTables(of route: Configuration.Route, _ path: String) {
        if let credential = route.credentials.flatMap({ configuration.credential(named: $0) }),
            case .sts = credential.kind
        {
            return
        }
        for (index, table) in (route.aws?.tables ?? []).enumerated() where table.partitionKey == nil {
            note(
                "\(path).aws.tables[\(index)]",
                "DynamoDB is asked for the keys of \"\(table.name)\", which wants \"credentials\" of kind aws-sts; "
                    + "write them, or \"partition_key\""
            )
        }
    }

    /// Keys are a process's, so it must be one that a single tenant has; what leaves Bulkhead is narrow and short (THREATS 2, 23).
    private mutating func keys(of route: Configuration.Route, _ path: String) {
        for listener in configuration.listeners
        where listener.routes.contains(route.name) && !listener.carriers.contains(.lease) {
            note(
                "\(path).adapter",
                "gives keys to a process, so only to one that is leased: listener \"\(listener.name)\" takes no lease"
            )
        }
        if route.singleLayer != nil {
            note("\(path).single_layer", "adapter \(route.adapter) asks for none; leave it out")
        }
        guard let name = route.credentials, let credential = configuration.credential(named: name) else {
            return
        }
        guard case .sts(let sts) = credential.kind else {
            return note(
                "\(path).credentials",
                "expected one of kind aws-sts, or none for keys that only Bulkhead honours"
            )
        }
        if !sts.narrows {
            note(
                "\(path).credentials",
                "keys that leave Bulkhead are narrowed: \"session_policy\" of \"\(name)\" is false"
            )
        }
        if sts.duration > .seconds(900) {
            note(
                "\(path).credentials",
                "keys that leave Bulkhead last 15 minutes at most: \"duration\" of \"\(name)\" is longer"
            )
        }
        if route.aws?.buckets.isEmpty ?? true, route.aws?.tables.isEmpty ?? true {
            note("\(path).credentials", "write \"aws\" with the buckets or tables that the keys are for")
        }
    }

    /// What only makes sense on the way to an agent (THREATS 6, 19).
    private mutating func agentOnly(_ route: Configuration.Route, _ path: String) {
        if route.resource.isAgent {
            for template in route.headers where Self.carrierFields.contains(template.name) {
                note("\(path).headers.\(template.name)", "is where the agent gets its handle")
            }
            if route.websocket && !route.match.methods.contains(.init(.get)) {
                note("\(path).websocket", "a WebSocket is opened by GET, which \"methods\" leaves out")
            }
            return
        }
        if route.forwardToken {
            note("\(path).forward_token", "only a route to an Agent can forward a token")
        }
        if route.websocket { note("\(path).websocket", "only a route to an Agent can be a WebSocket") }
        if !route.sessionHeaders.isEmpty {
            note("\(path).session_headers", "only a route to an Agent has sessions")
        }
    }

    /// Where carriers stand in a request of an agent (DESIGN §5).
    static let carrierFields = ["authorization", "x-api-key", "api-key"]

    mutating func reachability() {
        let known = configuration.routes.map(\.name)
        for (index, listener) in configuration.listeners.enumerated() {
            for (number, name) in listener.routes.enumerated() where !known.contains(name) {
                note("listeners[\(index)].routes[\(number)]", Spelling.unknown("route", name, among: known))
            }
        }
        for (number, name) in configuration.migrate.enumerated() where !known.contains(name) {
            note("migrate[\(number)]", Spelling.unknown("route", name, among: known))
        }
        for (index, route) in configuration.routes.enumerated()
        where !configuration.listeners.contains(where: { $0.routes.contains(route.name) }) {
            note("routes[\(index)].name", "no listener has route \"\(route.name)\"")
        }
    }

    /// Two routes of a listener that both take some request, neither more specific than the other.
    mutating func conflicts() {
        var told: Set<[Int]> = []
        for listener in configuration.listeners {
            let rules = configuration.rules(of: listener)
            for (index, left) in rules.enumerated() {
                for right in rules[(index + 1)...]
                where left.route != right.route && left.conflicts(with: right) {
                    let (first, second) = left.route < right.route ? (left, right) : (right, left)
                    guard
                        told.insert([first.route, first.pathIndex, second.route, second.pathIndex]).inserted
                    else { continue }
                    let name = configuration.routes[first.route].name
                    let place = place("routes[\(first.route)].match.paths[\(first.pathIndex)]")
                    note(
                        "routes[\(second.route)].match.paths[\(second.pathIndex)]",
                        "some requests also match route \"\(name)\" at \(place), and neither is more specific"
                    )
                }
            }
        }
    }
}
