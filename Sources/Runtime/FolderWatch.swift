// SPDX-License-Identifier: Apache-2.0
import CSystem
import Glibc

/// Tells that something in some folders was written, renamed, made or removed (inotify). What it was is not told:
/// whoever asks looks at the files that matter.
package struct FolderWatch: ~Copyable {
    private let descriptor: Descriptor

    /// Folders that are not there, or beyond what the system lets a user watch, are left out.
    package init(_ folders: Set<String>) throws(SystemError) {
        let raw = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard raw >= 0 else { throw SystemError("inotify_init1") }
        descriptor = Descriptor(owning: raw)
        // Not IN_MODIFY: a file that is written has its content when it is closed, and logs never matter.
        let mask =
            IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF
            | IN_MOVE_SELF
        for folder in folders { _ = unsafe inotify_add_watch(raw, folder, UInt32(mask)) }
    }

    /// Turns readable when something has happened.
    package var raw: Int32 { descriptor.raw }
}
