// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What one HTTP/2 connection may cost. Every number is a maximum; those of floods count within `interval`.
package struct HTTP2Limits: Equatable, Sendable {
    /// Streams that the peer may have open at the same time (SETTINGS_MAX_CONCURRENT_STREAMS).
    package var concurrentStreams = 100
    /// Names and values of one head, with 32 bytes for each field (RFC 9113 §6.5.2).
    package var headerListBytes = 32 << 10
    /// One field's name and value.
    package var fieldBytes = 16 << 10
    package var fieldCount = 100
    /// Of one message's trailers.
    package var trailerBytes = 8 << 10
    package var trailerCount = 32
    /// What the peer may send on one stream before we have passed it on.
    package var streamWindowBytes = 64 << 10
    /// The same for all streams of the connection together.
    package var connectionWindowBytes = 1 << 20
    /// Informational heads before the final one.
    package var interimCount = 16

    // Floods.
    package var interval = Interval.seconds(10)
    /// Streams that end before their response: reset by the peer, or by us for what the peer did (CVE-2023-44487,
    /// CVE-2025-8671).
    package var resets = 200
    /// CONTINUATION frames of one head (CVE-2024-28182).
    package var continuations = 8
    /// SETTINGS frames (CVE-2019-9515).
    package var settings = 20
    /// PING frames (CVE-2019-9512).
    package var pings = 100
    /// DATA, HEADERS and CONTINUATION frames that carry nothing and end nothing (CVE-2019-9518).
    package var emptyFrames = 100
    /// PRIORITY frames and those that nobody knows (CVE-2019-9513).
    package var otherFrames = 1000
    /// WINDOW_UPDATE frames beyond ten for each DATA frame that we sent (CVE-2019-9511).
    package var windowUpdates = 500
    /// Our own acknowledgements that wait for a peer who does not read (CVE-2019-9517).
    package var queuedFrames = 1000

    package init() {}
}
