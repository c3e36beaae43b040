// SPDX-License-Identifier: Apache-2.0

extension ServerConnection {
    package enum Event: Equatable, Sendable {
        case needsInput
        case head(RequestFacts)
        /// A range of the input.
        case body(Range<Int>)
        case ended
        case waiting
        case tunnel(Range<Int>)
        case refused(HTTP1Error)
        case closed
    }

    /// What came of looking at the input: drop `consumed` bytes from its front once the event is handled.
    package struct Step: Equatable, Sendable {
        package var consumed: Int
        package var event: Event

        package init(consumed: Int, event: Event) {
            self.consumed = consumed
            self.event = event
        }
    }

    /// What follows a response.
    package enum Ending: Equatable, Sendable {
        case reuse
        /// The rest of the request's body is read and dropped before the next request.
        case drain
        case close
    }

    /// Where a connection stood when the caller closed it.
    package enum Closing: Equatable, Sendable {
        /// Between requests: nothing is lost.
        case idle
        /// A request was cut off: nothing can be answered.
        case inRequest
        /// The request was whole; the response may still be written, if anyone reads it.
        case inResponse
        case tunnel
    }
}
