// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

/// Finds out who somebody is: verification, its cache and handles, one per worker.
///
/// Call order at ingress: `verify` each token (or `Carriers`), then `seal` a handle into the token's place; on an
/// agent's listeners, `Carriers`. On a suspension, `purge`, besides the new snapshot.
/// Warm cost of a token: one SHA-256 and one lookup, no allocation.
package struct Authenticator: ~Copyable, Sendable {
    /// What was done so far; each only grows.
    package struct Counters: Hashable, Sendable {
        package var tokenHits: UInt64 = 0
        package var tokenMisses: UInt64 = 0
        package var handlesSealed: UInt64 = 0
        package var handlesOpened: UInt64 = 0

        package init() {}
    }

    package private(set) var counters = Counters()
    private var verifier: TokenVerifier
    private var tokens: TokenCache
    private var certificates: TokenCache
    private var hasher = SHA256Hasher()
    private var handles: HandleCodec
    private let exchanges: OpenExchanges

    /// - Parameters:
    ///   - exchanges: those of the process; handles end with theirs, and traces are found there. Default: one that knows
    ///     of none, so that no trace is found and handles have their own expiry alone.
    ///   - capacity: tokens that are remembered, some 700 bytes each.
    package init(
        handles: consuming HandleCodec,
        exchanges: OpenExchanges = OpenExchanges(instance: 0),
        limits: TokenLimits = TokenLimits(),
        capacity: Int = 8192
    ) {
        verifier = TokenVerifier(limits: limits)
        tokens = TokenCache(capacity: capacity)
        certificates = TokenCache(capacity: Self.certificateCapacity)
        self.handles = handles
        self.exchanges = exchanges
    }

    /// Another configuration is in force.
    /// - Parameter handles: nil where the keys are the same, and what is remembered of handles is kept.
    package mutating func adopt(handles: consuming HandleCodec?, limits: TokenLimits) {
        verifier = TokenVerifier(limits: limits)
        if let handles { self.handles = handles }
    }

    /// Tokens that are remembered.
    package var cachedTokens: Int { tokens.count }
    /// Machines are fewer than people.
    private static let certificateCapacity = 1024

    /// Verifies a token in compact form, without the word `Bearer` before it.
    /// - Parameter isLastTry: the issuer's keys were just fetched, or may not be: an unknown key is a refusal.
    package mutating func verify(
        _ token: Span<UInt8>,
        in snapshot: IdentitySnapshot,
        now: WallTime,
        isLastTry: Bool = false
    ) -> TokenOutcome {
        if token.isEmpty { return .refused(.tokenMissing) }
        hasher.update(token)
        let digest = hasher.finish()
        if let principal = tokens.find(digest, in: snapshot, now: now) {
            counters.tokenHits += 1
            return .principal(principal)
        }
        counters.tokenMisses += 1
        switch verifier.verify(token, digest: digest, in: snapshot, now: now) {
        case .verified(let verified):
            tokens.insert(digest, verified, in: snapshot)
            return .principal(verified.principal)
        case .refused(let failure): return .refused(failure)
        case .unknownKey(let issuer, let keyID):
            return isLastTry ? .refused(.keyUnknown) : .unknownKey(issuer: issuer, keyID: keyID)
        }
    }

    /// Whom the certificate of a caller's connection speaks for. It is asked for each request, since the connection
    /// outlives many a change.
    package mutating func verify(
        _ certificate: ClientCertificate,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> Result<Principal, IdentityFailure> {
        if let principal = certificates.find(certificate.digest, in: snapshot, now: now) {
            return .success(principal)
        }
        do throws(IdentityFailure) {
            let verified = try snapshot.verify(certificate, now: now)
            certificates.insert(certificate.digest, verified, in: snapshot)
            return .success(verified.principal)
        } catch {
            return .failure(error)
        }
    }

    /// See `HandleCodec.seal`.
    package mutating func seal(
        _ principal: Principal,
        agent: String,
        session: VirtualSessionID?,
        nonce: Nonce,
        expires: WallTime,
        into output: inout Buffer
    ) {
        counters.handlesSealed += 1
        handles.seal(
            principal,
            agent: agent,
            session: session,
            nonce: nonce,
            expires: expires,
            into: &output
        )
    }

    /// See `HandleCodec.open`; a handle of this process ends `linger` after its exchange besides (THREATS 7).
    package mutating func open(
        _ handle: Span<UInt8>,
        agent: String,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> HandleOutcome {
        let outcome = handles.open(handle, agent: agent, in: snapshot, now: now)
        guard case .opened(let opened) = outcome else { return outcome }
        guard exchanges.admits(opened.nonce, now: now) else { return .refused(.handleExpired) }
        counters.handlesOpened += 1
        return outcome
    }

    /// Who is behind the exchange that a trace was minted for, if it speaks on a listener of `agent` (THREATS 3).
    /// - Returns: nil for an id of no exchange that is open: one that the agent made up, or one that is over.
    package mutating func find(
        trace: (high: UInt64, low: UInt64),
        agent: String,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> HandleOutcome? {
        guard let exchange = exchanges.find(trace, now: now) else { return nil }
        guard exchange.owner.agent == agent else { return .refused(.traceForeign) }
        switch handles.admit(exchange.owner.principal, in: snapshot) {
        case .failure(let failure): return .refused(failure)
        case .success(let principal):
            return .opened(
                OpenedHandle(
                    principal: principal,
                    session: exchange.owner.session,
                    nonce: exchanges.nonce(of: trace),
                    expires: exchange.until
                )
            )
        }
    }

    /// Whose the calls of a leased endpoint are: of who has it now (THREATS 2).
    package mutating func find(
        lease endpoint: String,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> HandleOutcome {
        guard let holder = exchanges.endpoints.find(endpoint, now: now) else { return .refused(.leaseIdle) }
        switch handles.admit(holder.principal, in: snapshot) {
        case .failure(let failure): return .refused(failure)
        case .success(let principal):
            return .opened(
                OpenedHandle(
                    principal: principal,
                    session: holder.session,
                    nonce: Nonce(repeating: 0),
                    expires: holder.until ?? principal.expiry
                )
            )
        }
    }

    /// Forgets all that is remembered of a tenant.
    package mutating func purge(_ tenant: TenantID) {
        tokens.purge(tenant)
        certificates.purge(tenant)
        handles.purge(tenant)
    }
}
