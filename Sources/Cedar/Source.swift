// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A named text: a file of policies or a schema.
package struct Source: Sendable {
    /// Offsets are kept in 32 bits, and nobody writes more policy than this.
    static let maximumBytes = 64 << 20

    package let name: String
    let bytes: [UInt8]
    /// Offsets of the first byte of each line.
    private let lines: [Int]

    package init(name: String, text: String) {
        self.name = name
        bytes = Array(text.utf8)
        var lines = [0]
        for (index, byte) in bytes.enumerated() where byte == ASCII.lineFeed { lines.append(index + 1) }
        self.lines = lines
    }

    func location(of offset: Int) -> SourceLocation {
        var low = 0
        var high = lines.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lines[middle] <= offset { low = middle } else { high = middle }
        }
        let before = bytes[lines[low]..<min(max(offset, lines[low]), bytes.count)]
        let column = 1 + before.count { $0 & 0xC0 != 0x80 }
        return SourceLocation(file: name, line: low + 1, column: column)
    }
}

/// Why a text could not be read, and where.
package struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nil for what has no place, such as a link.
    package let location: SourceLocation?
    package let message: String

    init(_ location: SourceLocation?, _ message: String) {
        self.location = location
        self.message = message
    }

    package var description: String {
        guard let location else { return message }
        return "\(location): \(message)"
    }
}
