// SPDX-License-Identifier: Apache-2.0

/// What one HTTP/1 message may cost. Every number is a maximum, in the unit that its name ends with.
package struct HTTP1Limits: Equatable, Sendable {
    /// From the first byte of the first line to the empty line's end.
    @Limit package var headBytes = 32 * 1024
    /// The request line with its CRLF.
    @Limit package var requestLineBytes = 8 * 1024
    /// One field line with its CRLF.
    @Limit package var fieldLineBytes = 16 * 1024
    @Limit package var fieldCount = 100
    /// From the `;` behind one chunk's size to its CR.
    @Limit package var chunkExtensionBytes = 256
    /// How far the bytes that frame a chunked body may run ahead of four times the bytes that it carries: lets any
    /// peer write short chunks, and none send a body that is all framing.
    @Limit package var chunkOverheadBytes = 16 * 1024
    /// All trailer lines together.
    @Limit package var trailerBytes = 8 * 1024
    @Limit package var trailerCount = 32
    /// How much of an unwanted request body is read after the response so that the connection can go on.
    @Limit package var drainBytes = 256 * 1024
    /// 1xx heads before the final one.
    @Limit package var interimCount = 16

    /// One field's name. Not to be configured: no name that anybody uses is half as long.
    static let fieldNameBytes = 255

    /// A number that is never negative nor more than 4 Gi, in half the room: each connection has three copies of all.
    @propertyWrapper
    package struct Limit: Equatable, Sendable {
        private var stored: UInt32

        package init(wrappedValue: Int) { stored = UInt32(clamping: wrappedValue) }

        package var wrappedValue: Int {
            get { Int(stored) }
            set { stored = UInt32(clamping: newValue) }
        }
    }

    package init() {}

    /// For what callers send.
    package static let callers = HTTP1Limits()

    /// For what upstreams send: agents that write a stream letter by letter are slow, not hostile.
    package static var upstreams: HTTP1Limits {
        var limits = HTTP1Limits()
        limits.chunkOverheadBytes = 1024 * 1024
        return limits
    }
}
