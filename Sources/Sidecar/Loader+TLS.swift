// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import Runtime
import TLS

extension Loader {
    func serverContext(_ tls: Configuration.ServerTLS, _ listener: String) throws -> TLSContext {
        var options = TLSServerOptions(
            listener: listener,
            certificates: try tls.certificates.map(certificate)
        )
        options.applicationProtocols = ["h2", "http/1.1"]
        switch tls.clientCertificates {
        case .none: options.clientCertificates = .none
        case .optional: options.clientCertificates = .optional
        case .required: options.clientCertificates = .required
        }
        if let path = tls.clientCA { options.clientTrust = try trust(path) }
        options.minimumVersion = tls.minimumVersion == .v13 ? .v13 : .v12
        // Tickets work across workers and, in a fleet, across sidecars that share the key.
        options.ticketSecrets = ticketSecrets
        return try TLSContext(server: options)
    }

    var ticketSecrets: [Secret] {
        [keys.current, keys.previous].compactMap { secret in
            secret.map { HKDF.derive(from: $0, label: "bulkhead session ticket v1") }
        }
    }

    /// Of what `clientContext` has read of them.
    func authoritiesDigest(_ authorities: Configuration.Authorities) -> Digest? {
        switch authorities {
        case .file(let path): files.digest(of: path)
        case .system: TLSTrust.systemPaths.lazy.compactMap { files.digest(of: $0) }.first
        }
    }

    func clientContext(
        _ tls: Configuration.ClientTLS,
        _ protocols: [String] = ["http/1.1"]
    ) throws -> TLSContext {
        var options = TLSClientOptions(trust: try authorities(tls.ca))
        options.certificate = try tls.certificate.map(certificate)
        options.minimumVersion = tls.minimumVersion == .v13 ? .v13 : .v12
        options.applicationProtocols = protocols
        return try TLSContext(client: options)
    }

    private func certificate(_ files: Configuration.Certificate) throws -> TLSCertificate {
        let key = try self.files.withSecret(files.privateKey, limit: 64 << 10) { Secret(copying: $0) }
        let chain = try self.files.read(files.certificate, limit: 1 << 20)
        return try TLSCertificate(
            chain: chain.span,
            named: files.certificate,
            key: key.bytes,
            keyNamed: files.privateKey
        )
    }

    private func authorities(_ authorities: Configuration.Authorities) throws -> TLSTrust {
        switch authorities {
        case .file(let path): return try trust(path)
        case .system:
            for path in TLSTrust.systemPaths {
                if let bytes = try? files.read(path) {
                    return try TLSTrust(authorities: bytes.span, named: path)
                }
            }
            throw LoadProblems(["the system has no authorities; install ca-certificates, or name a file"])
        }
    }

    func trust(_ path: String) throws -> TLSTrust {
        let pem = try files.read(path, limit: 4 << 20)
        return try TLSTrust(authorities: pem.span, named: path)
    }
}
