// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// How a request ended.
package enum Outcome: UInt8, Sendable, CaseIterable {
    /// It was let through, and its answer reached the caller whole, whatever the upstream's status.
    case allowed
    /// Bulkhead said no: identity, tables, policy, limits.
    case refused
    /// It was allowed but could not be served: an upstream or something that Bulkhead needs was not there.
    case failed
    /// The caller went away first.
    case abandoned

    package var name: StaticString {
        switch self {
        case .allowed: "allowed"
        case .refused: "refused"
        case .failed: "failed"
        case .abandoned: "abandoned"
        }
    }
}

/// The record of one request (DESIGN law 7): made on the stack at the end of the exchange, and written at once.
/// What is nil, empty or false is left out of the record.
/// The bytes that the caller chose (target, session) are not in it: they go to the encoder as spans.
/// Cost: a reference count for each text that is set.
package struct Hop: Sendable {
    /// When the request began.
    package var time = WallTime(nanoseconds: 0)
    /// From the request's first byte to the last of its answer.
    package var duration = Interval.zero
    /// Nil when the head could not be read.
    package var method: Method?
    /// What the caller was answered; nil when nothing was.
    package var status: Status?
    package var outcome = Outcome.refused
    /// The exact reason code; nil when nothing was refused and nothing failed.
    package var reason: String?

    // Where to.
    package var listener = ""
    /// Route, adapter and operation.
    package var place: RecordPart?
    package var upstream: String?
    /// Address and port that the request was sent to.
    package var endpoint: String?
    /// From the request's sending to the first byte of the answer's head.
    package var upstreamDuration: Interval?

    // Who.
    /// Principal and grant.
    package var who: RecordPart?
    /// Address of the peer.
    package var caller: String?

    // How much.
    /// Bytes of the request's body.
    package var bytesIn = 0
    /// Bytes of the answer's body.
    package var bytesOut = 0

    /// Names the exchange in records and exported spans; both zero for none. Never an id that a carrier may hold
    /// (THREATS 3): whoever reads the log could speak for the tenant with it.
    package var traceID: (high: UInt64, low: UInt64) = (0, 0)

    package init() {}
}
