// SPDX-License-Identifier: Apache-2.0

/// Callers' certificates, where issuers and listeners meet.
extension Check {
    mutating func certificates() {
        let issuers = configuration.identity.issuers
        let isTaken = configuration.listeners.contains { $0.carriers.contains(.certificate) }
        for (index, issuer) in issuers.enumerated() {
            guard let source = issuer.certificates else { continue }
            let path = "identity.issuers[\(index)]"
            if !isTaken { note("\(path).profile", "no listener has the carrier certificate") }
            for (place, name) in source.sameUsersAs.enumerated() {
                let known = issuers.filter { $0.certificates == nil }.map(\.name)
                guard !known.contains(name) else { continue }
                note(
                    "\(path).certificates.same_users_as[\(place)]",
                    Spelling.unknown("issuer of tokens", name, among: known)
                )
            }
        }
    }

    /// A certificate is the process's own, or its pool's: it says whose a request is only where machines call by
    /// themselves, never behind an agent that serves many (THREATS 2).
    mutating func certificateCarriers() {
        let hasIssuer = configuration.identity.issuers.contains { $0.certificates != nil }
        for (index, listener) in configuration.listeners.enumerated() {
            let path = "listeners[\(index)]"
            for (place, name) in listener.routes.enumerated() where !listener.carriers.contains(.bearer) {
                guard let route = configuration.route(named: name), route.resource.isAgent, route.forwardToken
                else { continue }
                note(
                    "\(path).routes[\(place)]",
                    "\"\(name)\" has forward_token, but no token is verified here"
                )
            }
            guard let carrier = listener.carriers.firstIndex(of: .certificate) else { continue }
            if listener.tls == nil
                || listener.tls?.clientCertificates == Configuration.ClientCertificates.none
            {
                note("\(path).carriers[\(carrier)]", "certificate needs \"tls\" with \"client_ca\"")
            }
            if !hasIssuer {
                note("\(path).carriers[\(carrier)]", "certificate needs an issuer of profile x509")
            }
            if listener.carriers.contains(.handle) {
                note(
                    "\(path).carriers[\(carrier)]",
                    "certificate is for callers, handle for agents; not both"
                )
            }
            for (place, name) in listener.routes.enumerated() {
                guard let route = configuration.route(named: name), adapters[route.adapter]?.kind == .store
                else {
                    continue
                }
                let message =
                    "\"\(name)\" is a store's: an agent's certificate would speak for all that it serves"
                note("\(path).routes[\(place)]", message)
            }
        }
    }
}
