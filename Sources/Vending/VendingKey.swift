// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto

/// The key of a grant: a digest of everything that the grant depends on (THREATS 8).
package struct GrantKey: Hashable, Sendable {
    package let digest: Digest
}

/// The key of a credential: a digest of everything that is asked of the token service, so that one credential
/// serves all the grants that need the same (THREATS 8).
package struct CredentialKey: Hashable, Sendable {
    package let digest: Digest
}

/// Makes keys; one per worker, used again and again. Each part goes in with its length, so no two lists of parts
/// give one key.
/// Call order: `begin…`, then `add` for each further part in an order that never changes, then `finish…`.
/// Cost: one SHA-256 over all parts, no allocation.
package struct KeyHasher: ~Copyable, Sendable {
    private var hasher = SHA256Hasher()

    package init() {}

    /// What every grant depends on. To follow, by `add`: the value of each context attribute that the policies for
    /// this action read, in the order in which the policy set lists them.
    /// - Parameters:
    ///   - generation: of the configuration snapshot.
    ///   - route: its place in the snapshot.
    ///   - principal: the digest of the whole principal, issuer and token included.
    ///   - action: such as `memory:Write`.
    ///   - resource: such as `Store::"vectors"`.
    package mutating func beginGrant(
        generation: UInt64,
        route: Int,
        principal: Digest,
        action: Span<UInt8>,
        resource: Span<UInt8>
    ) {
        hasher.update(prefixed: ("grant 1" as StaticString).bytes)
        hasher.update(generation)
        hasher.update(UInt64(truncatingIfNeeded: route))
        hasher.update(principal.bytes)
        hasher.update(prefixed: action)
        hasher.update(prefixed: resource)
    }

    /// What every credential depends on. To follow, by `add`: role, tags, policy text, duration, whatever the vendor
    /// sends.
    /// - Parameter credential: its name in the configuration.
    package mutating func beginCredential(generation: UInt64, credential: Span<UInt8>, tenant: Span<UInt8>) {
        hasher.update(prefixed: ("credential 1" as StaticString).bytes)
        hasher.update(generation)
        hasher.update(prefixed: credential)
        hasher.update(prefixed: tenant)
    }

    package mutating func add(_ part: Span<UInt8>) { hasher.update(prefixed: part) }

    package mutating func add(_ number: Int) {
        hasher.update(8)
        hasher.update(UInt64(bitPattern: Int64(number)))
    }

    /// A part that is not there: another thing than an empty one.
    package mutating func addAbsent() { hasher.update(UInt64.max) }

    package mutating func finishGrant() -> GrantKey { GrantKey(digest: hasher.finish()) }
    package mutating func finishCredential() -> CredentialKey { CredentialKey(digest: hasher.finish()) }
}
