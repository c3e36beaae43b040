// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A system call that failed: an error of the environment, neither ours nor a peer's.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package let call: StaticString
    package let code: Int32

    package init(_ call: StaticString, _ code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    package var description: String {
        // Safe because strerror's text is copied before another call can replace it.
        unsafe "\(call): \(String(cString: strerror(code)))"
    }

    /// Nobody listens where a connection was to go.
    package var isRefusal: Bool { code == ECONNREFUSED }

    package static func == (left: SystemError, right: SystemError) -> Bool { left.code == right.code }
}

/// What a non-blocking call on a socket came to.
package enum Transfer: Equatable, Sendable {
    case moved(Int)
    /// The peer has ended its side (reads only).
    case ended
    case wouldBlock
    case failed(Int32)
}

/// Repeats a call while a signal interrupts it.
@inline(__always)
func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
