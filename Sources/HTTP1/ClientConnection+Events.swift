// SPDX-License-Identifier: Apache-2.0

extension ClientConnection {
    package enum Event: Equatable, Sendable {
        case needsInput
        /// The final response's head was read.
        case head(ResponseFacts)
        /// The head of a 101 to a WebSocket request was read; both ways are a tunnel from here.
        case switched
        /// A range of the input.
        case body(Range<Int>)
        /// The response is whole.
        case ended
        case tunnel(Range<Int>)
        /// What came is no response to what was asked, or it was cut off. The connection can only be closed.
        case failed(HTTP1Error)
        /// Closed by the upstream with nothing under way.
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
}
