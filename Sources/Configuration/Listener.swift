// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// A port that Bulkhead answers on.
    package struct Listener: Sendable {
        package var name: String
        package var address: Address
        /// Nil: plain text, which only loopback may have without `plaintext: true`.
        package var tls: ServerTLS?
        /// Written out to have plain text on an address that others can reach. Default: false.
        package var plaintext = false
        /// At least one; every one that a request brings is verified, and all must agree (THREATS 1).
        package var carriers: [Carrier]
        /// Names of routes, at least one.
        package var routes: [String]
        /// Name of the agent upstream whose handles and traces are good here. Default: the only agent upstream there is;
        /// `Configuration.agent(of:)` answers that.
        package var endpoint: String?
        /// The endpoint of it whose calls alone come in here: `endpoint: agent/0`, where the agent is leased.
        package var leasedEndpoint: Int?
        /// Open connections, over all workers. Nil: `limits.connections` alone counts.
        package var connections: Int?
        /// The one tenant whom the process behind this listener serves. Default: none, that is all.
        package var tenant: String?
        /// Whether calls that bring no carrier, while no exchange with the agent is open, are the agent's own (THREATS 7).
        /// Default: false.
        package var service = false
    }

    /// Where a request says whose it is (DESIGN §5).
    package enum Carrier: String, CaseIterable, Sendable {
        case bearer, handle, trace, certificate, lease
        /// An AWS signature whose access key id is a handle.
        case aws
        /// Says nothing by itself: session ids that come back in keys are held against the others (THREATS 4).
        case payload
    }

    package struct ServerTLS: Sendable, Equatable {
        /// The first is sent to clients that name no server; at least one.
        package var certificates: [Certificate]
        /// Path of a PEM file with the authorities of client certificates.
        package var clientCA: String?
        /// Default: `required` where there is a `client_ca`, else `none`.
        package var clientCertificates = ClientCertificates.none
        /// Default: 1.2.
        package var minimumVersion = TLSVersion.v12
    }

    /// Paths of PEM files: a chain, leaf first, and its key.
    package struct Certificate: Sendable, Equatable {
        package var certificate: String
        package var privateKey: String

        package init(certificate: String, privateKey: String) {
            self.certificate = certificate
            self.privateKey = privateKey
        }
    }

    package enum ClientCertificates: String, CaseIterable, Sendable {
        case none, optional, required
    }

    package enum TLSVersion: String, CaseIterable, Sendable {
        case v12 = "1.2"
        case v13 = "1.3"
    }
}

extension Configuration.Listener {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let name = section.name()
        let address = section.required("address")?.address()
        let isKnown = section.value("protocol").map { value in
            value.choice([("http", true)], refused: ["redis": "is not in this version"]) ?? false
        }
        // The other keys of a protocol that is not there would only repeat the message.
        guard isKnown ?? true else {
            section.skipRest()
            return nil
        }
        let tls = section.value("tls")?.section(Configuration.ServerTLS.decode)
        var plaintext = false
        section.read("plaintext", into: &plaintext) { $0.boolean() }
        let carriers = section.required("carriers")?.carriers() ?? []
        let routes = section.required("routes")?.names() ?? []
        let endpoint = section.value("endpoint")?.agentEndpoint()
        var connections: Int?
        section.read("connections", into: &connections) { $0.integer(in: 1...10_000_000) }
        let tenant = section.value("tenant")?.string(count: 1...256)
        var service = false
        section.read("service", into: &service) { $0.boolean() }
        section.unsupported("upstream", "a listener with an upstream of its own (protocol redis)")
        guard let address else { return nil }
        return Self(
            name: name,
            address: address,
            tls: tls,
            plaintext: plaintext,
            carriers: carriers,
            routes: routes,
            endpoint: endpoint?.agent,
            leasedEndpoint: endpoint?.number,
            connections: connections,
            tenant: tenant,
            service: service
        )
    }
}

extension Configuration.ServerTLS {
    static func decode(_ section: inout YAML.Section) -> Self {
        var certificates = section.value("certificates")?.items(count: 1...256) { item in
            Configuration.Certificate.decode(
                item.required("certificate")?.filePath(),
                item.required("private_key")?.filePath()
            )
        }
        let certificate = section.value("certificate")
        let privateKey = section.value("private_key")
        if certificates == nil {
            if certificate == nil || privateKey == nil {
                section.value.note("expected \"certificate\" and \"private_key\", or a list \"certificates\"")
            }
            let single = Configuration.Certificate.decode(certificate?.filePath(), privateKey?.filePath())
            certificates = single.map { [$0] }
        } else if certificate != nil || privateKey != nil {
            section.value.note("\"certificate\" and \"private_key\" do not go with \"certificates\"")
        }
        var tls = Self(certificates: certificates ?? [])
        section.read("client_ca", into: &tls.clientCA) { $0.filePath() }
        if tls.clientCA != nil { tls.clientCertificates = .required }
        if let value = section.value("client_certificates"),
            let mode = value.choice(Configuration.ClientCertificates.self)
        {
            tls.clientCertificates = mode
            if mode != .none && tls.clientCA == nil { value.note("needs \"client_ca\"") }
        }
        section.read("minimum_version", into: &tls.minimumVersion) {
            $0.choice(Configuration.TLSVersion.self)
        }
        return tls
    }
}

extension Configuration.Certificate {
    static func decode(_ certificate: String?, _ privateKey: String?) -> Self? {
        guard let certificate, let privateKey else { return nil }
        return Self(certificate: certificate, privateKey: privateKey)
    }
}

extension YAML.Value {
    /// `agent`, or `agent/0`.
    fileprivate func agentEndpoint() -> (agent: String, number: Int?)? {
        guard let text = string(), let slash = text.lastIndex(of: "/") else {
            return name().map { ($0, nil) }
        }
        let number = text[text.index(after: slash)...]
        guard YAML.isName(String(text[..<slash])), (1...3).contains(number.utf8.count),
            number.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(number)
        else {
            note("expected the name of an agent's upstream, or one of its endpoints, such as agent/0")
            return nil
        }
        return (String(text[..<slash]), value)
    }

    fileprivate func carriers() -> [Configuration.Carrier]? {
        list(count: 1...8)?.reduce(into: []) { carriers, item in
            guard let carrier = item.choice(Configuration.Carrier.self) else { return }
            if carriers.contains(carrier) { item.note("stands twice in the list") }
            carriers.append(carrier)
        }
    }
}
