// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

/// Binds each line of an audit log to the one before it, so that none can be changed, taken out or put in without all that
/// follow it being written anew.
///
/// ```
/// {…,"chain":"<16 hex>","sequence":<from 1>,"previous":"<64 hex>"}
/// ```
/// `previous` is the SHA-256 of the line before in the same chain, its line feed left out. Each process has a chain of its
/// own, since two may write for a while (a take-over); its first line names the last one that it found in the file, or
/// zeros. It is no signature: who can write the whole file anew can make another. Copy it away for that.
package struct AuditChain: Sendable {
    package let name: UInt64
    private var sequence = 0
    private var previous: Digest

    /// - Parameters:
    ///   - name: random.
    ///   - last: the last whole line of the file without its line feed; empty for none.
    package init(name: UInt64, after last: borrowing Span<UInt8>) {
        self.name = name
        previous = last.isEmpty ? Digest() : SHA256.hash(last)
    }

    /// Appends whole lines.
    /// - Parameter events: lines of `AuditLog`.
    package mutating func append(_ events: borrowing Span<UInt8>, into output: inout Buffer) {
        var start = 0
        while let end = events.firstIndex(of: ASCII.lineFeed, from: start) {
            let first = output.count
            output.append(events.extracting(start..<end))
            sequence += 1
            output.append(",\"chain\":\"")
            output.append(hexadecimal: name)
            output.append("\",\"sequence\":")
            output.append(decimal: sequence)
            output.append(",\"previous\":\"")
            Hex.encode(previous.bytes, into: &output)
            output.append("\"}")
            previous = SHA256.hash(output.bytes.extracting(first..<output.count))
            output.append(ASCII.lineFeed)
            start = end + 1
        }
    }
}

/// Reads an audit log, oldest file first, and says where its chains are broken.
package struct AuditVerifier {
    package struct Break: Equatable, Sendable {
        /// Counted over all lines that were given, from 1.
        package let line: Int
        package let what: String
    }

    package private(set) var lines = 0
    package private(set) var breaks: [Break] = []
    /// Chains whose first lines are in none of the files.
    package private(set) var beheaded = 0
    private var chains: [UInt64: (sequence: Int, last: Digest)] = [:]
    private var seen: Set<Digest> = []

    package init() {}

    package var chainCount: Int { chains.count }

    /// - Parameter line: without its line feed.
    package mutating func add(_ line: borrowing Span<UInt8>) {
        lines += 1
        guard let end = Ending(of: line) else {
            return note("is not a line of an audit log, or only a part of one")
        }
        let digest = SHA256.hash(line)
        defer {
            chains[end.chain] = (end.sequence, digest)
            seen.insert(digest)
        }
        if let before = chains[end.chain] {
            if end.sequence != before.sequence + 1 {
                return note("has number \(end.sequence) of its chain, behind \(before.sequence)")
            }
            if end.previous != before.last { note("does not follow from the line before it in its chain") }
        } else if end.sequence != 1 {
            beheaded += 1
        } else if end.previous != Digest(), !seen.isEmpty, !seen.contains(end.previous) {
            note("begins a chain behind a line that is not there")
        }
    }

    private mutating func note(_ what: String) { breaks.append(Break(line: lines, what: what)) }

    /// What `AuditChain` wrote at the end of a line.
    private struct Ending {
        let chain: UInt64
        let sequence: Int
        let previous: Digest

        init?(of line: borrowing Span<UInt8>) {
            // From the back, since only that end is ours to the byte.
            let tail = 2 + 64
            guard line.count > tail, line[line.count - 1] == UInt8(ascii: "}"),
                line[line.count - 2] == ASCII.quote,
                let previous = Hex.decode(line.extracting(line.count - tail..<line.count - 2)),
                let digest = Digest(previous.span)
            else { return nil }
            let middle: StaticString = ",\"previous\":\""
            var place = line.count - tail - middle.utf8CodeUnitCount
            guard place > 0, line.extracting(place..<line.count).hasPrefix(middle) else { return nil }
            let end = place
            while place > 0, ASCII.isDigit(line[place - 1]) { place -= 1 }
            guard (1...18).contains(end - place),
                let sequence = Int(String(decoding: line.extracting(place..<end).array(), as: UTF8.self))
            else { return nil }
            let before: StaticString = "\",\"sequence\":"
            place -= before.utf8CodeUnitCount
            guard place >= 16, line.extracting(place..<line.count).hasPrefix(before),
                let chain = UInt64(
                    String(decoding: line.extracting(place - 16..<place).array(), as: UTF8.self),
                    radix: 16
                )
            else { return nil }
            self.chain = chain
            self.sequence = sequence
            self.previous = digest
        }
    }
}
