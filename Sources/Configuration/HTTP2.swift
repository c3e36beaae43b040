// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// Bounds on one caller's connection in HTTP/2. Those of floods count within `interval`; one more ends the connection.
    package struct HTTP2: Sendable, Equatable {
        /// Requests under way on one connection. Default: 100.
        package var concurrentStreams = 100
        /// What all streams of a connection may bring before it has gone on. Default: 1 MiB.
        package var connectionWindowBytes = 1 << 20
        /// Default: 10 s.
        package var interval = Interval.seconds(10)
        /// Requests that the caller takes back, or that its mistakes end. Default: 200.
        package var resets = 200
        /// CONTINUATION frames of one head. Default: 8.
        package var continuations = 8
        /// Default: 20.
        package var settings = 20
        /// Default: 100.
        package var pings = 100
        /// Frames that carry nothing and end nothing. Default: 100.
        package var emptyFrames = 100
        /// PRIORITY, and frames that nobody knows. Default: 1,000.
        package var otherFrames = 1000
        /// WINDOW_UPDATE beyond ten for each DATA frame that was sent. Default: 500.
        package var windowUpdates = 500
        /// Acknowledgements that wait for a caller who does not read. Default: 1,000.
        package var queuedFrames = 1000

        package init() {}
    }
}

extension Configuration.HTTP2 {
    static func decode(_ section: inout YAML.Section) -> Self {
        var limits = Self()
        let counts = 1...1_000_000
        section.read("concurrent_streams", into: &limits.concurrentStreams) { $0.integer(in: 1...10_000) }
        section.read("connection_window_bytes", into: &limits.connectionWindowBytes) {
            $0.size(in: 64 << 10...1 << 30)
        }
        section.read("interval", into: &limits.interval) {
            $0.duration(in: .milliseconds(100) ... .seconds(3600))
        }
        section.read("resets", into: &limits.resets) { $0.integer(in: counts) }
        section.read("continuations", into: &limits.continuations) { $0.integer(in: 1...1000) }
        section.read("settings", into: &limits.settings) { $0.integer(in: counts) }
        section.read("pings", into: &limits.pings) { $0.integer(in: counts) }
        section.read("empty_frames", into: &limits.emptyFrames) { $0.integer(in: counts) }
        section.read("other_frames", into: &limits.otherFrames) { $0.integer(in: counts) }
        section.read("window_updates", into: &limits.windowUpdates) { $0.integer(in: counts) }
        section.read("queued_frames", into: &limits.queuedFrames) { $0.integer(in: counts) }
        return limits
    }
}
