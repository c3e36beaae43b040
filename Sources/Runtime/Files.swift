// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc

/// Small files, read whole, and logs, appended to.
package enum Files {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case system(path: String, SystemError)
        case tooLarge(path: String, limit: Int)

        package var description: String {
            switch self {
            case .system(let path, let error): "\(path): \(error)"
            case .tooLarge(let path, let limit): "\(path): larger than \(limit) bytes"
            }
        }
    }

    /// The content of a file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int = 16 << 20) throws(Failure) -> [UInt8] {
        var buffer = Buffer()
        try read(path, limit: limit, into: &buffer)
        return buffer.bytes.array()
    }

    /// Lends the content of a file of at most `limit` bytes that holds a secret, and overwrites it afterwards.
    /// - Returns: what `body` made of it.
    package static func withSecret<Result>(
        _ path: String,
        limit: Int,
        _ body: (Span<UInt8>) -> Result
    ) throws(Failure) -> Result {
        // Room for all that can be read, because growth would leave a copy behind.
        var buffer = Buffer(capacity: limit + chunkBytes)
        defer { buffer.wipe() }
        try read(path, limit: limit, into: &buffer)
        return body(buffer.bytes)
    }

    /// At most so many of the last bytes of a file.
    package static func readTail(_ path: String, count: Int) throws(Failure) -> [UInt8] {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { throw .system(path: path, SystemError("open")) }
        let descriptor = Descriptor(owning: raw)
        let size = lseek(raw, 0, SEEK_END)
        guard size >= 0, lseek(raw, max(size - count, 0), SEEK_SET) >= 0 else {
            throw .system(path: path, SystemError("lseek"))
        }
        var buffer = Buffer()
        while buffer.count < count {
            switch descriptor.read(into: &buffer, limit: count - buffer.count) {
            case .moved: break
            case .ended: return buffer.bytes.array()
            case .wouldBlock: throw .system(path: path, SystemError("read", EAGAIN))
            case .failed(let code): throw .system(path: path, SystemError("read", code))
            }
        }
        return buffer.bytes.array()
    }

    /// Whether what stands at a path is what the descriptor has open.
    package static func isOpen(_ descriptor: Descriptor, at path: String) -> Bool {
        var there = stat()
        var here = stat()
        guard unsafe stat(path, &there) == 0, unsafe fstat(descriptor.raw, &here) == 0 else { return false }
        return there.st_dev == here.st_dev && there.st_ino == here.st_ino
    }

    private static let chunkBytes = 64 << 10

    /// Never makes `buffer` larger than `limit` and one chunk.
    private static func read(_ path: String, limit: Int, into buffer: inout Buffer) throws(Failure) {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { throw .system(path: path, SystemError("open")) }
        let descriptor = Descriptor(owning: raw)
        while true {
            switch descriptor.read(into: &buffer, limit: chunkBytes) {
            case .moved:
                if buffer.count > limit { throw .tooLarge(path: path, limit: limit) }
            case .ended: return
            case .wouldBlock: throw .system(path: path, SystemError("read", EAGAIN))
            case .failed(let code): throw .system(path: path, SystemError("read", code))
            }
        }
    }

    /// Opens a file for appending, made with mode 0640 if absent.
    package static func append(to path: String) throws(Failure) -> Descriptor {
        let raw = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard raw >= 0 else { throw .system(path: path, SystemError("open")) }
        return Descriptor(owning: raw)
    }

    /// A second descriptor of standard output (1) or error (2).
    package static func standardStream(_ number: Int32) throws(Failure) -> Descriptor {
        let raw = dup(number)
        guard raw >= 0 else { throw .system(path: "standard stream", SystemError("dup")) }
        return Descriptor(owning: raw)
    }

    /// The names in a folder, sorted, without `.` and `..`.
    package static func list(_ path: String) throws(Failure) -> [String] {
        guard let folder = unsafe opendir(path) else { throw .system(path: path, SystemError("opendir")) }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            // Safe because d_name ends in NUL and lives until the next readdir.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What a look at a file tells of whether it is still the same: followed through links, so that a link that is set to
    /// another file shows too. Nil where there is none.
    package static func stamp(of path: String) -> Stamp? {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return nil }
        return Stamp(
            device: UInt64(information.st_dev),
            inode: UInt64(information.st_ino),
            size: Int64(information.st_size),
            modified: nanoseconds(information.st_mtim),
            changed: nanoseconds(information.st_ctim)
        )
    }

    package struct Stamp: Equatable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Int64
        let changed: Int64
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// The path without any link in it; nil where it leads nowhere.
    package static func resolved(_ path: String) -> String? {
        guard let text = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(text) }
        // Safe because realpath's text ends in NUL and is ours until `free`.
        return unsafe String(cString: text)
    }

    /// Puts `bytes` in the place of what a file holds, durably and all at once: nobody ever sees a half of it.
    package static func replace(_ path: String, with bytes: borrowing Span<UInt8>) throws(Failure) {
        let temporary = path + ".new"
        let raw = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw .system(path: temporary, SystemError("open")) }
        let descriptor = Descriptor(owning: raw)
        try write(bytes, to: descriptor, temporary)
        guard fsync(raw) == 0 else { throw .system(path: temporary, SystemError("fsync")) }
        guard unsafe rename(temporary, path) == 0 else { throw .system(path: path, SystemError("rename")) }
    }

    /// Puts bytes at the end of a file that only this user may read, made if absent.
    package static func append(_ bytes: borrowing Span<UInt8>, to path: String) throws(Failure) {
        let raw = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw .system(path: path, SystemError("open")) }
        try write(bytes, to: Descriptor(owning: raw), path)
    }

    private static func write(
        _ bytes: borrowing Span<UInt8>,
        to descriptor: Descriptor,
        _ path: String
    ) throws(Failure) {
        var start = 0
        while start < bytes.count {
            guard case .moved(let count) = descriptor.write(bytes.extracting(start..<bytes.count)) else {
                throw .system(path: path, SystemError("write"))
            }
            start += count
        }
    }

    /// Makes a folder that only this user may enter; one that is there already must be empty.
    package static func makeFolder(_ path: String) throws(Failure) {
        if unsafe mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else { throw .system(path: path, SystemError("mkdir")) }
        guard try list(path).isEmpty else { throw .system(path: path, SystemError("mkdir", ENOTEMPTY)) }
    }

    /// Who may do what with it, at the end of whatever links: `0o640`. Nil where there is none.
    package static func permissions(of path: String) -> UInt32? {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return nil }
        return information.st_mode & 0o7777
    }

    /// A regular file, at the end of whatever links: opening anything else may wait for somebody.
    package static func isFile(_ path: String) -> Bool {
        var information = stat()
        return unsafe stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    }

    package static func isFolder(_ path: String) -> Bool {
        var information = stat()
        return unsafe stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }
}

/// Writes to standard error, for messages to operators; what does not fit is dropped.
package func writeStandardError(_ bytes: borrowing Span<UInt8>) {
    // Safe because the span's bytes are only read during the call.
    _ = unsafe bytes.withUnsafeBufferPointer { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
