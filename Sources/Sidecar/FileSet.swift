// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Runtime
import Synchronization

/// The files that a configuration is made from, each as it was when it was read: what tells whether all of them belong
/// together, whether one has changed since, and which folders to watch.
final class FileSet: Sendable {
    private struct Seen {
        /// Nil: it was not there.
        var stamp: Files.Stamp?
        /// Nil: it could not be read.
        var digest: Digest?
    }

    private struct State {
        var files: [String: Seen] = [:]
        var folders: [String: [String]] = [:]
    }

    private let state = Mutex(State())

    func read(_ path: String, limit: Int = 16 << 20) throws(Files.Failure) -> [UInt8] {
        // Looked at before it is read: a change in between is seen by `isCurrent` then, never missed.
        note(path)
        let bytes = try Files.read(path, limit: limit)
        note(path, digest: SHA256.hash(bytes.span))
        return bytes
    }

    /// See `Files.withSecret`.
    func withSecret<Result>(
        _ path: String,
        limit: Int,
        _ body: (Span<UInt8>) -> Result
    ) throws(Files.Failure) -> Result {
        note(path)
        let (digest, result) = try Files.withSecret(path, limit: limit) { (SHA256.hash($0), body($0)) }
        note(path, digest: digest)
        return result
    }

    func list(_ folder: String) throws(Files.Failure) -> [String] {
        state.withLock { $0.folders[folder] = [] }
        let names = try Files.list(folder)
        state.withLock { $0.folders[folder] = names }
        return names
    }

    /// A file counts although it is read later, by somebody else.
    func include(_ path: String) { note(path) }

    private func note(_ path: String) {
        let stamp = Files.stamp(of: path)
        state.withLock { $0.files[path] = Seen(stamp: stamp) }
    }

    private func note(_ path: String, digest: Digest) {
        state.withLock { $0.files[path]?.digest = digest }
    }

    /// Of what was read; nil for a file that was not.
    func digest(of path: String) -> Digest? { state.withLock { $0.files[path]?.digest } }

    /// Whether every file and folder is still what it was. Cost: a system call for each file.
    var isCurrent: Bool {
        let (files, folders) = state.withLock { ($0.files, $0.folders) }
        for (path, seen) in files where Files.stamp(of: path) != seen.stamp { return false }
        for (path, names) in folders where ((try? Files.list(path)) ?? []) != names { return false }
        return true
    }

    /// Whether the same files had the same content, whenever they were written.
    func holdsTheSame(as other: FileSet) -> Bool {
        let (mine, theirs) = (state.withLock { $0.files }, other.state.withLock { $0.files })
        guard mine.count == theirs.count else { return false }
        return mine.allSatisfy { path, seen in seen.digest != nil && theirs[path]?.digest == seen.digest }
    }

    /// Where a change of any of them shows. A file that is a link, as Kubernetes has them, changes where the link stands
    /// and where it leads to.
    var foldersToWatch: Set<String> {
        let (files, folders) = state.withLock { (Array($0.files.keys), Array($0.folders.keys)) }
        var watched = Set(folders)
        for path in files {
            watched.insert(Self.folder(of: path))
            if let resolved = Files.resolved(path) { watched.insert(Self.folder(of: resolved)) }
        }
        return watched
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
