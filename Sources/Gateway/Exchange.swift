// SPDX-License-Identifier: Apache-2.0
import AWS
package import Bytes
import Crypto
package import HTTPTypes
package import Identity
import Namespaces
import Vending

/// One request and its response, on their way. Used again and again, so that a warm request allocates nothing: every
/// buffer in it keeps its storage. Not a class, whose every property would be checked for exclusive access at run
/// time: who keeps it lends it for the length of a step.
package struct Exchange: ~Copyable {
    // What came.
    package var request = RequestHead()
    package internal(set) var listener = 0
    package internal(set) var startedAt = Instant(nanoseconds: 0)
    package internal(set) var startedOn = WallTime(nanoseconds: 0)
    package var isWebSocket = false
    /// The authority is none that the TLS handshake asked for (THREATS 19).
    package var isMisdirected = false
    /// The caller's address.
    package var source: IPAddress?
    /// What the caller showed in its handshake, where the listener asks for it.
    package var certificate: ClientCertificate?
    /// As the head announces it.
    package var bodyLength = BodyLength.none
    package internal(set) var hasBegun = false
    /// The head could not be read: of `request` only what was parsed so far may be there.
    var isUnreadable = false
    /// Fresh random bytes, `Gateway.randomBytes` of them, given before `begin`.
    package var random = Buffer()

    // What was decided. The snapshot stays the same from the first byte to the last (THREATS 10).
    package internal(set) var snapshot: Snapshot?
    /// Once begun.
    var plan: GatewayPlan {
        guard let snapshot else {
            preconditionFailure("an exchange is asked for its plan before it has begun")
        }
        return snapshot.plan
    }
    package internal(set) var route: Route?
    package internal(set) var operation: Int?
    package internal(set) var principal: Principal?
    var handle: OpenedHandle?
    /// The principal comes from a token in `Authorization`.
    var hasToken = false
    package internal(set) var grant: Grant?
    /// What the agent signed the request with, if its key is a handle.
    var signature: SignatureClaim?
    /// Of that key, once the signature was verified.
    var signatureSecret: Secret?
    var mapping: RequestMapping?
    /// What the exchange was parked for last, and how that ended: a step asks for one thing once.
    var unmet: Need?
    var needOutcome: NeedOutcome?
    /// The step that runs again once that is met.
    var resumption = Resumption.walk
    /// Keys were asked for already, so a key that is still unknown stays unknown.
    var asksForKeys: Bool { if case .keys? = unmet { true } else { false } }
    /// A credential was asked for, and is not to be had now.
    var couldNotRenew: Bool {
        if case .credential? = unmet, case .failed? = needOutcome { true } else { false }
    }
    package internal(set) var refusal: Refusal?
    /// What is known of it where it stopped a leak.
    var leak: AdapterLeak?
    var session: VirtualSessionID?
    /// As the client calls its session.
    var clientSession = Buffer()
    package internal(set) var traceID: (high: UInt64, low: UInt64) = (0, 0)
    /// Stands among the open exchanges, for the agent's own calls.
    var openness = Openness.none
    /// Rewritten whole: all that is left is to send it.
    var isReady = false
    /// Place of the leased endpoint that it may use: one of the upstreams. Whoever records the exchange gives it back.
    var lease: Int?

    /// What goes to the upstream.
    package internal(set) var outgoing = OutgoingRequest()
    /// The request's body, where the adapter must see it whole; rewritten before it is forwarded.
    package var requestBody = Buffer()
    package internal(set) var isBodyCollected = false
    /// Rewrites the request's body as it comes, where it is too large to be collected; what goes on of it is in
    /// `requestBody`.
    var requestTransform: BodyTransform?

    /// What the upstream answered.
    package var upstreamResponse = ResponseHead()
    /// The response's body, where the adapter must see it whole.
    package var responseBody = Buffer()
    /// Set when it must: how many bytes it may have.
    package internal(set) var responseLimit: Int?
    /// Maps the response's body as it comes; what goes on of it is in `responseBody`.
    var responseTransform: BodyTransform?
    /// A piece on its way into one of the two.
    package var piece = Buffer()
    package var rewritesPieces: Bool { requestTransform != nil }
    package var mapsPieces: Bool { responseTransform != nil }

    /// What the caller gets.
    package internal(set) var answer = OutgoingResponse()

    // For the record.
    /// A response's head was begun towards the caller.
    package var isAnswered = false
    package var bytesIn = 0
    package var bytesOut = 0
    package var upstreamStartedAt: Instant?
    package var upstreamAnsweredAt: Instant?
    /// Address and port of the connection that it was sent on.
    package var endpoint: String?

    package init() {}

    /// A request's head has come.
    /// - Parameters:
    ///   - source: the caller's address.
    ///   - certificate: what the caller showed in its handshake.
    ///   - bodyLength: as the head announces it.
    package mutating func arrived(
        from source: IPAddress?,
        _ certificate: ClientCertificate?,
        isWebSocket: Bool,
        bodyLength: BodyLength
    ) {
        self.source = source
        self.certificate = certificate
        self.isWebSocket = isWebSocket
        self.bodyLength = bodyLength
    }

    /// A caller that asked for one name in the handshake may not ask for another in the request: it could reach what the
    /// other name's trust guards (THREATS 19).
    package mutating func bind(to name: borrowing Span<UInt8>) {
        isMisdirected = !request.host.isEmpty && !request.host.equals(name)
    }

    /// The length of the request's body as it goes out, and whether pieces of it are there already.
    /// - Parameter announced: of the body as it came.
    package func outgoingLength(announced: BodyLength) -> (length: BodyLength, hasPieces: Bool) {
        if isBodyCollected { return (.fixed(requestBody.count), false) }
        return rewritesPieces ? (.unknown, true) : (announced, false)
    }

    /// Whether the response's body goes on as it is, as far as is known.
    package var passesResponse: Bool { responseLimit == nil && !mapsPieces }

    /// Takes note of a stretch of the response's body.
    /// - Returns: whether it goes on as it is.
    package mutating func passes(_ count: Int) -> Bool {
        guard passesResponse else { return false }
        bytesOut += count
        return true
    }

    /// Where it goes; once it is to be forwarded.
    package var upstream: Int? { lease ?? route?.upstream }

    /// Names the lease that it has; nil when it has none.
    package var leaseTicket: UInt64? { lease == nil ? nil : recordID.low }

    /// The upstream, and the number of the pool of connections to it that the exchange may use; once it is to be forwarded.
    package var destination: (upstream: Int, pool: Int)? {
        guard let upstream, let pool = grant?.means?.pool else { return nil }
        return (upstream, pool)
    }

    /// The trace that this exchange begins: the caller's own would let it name another's (THREATS 3).
    var traceParent: TraceParent? {
        TraceParent(traceHigh: traceID.high, traceLow: traceID.low, span: randomWord(2), isSampled: true)
    }

    /// Names the exchange in records: another id than the trace that the agent hands on, which is a secret.
    var recordID: (high: UInt64, low: UInt64) { (randomWord(3), randomWord(4)) }

    /// What the caller was answered; nil when nothing was.
    var answerStatus: Status? { isAnswered ? answer.status : nil }

    mutating func takeTraceID() { traceID = (randomWord(0), randomWord(1)) }

    private func randomWord(_ word: Int) -> UInt64 {
        let bytes = random.bytes.extracting(word * 8..<word * 8 + 8)
        var value: UInt64 = 0
        for index in bytes.indices { value = value << 8 | UInt64(bytes[index]) }
        // Zero is no id (W3C Trace Context §3.2.2.3).
        return max(value, 1)
    }

    /// Makes the exchange ready for the next request; storage is kept.
    package mutating func reset() {
        request.removeAll()
        isWebSocket = false
        isMisdirected = false
        source = nil
        certificate = nil
        bodyLength = .none
        hasBegun = false
        isUnreadable = false
        random.removeAll()
        snapshot = nil
        route = nil
        operation = nil
        principal = nil
        handle = nil
        signature = nil
        signatureSecret = nil
        hasToken = false
        grant = nil
        mapping = nil
        unmet = nil
        needOutcome = nil
        resumption = .walk
        refusal = nil
        leak = nil
        session = nil
        clientSession.removeAll()
        traceID = (0, 0)
        openness = .none
        isReady = false
        lease = nil
        outgoing.removeAll()
        requestBody.removeAll()
        isBodyCollected = false
        responseLimit = nil
        piece.removeAll()
        requestTransform = nil
        responseTransform = nil
        upstreamResponse.removeAll()
        responseBody.removeAll()
        answer.removeAll()
        isAnswered = false
        bytesIn = 0
        bytesOut = 0
        upstreamStartedAt = nil
        upstreamAnsweredAt = nil
        endpoint = nil
    }
}

/// How an exchange stands among the open ones.
enum Openness {
    case none
    /// Its agent's calls may name it.
    case heard
    /// It is counted alone.
    case unheard
}

/// Where an exchange goes on after a need.
enum Resumption {
    case walk
    /// Its request's body was collected, and waits to be rewritten.
    case requestBody
    /// Its response's body was collected, and waits to be mapped.
    case responseBody
}

/// A request as it leaves: rewritten, with the fields that the grant adds.
package struct OutgoingRequest: ~Copyable {
    package var method: Method = .get
    package var target = Buffer()
    package var fields = Fields()

    mutating func removeAll() {
        target.removeAll()
        fields.removeAll()
    }
}

/// A response as it goes back: mapped, or made here.
package struct OutgoingResponse: ~Copyable {
    package var status: Status = .ok
    package var fields = Fields()
    /// The whole body of an answer that was made or mapped here; a streamed one never comes in here.
    package var body = Buffer()

    mutating func removeAll() {
        fields.removeAll()
        body.removeAll()
    }
}
