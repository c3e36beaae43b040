// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes
package import Identity

/// One request and its response, on their way. Taken from a worker's pool and put back, so that a warm request
/// allocates nothing: every buffer in it keeps its storage.
package final class Exchange {
    // What came.
    package var request = RequestHead()
    package internal(set) var listener = 0
    package internal(set) var startedAt = Instant(nanoseconds: 0)
    package internal(set) var startedOn = WallTime(nanoseconds: 0)
    package var isWebSocket = false
    package var hasBody = false

    // What was decided. The snapshot stays the same from the first byte to the last (THREATS 10).
    package internal(set) var snapshot: Snapshot?
    package internal(set) var route: Route?
    var operation = 0
    package internal(set) var principal: Principal?
    package internal(set) var grant: Grant?
    var unmet: Need?
    package internal(set) var refusal: Refusal?
    var sessionID = Buffer()
    var clientSessionID = Buffer()
    var traceID: (UInt64, UInt64) = (0, 0)

    /// What goes to the upstream.
    package internal(set) var outgoing = OutgoingRequest()
    /// The request's body, where the adapter must see it whole; rewritten before it is forwarded.
    package var requestBody = Buffer()

    /// What the upstream answered.
    package var upstreamResponse = ResponseHead()
    /// The response's body, where the adapter must see it whole.
    package var responseBody = Buffer()

    /// What the caller gets.
    package internal(set) var answer = OutgoingResponse()

    // For the record.
    package var bytesIn = 0
    package var bytesOut = 0
    package var upstreamStartedAt: Instant?
    package var upstreamAnsweredAt: Instant?
    package var endpoint: Int?

    package init() {}

    /// Makes the exchange ready for the next request; storage is kept.
    package func reset() {
        request.removeAll()
        isWebSocket = false
        hasBody = false
        snapshot = nil
        route = nil
        operation = 0
        principal = nil
        grant = nil
        unmet = nil
        refusal = nil
        sessionID.removeAll()
        clientSessionID.removeAll()
        outgoing.removeAll()
        requestBody.removeAll()
        upstreamResponse.removeAll()
        responseBody.removeAll()
        answer.removeAll()
        bytesIn = 0
        bytesOut = 0
        upstreamStartedAt = nil
        upstreamAnsweredAt = nil
        endpoint = nil
    }
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
