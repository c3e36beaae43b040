// SPDX-License-Identifier: Apache-2.0
import Bytes
import Runtime
import Telemetry

/// The audit log's file, on the control thread. Events are few, so each is written at once and waited for.
struct AuditSink {
    private var path: String
    private var descriptor: Descriptor
    private var chain: AuditChain
    /// The last write ended within a line.
    private var isTorn = false

    /// - Parameter name: of a new chain, random.
    init(path: String, name: UInt64) throws(Files.Failure) {
        self.path = path
        descriptor = try Files.append(to: path)
        let last = try Self.lastLine(of: path)
        chain = AuditChain(name: name, after: last.span)
    }

    /// The same chain in another file, or in a new one where the old was moved away.
    /// - Returns: nil where all is as it was.
    func reopened(at path: String) throws(Files.Failure) -> AuditSink? {
        if path == self.path, Files.isOpen(descriptor, at: path) { return nil }
        var other = self
        other.descriptor = try Files.append(to: path)
        other.path = path
        other.isTorn = false
        return other
    }

    /// Writes that the file is begun.
    mutating func begin(at time: WallTime) -> Bool {
        var opening = Buffer()
        AuditLog.appendOpening(at: time, version: Version.text, into: &opening)
        return write(opening.bytes.array())
    }

    /// - Returns: whether all of it is in the file.
    mutating func write(_ events: [UInt8]) -> Bool {
        var lines = Buffer()
        if isTorn { lines.append(ASCII.lineFeed) }
        chain.append(events.span, into: &lines)
        while !lines.isEmpty {
            guard case .moved(let count) = descriptor.write(lines.bytes) else {
                isTorn = true
                return false
            }
            lines.consume(count)
        }
        isTorn = false
        return true
    }

    /// The last whole line; empty for a file without one. Longer ones than are ever written do not count.
    private static func lastLine(of path: String) throws(Files.Failure) -> [UInt8] {
        let tail = try Files.readTail(path, count: 64 << 10)
        guard let end = tail.lastIndex(of: ASCII.lineFeed) else { return [] }
        let start = tail[..<end].lastIndex(of: ASCII.lineFeed).map { $0 + 1 } ?? 0
        return Array(tail[start..<end])
    }
}
