// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Glibc

/// The two clocks. Read once per loop turn; everything below takes `now` as a parameter.
package enum Clock {
    package static func now() -> Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }
    package static func wallTime() -> WallTime { WallTime(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Safe because the structure outlives the call; both clocks always exist on Linux.
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
