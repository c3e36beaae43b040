// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc

/// What this process may do to what stands around it, asked of the kernel by trying. Nothing is changed, and nothing that
/// is read is kept.
package enum Surroundings {
    package static var userID: UInt32 { geteuid() }
    package static var processID: Int32 { getpid() }

    package static func exists(_ path: String) -> Bool {
        var information = stat()
        return unsafe stat(path, &information) == 0
    }

    /// Whether a file opens for reading and gives a byte, or is a folder that can be listed.
    package static func canRead(_ path: String) -> Bool {
        if Files.isFolder(path) { return (try? Files.list(path)) != nil }
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else { return false }
        let descriptor = Descriptor(owning: raw)
        var buffer = Buffer()
        defer { buffer.wipe() }
        switch descriptor.read(into: &buffer, limit: 1) {
        case .moved, .ended: return true
        case .wouldBlock, .failed: return false
        }
    }

    /// Whether a file opens for reading. For what cannot be read from its beginning, such as a process's memory.
    package static func canOpen(_ path: String) -> Bool {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else { return false }
        _ = Descriptor(owning: raw)
        return true
    }

    package static func canWrite(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// The user that a file belongs to; nil where there is none to be seen.
    package static func owner(of path: String) -> UInt32? {
        var information = stat()
        return unsafe stat(path, &information) == 0 ? information.st_uid : nil
    }

    /// Whether this process may send a signal to that one. None is sent.
    package static func maySignal(_ process: Int32) -> Bool { kill(process, 0) == 0 }

    /// Whether a Unix socket takes a connection.
    package static func connects(toSocketAt path: String) -> Bool {
        // A listener with a full backlog answers EAGAIN: the door is as open.
        do throws(SystemError) { _ = try Socket.connect(to: SocketAddress(.unix(path))) } catch {
            return error.code == EAGAIN
        }
        return true
    }

    /// The ids of all processes that can be seen from here.
    package static func processes() -> [Int32] {
        ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) }
    }
}
