// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CSystem
import Glibc

/// An open file descriptor; closed exactly once, when its last owner lets go.
/// A class, not a non-copyable struct: swiftc 6.3.1 without optimisation destroys a non-copyable field of a
/// partly initialised value when its initialiser branches (seen as `close(0)`), and closing a descriptor twice
/// closes somebody else's connection.
package final class Descriptor: Sendable {
    package let raw: Int32

    package init(owning raw: Int32) { self.raw = raw }

    deinit { if raw >= 0 { _ = close(raw) } }

    /// Reads what is there, up to `limit` bytes. Cost: one call.
    package func read(into buffer: inout Buffer, limit: Int) -> Transfer {
        var result = 0
        let raw = raw
        unsafe buffer.append(upTo: limit) { room in
            result = retrying { unsafe Glibc.read(raw, room.baseAddress, room.count) }
            return max(result, 0)
        }
        return Self.transfer(result, ending: true)
    }

    /// Writes as much as fits. Cost: one call.
    package func write(_ bytes: borrowing Span<UInt8>) -> Transfer {
        let raw = raw
        let result = unsafe bytes.withUnsafeBufferPointer { pointer in
            // MSG_NOSIGNAL is not for pipes and files, so SIGPIPE is ignored by the process instead.
            retrying { unsafe Glibc.write(raw, pointer.baseAddress, pointer.count) }
        }
        return Self.transfer(result, ending: false)
    }

    static func transfer(_ result: Int, ending: Bool) -> Transfer {
        if result > 0 { return .moved(result) }
        if result == 0 { return ending ? .ended : .moved(0) }
        return errno == EAGAIN || errno == EWOULDBLOCK ? .wouldBlock : .failed(errno)
    }
}

/// Raises the number of descriptors to the hard limit, so that connections are bounded by configuration
/// and not by a shell's default.
/// - Returns: the limit in force.
package func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    return Int(clamping: limit.rlim_cur)
}

/// Core files and the memory of a process that a debugger may read hold secrets (law 8), so both are
/// switched off.
package func forbidCoreFiles() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    _ = bulkhead_forbid_dumps()
}
