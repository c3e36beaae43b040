// SPDX-License-Identifier: Apache-2.0

/// What may be done without a carrier, and what is held against one (THREATS 4, 7).
extension Check {
    /// Calls of an agent by itself: only where it is certain which agent, and that no tenant can be behind them.
    mutating func services() {
        for (index, listener) in configuration.listeners.enumerated() where listener.service {
            let path = "listeners[\(index)]"
            if !listener.carriers.contains(.handle) && !listener.carriers.contains(.trace) {
                note(
                    "\(path).service",
                    "is for an agent's own calls: \"carriers\" has neither handle nor trace"
                )
            }
            for carrier in [Configuration.Carrier.lease, .aws, .certificate]
            where listener.carriers.contains(carrier) {
                note(
                    "\(path).service",
                    "does not go with \(carrier.rawValue), which speaks for every call that comes in here"
                )
            }
            if listener.tenant != nil {
                note("\(path).service", "does not go with \"tenant\": the process behind it is that tenant's")
            }
            // Between two leases nothing may be carried over, and here it could lie.
            if let agent = configuration.agent(of: listener),
                let upstream = configuration.upstream(named: agent),
                upstream.lease != .none
            {
                note(
                    "\(path).service",
                    "does not go with an agent that is leased: what one tenant's process left, the next one's would read"
                )
            }
            for (number, name) in listener.routes.enumerated() {
                guard let route = configuration.route(named: name), route.resource.isAgent else { continue }
                note(
                    "\(path).routes[\(number)]",
                    "\"\(name)\" leads to an agent, but what comes in here without a carrier is nobody's (\"service\")"
                )
            }
        }
    }

    /// Whether session ids are looked for belongs to a route, so all of its listeners have to say the same.
    mutating func payloads() {
        let checked = configuration.listeners.filter { $0.carriers.contains(.payload) }
        for (index, listener) in configuration.listeners.enumerated() {
            let path = "listeners[\(index)].carriers"
            if let place = listener.carriers.firstIndex(of: .payload) {
                if listener.carriers.count == 1 {
                    note(
                        "\(path)[\(place)]",
                        "payload never says by itself whose a request is: write another carrier beside it"
                    )
                }
                continue
            }
            for name in listener.routes {
                guard let other = checked.first(where: { $0.routes.contains(name) }) else { continue }
                note(path, "\"\(name)\" has payload on listener \"\(other.name)\": write it here too")
            }
        }
    }
}
