// SPDX-License-Identifier: Apache-2.0
import Configuration
import Identity
import TLS

/// Issuers of certificates.
extension Loader {
    func certificateIssuer(
        _ issuer: Configuration.Issuer,
        _ source: Configuration.CertificateSource
    ) throws -> Issuer {
        let trust = try trust(source.ca)
        guard let names = CertificateNames(source.names) else {
            throw LoadProblems(["issuer \"\(issuer.name)\": its certificates name no tenant"])
        }
        let others = configuration.identity.issuers.filter { source.sameUsersAs.contains($0.name) }
        return try Issuer(
            name: issuer.name,
            url: issuer.issuer,
            certificates: CertificateSource(
                authorities: Set(trust.authorityFingerprints),
                names: names,
                groups: source.groups,
                sameUsers: others.map(\.issuer)
            )
        )
    }
}

extension CertificateNames {
    fileprivate init?(_ names: Configuration.CertificateNames) {
        let form: Form =
            switch names.form {
            case .spiffe(let trustDomain): .spiffe(trustDomain: trustDomain)
            case .dns: .dns
            case .subject: .subject
            }
        let pieces = names.pieces.map { piece in
            Piece(
                attribute: piece.attribute,
                prefix: piece.prefix,
                hole: piece.hole.map { hole in
                    switch hole {
                    case .tenant: .tenant
                    case .user: .user
                    case .tier: .tier
                    }
                },
                suffix: piece.suffix
            )
        }
        self.init(form, pieces)
    }
}
