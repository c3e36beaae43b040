// SPDX-License-Identifier: Apache-2.0
import CSystem
import Glibc

/// Tells that something in some folders was written, renamed, made or removed (inotify). What it was is not told:
/// whoever asks looks at the files that matter. One is made and kept, with other folders as they change: a user may
/// have few of them (`fs.inotify.max_user_instances`, often 128 for all containers of one user on a machine).
package final class FolderWatch {
    // Not IN_MODIFY: a file that is written has its content when it is closed, and logs never matter.
    private static let mask =
        IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF

    private let descriptor: Descriptor
    private var watched: Set<Int32> = []

    /// Throws when the system lets this user have no more.
    package init() throws(SystemError) {
        let raw = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard raw >= 0 else { throw SystemError("inotify_init1") }
        descriptor = Descriptor(owning: raw)
    }

    /// Turns readable when something has happened.
    package var raw: Int32 { descriptor.raw }

    /// Watches these folders as they are now, and no others, and forgets what has happened so far: look at the files after
    /// this, then wait. Folders that are not there, or beyond what the system lets a user watch, are left out.
    package func look(at folders: Set<String>) {
        drain()
        var next: Set<Int32> = []
        for folder in folders {
            // The same number as before where the path still leads to the same folder.
            let watch = unsafe inotify_add_watch(raw, folder, UInt32(Self.mask))
            if watch >= 0 { next.insert(watch) }
        }
        for old in watched.subtracting(next) { _ = inotify_rm_watch(raw, old) }
        watched = next
    }

    private func drain() {
        // Safe because the room is there for the length of the call.
        unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { room in
            while unsafe read(raw, room.baseAddress, room.count) > 0 {}
        }
    }
}
