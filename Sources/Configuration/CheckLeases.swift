// SPDX-License-Identifier: Apache-2.0

/// Leases (THREATS 2, 25): what speaks for a process is only good where the process belongs to one tenant.
extension Check {
    mutating func leases() {
        for upstream in configuration.upstreams { lease(of: upstream) }
        for (index, listener) in configuration.listeners.enumerated() {
            leasedEndpoint(of: listener, "listeners[\(index)]")
        }
    }

    private mutating func lease(of upstream: Configuration.Upstream) {
        let path = "upstreams.\(upstream.name)"
        guard upstream.lease != .none else {
            if upstream.leasing != Configuration.Leasing() {
                note("\(path).leasing", "says how endpoints are leased, but \"lease\" is none")
            }
            return
        }
        if !configuration.agents.contains(upstream.name) {
            note("\(path).lease", "only agents are leased: no route to an Agent goes to \"\(upstream.name)\"")
        }
        if let recycle = upstream.leasing.recycle {
            let (found, wanted) = (recycle.endpoints.count, upstream.endpoints.count)
            if found != 0, found != wanted {
                note(
                    "\(path).leasing.recycle.endpoints",
                    "expected one for each endpoint, \(wanted), not \(found)"
                )
            }
        } else {
            let message =
                "needs \"leasing.recycle\": what one tenant left in a process is the next one's otherwise"
            note("\(path).lease", message)
        }
        for (index, endpoint) in upstream.endpoints.enumerated() {
            for other in configuration.upstreams {
                for (number, same) in other.endpoints.enumerated()
                where same == endpoint && (other.name, number) != (upstream.name, index) {
                    let message = "\(endpoint) is leased as endpoint \(index) of \"\(upstream.name)\""
                    if other.name != upstream.name || number > index {
                        note("upstreams.\(other.name).endpoints[\(number)]", message)
                    }
                }
            }
        }
    }

    private mutating func leasedEndpoint(of listener: Configuration.Listener, _ path: String) {
        guard let number = listener.leasedEndpoint, let name = listener.endpoint else {
            if listener.carriers.contains(.lease) {
                let message =
                    "lease speaks for a whole process: write \"endpoint: NAME/0\", an endpoint of an agent that is leased"
                note("\(path).carriers", message)
            }
            return
        }
        guard let upstream = configuration.upstream(named: name) else { return }
        if upstream.lease == .none {
            note(
                "\(path).endpoint",
                "\"\(name)\" is not leased: write upstreams.\(name).lease: tenant or session"
            )
        } else if number >= upstream.endpoints.count {
            note("\(path).endpoint", "\"\(name)\" has \(upstream.endpoints.count) endpoints, from 0 on")
        }
    }
}
