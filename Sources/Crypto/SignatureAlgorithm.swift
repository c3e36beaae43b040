// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A curve of a JWK with key type EC (RFC 7518 §6.2.1.1).
package enum EllipticCurve: Hashable, Sendable, CaseIterable {
    case p256, p384, p521

    /// The JWK `crv` value.
    package var name: StaticString {
        switch self {
        case .p256: "P-256"
        case .p384: "P-384"
        case .p521: "P-521"
        }
    }

    package init?(name: borrowing Span<UInt8>) {
        if name.equals("P-256") {
            self = .p256
        } else if name.equals("P-384") {
            self = .p384
        } else if name.equals("P-521") {
            self = .p521
        } else {
            return nil
        }
    }

    /// Bytes of one coordinate, and of one half of a signature.
    package var coordinateByteCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}

/// What a key is; it verifies the algorithms of its own kind and no other.
package enum KeyKind: Hashable, Sendable {
    case rsa
    case ec(EllipticCurve)
    case ed25519
}

/// The signature algorithms of JWS that Bulkhead knows (RFC 7518 §3.1, RFC 8037 §3.1).
/// `none` and the HS family do not exist here, so that no table or setting can bring them in.
package enum SignatureAlgorithm: Hashable, Sendable, CaseIterable {
    case rs256, rs384, rs512
    case ps256, ps384, ps512
    case es256, es384, es512
    case edDSA

    /// Nil for every name but the ten above, which are case-sensitive.
    package init?(name: borrowing Span<UInt8>) {
        for candidate in SignatureAlgorithm.allCases where name.equals(candidate.name) {
            self = candidate
            return
        }
        return nil
    }

    package var name: StaticString {
        switch self {
        case .rs256: "RS256"
        case .rs384: "RS384"
        case .rs512: "RS512"
        case .ps256: "PS256"
        case .ps384: "PS384"
        case .ps512: "PS512"
        case .es256: "ES256"
        case .es384: "ES384"
        case .es512: "ES512"
        case .edDSA: "EdDSA"
        }
    }

    /// The kind of key that it needs.
    package var keyKind: KeyKind {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .ec(.p256)
        case .es384: .ec(.p384)
        case .es512: .ec(.p521)
        case .edDSA: .ed25519
        }
    }

    var isPSS: Bool {
        switch self {
        case .ps256, .ps384, .ps512: true
        case .rs256, .rs384, .rs512, .es256, .es384, .es512, .edDSA: false
        }
    }

    /// OpenSSL's name of the hash; nil where the scheme brings its own.
    var digestName: StaticString? {
        switch self {
        case .rs256, .ps256, .es256: "SHA256"
        case .rs384, .ps384, .es384: "SHA384"
        case .rs512, .ps512, .es512: "SHA512"
        case .edDSA: nil
        }
    }
}
