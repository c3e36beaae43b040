// SPDX-License-Identifier: Apache-2.0

extension Check {
    /// Credentials that name one another.
    mutating func credentialsAlone() {
        for (index, credential) in configuration.credentials.enumerated() {
            guard case .oauth(let oauth) = credential.kind,
                case .tokenExchange(.context(let name, _), _, _) = oauth.grant
            else { continue }
            let path = "credentials[\(index)].context"
            guard let signer = configuration.credential(named: name) else {
                let known = configuration.credentials.map(\.name)
                note(path, Spelling.unknown("credential", name, among: known))
                continue
            }
            if case .signedContext = signer.kind { continue }
            note(path, "\"\(name)\" signs nothing: name a credential of kind signed-context")
        }
    }

    mutating func credentials(of route: Configuration.Route, _ path: String) {
        let credential = route.credentials.flatMap { configuration.credential(named: $0) }
        if let name = route.credentials, credential == nil {
            let known = configuration.credentials.map(\.name)
            return note("\(path).credentials", Spelling.unknown("credential", name, among: known))
        }
        if case .sts? = credential?.kind, route.aws == nil {
            note(
                "\(path).credentials",
                "keys of AWS sign for a service: write \"aws\" with what the route reaches"
            )
        }
        if let injection = credential?.injection { injected(injection, route, path) }
        if case .oauth(let oauth)? = credential?.kind, case .tokenExchange(.token, _, _) = oauth.grant {
            callersToken(route, path)
        }
        if case .signedContext? = credential?.kind { return }
        for template in route.headers where template.uses(.context) {
            note("\(path).headers.\(template.name)", "{context} needs \"credentials\" of kind signed-context")
        }
    }

    /// A credential has its place for itself.
    private mutating func injected(
        _ injection: Configuration.Injection,
        _ route: Configuration.Route,
        _ path: String
    ) {
        if injection.parameter != nil, adapters[route.adapter]?.isAWS ?? false {
            note("\(path).credentials", "a service of AWS takes no credential in the query")
        }
        guard let field = injection.field else { return }
        let folded = field.replacing("_", with: "-")
        if route.resource.isAgent, Self.carrierFields.contains(folded) {
            note("\(path).credentials", "\"\(field)\" is where the agent gets its handle: inject elsewhere")
        }
        for template in route.headers where template.name.replacing("_", with: "-") == folded {
            note("\(path).headers.\(template.name)", "is where the credential stands; leave one of them out")
        }
        if route.sessionHeaders.contains(where: { $0.replacing("_", with: "-") == folded }) {
            note("\(path).session_headers", "\"\(field)\" is where the credential stands")
        }
    }

    /// Only the caller itself brings one.
    private mutating func callersToken(_ route: Configuration.Route, _ path: String) {
        for listener in configuration.listeners
        where listener.routes.contains(route.name) && !listener.carriers.contains(.bearer) {
            note(
                "\(path).credentials",
                "exchanges the caller's token, and nobody brings one at listener \"\(listener.name)\", whose "
                    + "carriers are without bearer; exchange a context token (subject: context)"
            )
        }
    }
}
