// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The kinds of carrier that a listener takes.
package struct CarrierKinds: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A token of an issuer, in `Authorization`.
    package static let bearer = CarrierKinds(rawValue: 1)
    /// A handle that was sealed at ingress, in any slot.
    package static let handle = CarrierKinds(rawValue: 2)
    /// The trace id that was minted at ingress, in `traceparent`.
    package static let trace = CarrierKinds(rawValue: 4)
    /// The certificate that the caller showed in the handshake.
    package static let certificate = CarrierKinds(rawValue: 8)
    /// That the agent's endpoint, whose listener this is, is leased.
    package static let lease = CarrierKinds(rawValue: 16)
    /// A handle that is the access key id of an AWS signature.
    package static let aws = CarrierKinds(rawValue: 128)
}

/// A place in a request that may hold a carrier.
package enum CarrierSlot: Hashable, Sendable, CaseIterable {
    case authorization, xAPIKey, apiKey
    /// The value of the baggage member named `Carriers.baggageKey`.
    case baggage
}

/// The carriers of one request: every one that is there is verified, and all must agree (THREATS 1).
///
/// Make one for a request, `add` the value of each slot that it has (twice for a field that is there twice), and
/// ask for the `outcome`. Whatever `add` answers, the gateway removes the slot before anything is sent on
/// (THREATS 6). An `add` may be repeated on a fresh value once an issuer's keys are there.
package struct Carriers: Sendable {
    package static let baggageKey: StaticString = "bulkhead"

    /// What a request's carriers come to.
    package enum Outcome: Sendable {
        /// `handle` is what a handle, a trace or a lease said when one was among them.
        case principal(Principal, handle: OpenedHandle?)
        case refused(IdentityFailure)
        case unknownKey(issuer: Int, keyID: String?)
    }

    private let kinds: CarrierKinds
    private let agent: String
    private let isLastTry: Bool
    private var bearer: Principal?
    private var handle: OpenedHandle?
    private var sawStrangeTrace = false
    private var lease: OpenedHandle?
    private var certificate: Principal?
    private var failure: IdentityFailure?
    private var unknownKey: (issuer: Int, keyID: String?)?

    /// - Parameters:
    ///   - agent: whose listener this is, for handles and traces; empty where none are taken.
    ///   - isLastTry: see `Authenticator.verify`.
    package init(_ kinds: CarrierKinds, agent: String = "", isLastTry: Bool = false) {
        self.kinds = kinds
        self.agent = agent
        self.isLastTry = isLastTry
    }

    /// Looks at what stands in a slot.
    /// - Returns: whether it is a carrier. What is none (a dummy API key, a basic password) counts as absent.
    package mutating func add(
        _ value: Span<UInt8>,
        in slot: CarrierSlot,
        with authenticator: inout Authenticator,
        snapshot: IdentitySnapshot,
        now: WallTime
    ) -> Bool {
        let value = value.trimmingOWS()
        switch slot {
        case .xAPIKey, .apiKey, .baggage:
            return addHandle(value, with: &authenticator, snapshot, now)
        case .authorization:
            guard let token = Self.bearerToken(value) else {
                return addHandle(value, with: &authenticator, snapshot, now)
            }
            if HandleCodec.isHandle(token), kinds.contains(.handle) {
                return addHandle(token, with: &authenticator, snapshot, now)
            }
            return addToken(token, with: &authenticator, snapshot, now)
        }
    }

    /// Looks at the access key id of an AWS signature, which is still to be verified.
    /// - Returns: whether it is a carrier.
    package mutating func add(
        accessKeyID: Span<UInt8>,
        with authenticator: inout Authenticator,
        snapshot: IdentitySnapshot,
        now: WallTime
    ) -> Bool {
        guard kinds.contains(.aws), HandleCodec.isHandle(accessKeyID) else { return false }
        open(accessKeyID, with: &authenticator, snapshot, now)
        return true
    }

    /// Looks at the certificate of the caller's connection, where it showed one.
    package mutating func add(
        _ certificate: ClientCertificate,
        with authenticator: inout Authenticator,
        snapshot: IdentitySnapshot,
        now: WallTime
    ) {
        guard kinds.contains(.certificate) else { return }
        switch authenticator.verify(certificate, in: snapshot, now: now) {
        case .success(let principal):
            agree(principal)
            self.certificate = principal
        case .failure(let failure): refuse(failure)
        }
    }

    /// A token was among them, and was verified.
    package var hasToken: Bool { bearer != nil }

    /// The sum of all that was added. The first refusal counts, whatever the others say.
    package var outcome: Outcome {
        if let failure { return .refused(failure) }
        if let unknownKey { return .unknownKey(issuer: unknownKey.issuer, keyID: unknownKey.keyID) }
        // A token is the newer word about the same person, so its groups and tier count.
        if let principal = bearer ?? handle?.principal ?? certificate ?? lease?.principal {
            return .principal(principal, handle: handle ?? lease)
        }
        return .refused(sawStrangeTrace ? .traceUnknown : .tokenMissing)
    }

    /// Looks at the trace of a `traceparent`.
    /// - Returns: whether it is a carrier. A trace of no open exchange counts as absent: agents begin some themselves.
    package mutating func add(
        trace: (high: UInt64, low: UInt64),
        with authenticator: inout Authenticator,
        snapshot: IdentitySnapshot,
        now: WallTime
    ) -> Bool {
        guard kinds.contains(.trace) else { return false }
        switch authenticator.find(trace: trace, agent: agent, in: snapshot, now: now) {
        case .opened(let opened)?: accept(opened)
        case .refused(let failure)?: refuse(failure)
        case nil:
            sawStrangeTrace = true
            return false
        }
        return true
    }

    /// Looks at who has the endpoint whose calls come in here; once, whatever else is there.
    package mutating func add(
        lease endpoint: String,
        with authenticator: inout Authenticator,
        snapshot: IdentitySnapshot,
        now: WallTime
    ) {
        guard kinds.contains(.lease) else { return }
        switch authenticator.find(lease: endpoint, in: snapshot, now: now) {
        case .opened(let holder):
            agree(holder.principal)
            // A tenant's lease says nothing of sessions; one of a session is that session's alone.
            if let session = holder.session, let other = handle, other.session != session {
                refuse(.carriersDisagree)
            }
            lease = holder
        case .refused(let failure): refuse(failure)
        }
    }

    private mutating func addToken(
        _ token: Span<UInt8>,
        with authenticator: inout Authenticator,
        _ snapshot: IdentitySnapshot,
        _ now: WallTime
    ) -> Bool {
        guard kinds.contains(.bearer) else { return false }
        switch authenticator.verify(token, in: snapshot, now: now, isLastTry: isLastTry) {
        case .principal(let principal):
            agree(principal)
            bearer = bearer ?? principal
        case .refused(let failure): refuse(failure)
        case .unknownKey(let issuer, let keyID): unknownKey = unknownKey ?? (issuer, keyID)
        }
        return true
    }

    private mutating func addHandle(
        _ value: Span<UInt8>,
        with authenticator: inout Authenticator,
        _ snapshot: IdentitySnapshot,
        _ now: WallTime
    ) -> Bool {
        guard kinds.contains(.handle), HandleCodec.isHandle(value) else { return false }
        open(value, with: &authenticator, snapshot, now)
        return true
    }

    private mutating func open(
        _ value: Span<UInt8>,
        with authenticator: inout Authenticator,
        _ snapshot: IdentitySnapshot,
        _ now: WallTime
    ) {
        switch authenticator.open(value, agent: agent, in: snapshot, now: now) {
        case .opened(let opened): accept(opened)
        case .refused(let failure): refuse(failure)
        }
    }

    private mutating func accept(_ opened: OpenedHandle) {
        agree(opened.principal)
        // Two of one person may be of two exchanges; then neither session is certain.
        if let other = handle, other.session != opened.session { refuse(.carriersDisagree) }
        handle = handle ?? opened
    }

    private mutating func agree(_ principal: Principal) {
        if let other = bearer, !other.isSamePerson(as: principal) { refuse(.carriersDisagree) }
        if let other = certificate, !other.isSamePerson(as: principal) { refuse(.carriersDisagree) }
        if let other = handle?.principal, !other.isSamePerson(as: principal) { refuse(.carriersDisagree) }
        if let other = lease?.principal, !other.isSamePerson(as: principal) { refuse(.carriersDisagree) }
    }

    private mutating func refuse(_ failure: IdentityFailure) { self.failure = self.failure ?? failure }

    /// What follows the scheme `Bearer` (RFC 6750 §2.1, RFC 9110 §11.1: case does not matter); nil for other schemes.
    @_lifetime(copy value)
    package static func bearerToken(_ value: Span<UInt8>) -> Span<UInt8>? {
        guard value.count > 7, value.extracting(0..<6).equalsIgnoringCase("bearer"), value[6] == ASCII.space
        else {
            return nil
        }
        return value.extracting(7..<value.count).trimmingOWS()
    }
}
