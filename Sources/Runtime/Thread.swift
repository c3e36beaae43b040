// SPDX-License-Identifier: Apache-2.0
import CSystem
import Glibc

private final class ThreadBody {
    let name: String
    let run: @Sendable () -> Void
    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

private nonisolated func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // Safe because `start` passed a retained ThreadBody, and this takes that one reference.
    let body = unsafe Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue()
    _ = unsafe bulkhead_name_thread(body.name)
    body.run()
    return nil
}

/// A joinable thread.
package struct Thread: ~Copyable {
    private var handle: pthread_t

    /// - Parameter name: at most 15 bytes, shown by `ps -L` and `top -H`.
    package init(name: String, _ run: @escaping @Sendable () -> Void) throws(SystemError) {
        handle = pthread_t()
        let body = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: run))
        let result = unsafe pthread_create(&handle, nil, threadMain, body.toOpaque())
        if result != 0 {
            unsafe body.release()
            throw SystemError("pthread_create", result)
        }
    }

    package consuming func join() { _ = pthread_join(handle, nil) }
}

package enum Cores {
    /// Those that there are, at least one.
    package static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
