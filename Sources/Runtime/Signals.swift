// SPDX-License-Identifier: Apache-2.0
import CSystem
import Glibc

/// Signals as readable events. Must be made before any thread starts, so that all inherit the mask.
package struct Signals: ~Copyable {
    private let descriptor: Descriptor

    /// Blocks `signals` for the process and opens a descriptor that tells of them. SIGPIPE is ignored:
    /// a closed peer is an error of `write`.
    package init(_ signals: [Int32]) throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        _ = unsafe sigemptyset(&set)
        for number in signals { _ = unsafe sigaddset(&set, number) }
        let result = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard result == 0 else { throw SystemError("pthread_sigmask", result) }
        let raw = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
        guard raw >= 0 else { throw SystemError("signalfd") }
        descriptor = Descriptor(owning: raw)
    }

    package var raw: Int32 { descriptor.raw }

    /// The next signal that arrived, or nil.
    package borrowing func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        // Safe because the structure is as large as what is read.
        let count = unsafe read(descriptor.raw, &info, size)
        return count == size ? Int32(bitPattern: info.ssi_signo) : nil
    }
}
