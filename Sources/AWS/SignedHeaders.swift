// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

/// The names of signed headers: in lower case, each once, in order; `host` is always among them.
package struct SignedHeaders: ~Copyable {
    package static let maximumCount = 64

    private var joined = Buffer()
    private var ranges: [ByteRange] = []
    /// Names as they are found.
    private var found = Buffer()

    package init() {}

    package var count: Int { ranges.count }

    /// `content-type;host;x-amz-date`.
    package var text: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { joined.bytes }
    }

    func append(to output: inout Buffer) { output.append(all: joined) }

    @_lifetime(borrow self)
    package func name(_ place: Int) -> Span<UInt8> { joined.bytes.extracting(ranges[place]) }

    package func contains(_ name: borrowing Span<UInt8>) -> Bool {
        for place in 0..<count where self.name(place).equalsIgnoringCase(name) { return true }
        return false
    }

    /// Takes a list as a signature names it. What is not in order, twice there or no name is refused: one list has
    /// one spelling.
    package mutating func read(_ list: borrowing Span<UInt8>) throws(SignatureFailure) {
        joined.removeAll()
        ranges.removeAll(keepingCapacity: true)
        joined.append(list)
        var start = 0
        while true {
            let end = list.firstIndex(of: UInt8(ascii: ";"), from: start) ?? list.count
            let name = list.extracting(start..<end)
            guard name.isToken, Self.isLower(name), ranges.count < Self.maximumCount else { throw .malformed }
            if let last = ranges.last {
                guard list.extracting(last).precedes(name) else { throw .malformed }
            }
            ranges.append(ByteRange(start: start, count: end - start))
            if end == list.count { break }
            start = end + 1
        }
        guard contains(("host" as StaticString).bytes) else { throw .malformed }
    }

    /// Takes the names of all fields that `isSigned` picks, and `host`.
    package mutating func collect(
        _ fields: borrowing Fields,
        _ isSigned: (KnownField, borrowing Span<UInt8>) -> Bool
    ) throws(SignatureFailure) {
        found.removeAll()
        ranges.removeAll(keepingCapacity: true)
        try insert(("host" as StaticString).bytes)
        for index in fields.indices {
            let known = fields.known(at: index)
            if known == .host || !isSigned(known, fields.name(at: index)) { continue }
            try insert(fields.name(at: index))
        }
        joined.removeAll()
        for place in ranges.indices {
            if place > 0 { joined.append(UInt8(ascii: ";")) }
            let name = ranges[place]
            ranges[place].start = joined.count
            joined.append(name, of: found)
        }
    }

    /// Finds a name's place among those in `found`, which `ranges` has in order; one that is there already is not taken again.
    private mutating func insert(_ name: borrowing Span<UInt8>) throws(SignatureFailure) {
        let new = ByteRange(start: found.count, count: name.count)
        for index in name.indices { found.append(ASCII.lowercased(name[index])) }
        var place = ranges.count
        while place > 0 {
            let (before, this) = (found.bytes.extracting(ranges[place - 1]), found.bytes.extracting(new))
            if before.equals(this) { return }
            if before.precedes(this) { break }
            place -= 1
        }
        guard ranges.count < Self.maximumCount else { throw .tooLarge }
        ranges.insert(new, at: place)
    }

    private static func isLower(_ name: borrowing Span<UInt8>) -> Bool {
        for index in name.indices where ASCII.lowercased(name[index]) != name[index] { return false }
        return true
    }
}

/// Why a signature is not believed.
package enum SignatureFailure: Error, Hashable, Sendable, CaseIterable {
    /// Not the one form that a signature has: unknown, doubled or missing parts, other spellings, two signatures.
    case malformed
    /// A header that is said to be signed is not there.
    case headerMissing
    /// A header that changes what the request does is not signed.
    case headerUnsigned
    /// More headers or parameters than anybody needs.
    case tooLarge
    /// Made too long ago, or in the future, or past its own end.
    case expired
    /// Made for another region, service or day.
    case scope
    /// It is not the signature of this request.
    case mismatch

    /// The reason code of records, metrics and answers.
    package var code: StaticString {
        switch self {
        case .malformed, .headerMissing, .tooLarge: "signature_malformed"
        case .headerUnsigned: "signature_incomplete"
        case .expired: "signature_expired"
        case .scope: "signature_scope"
        case .mismatch: "signature_mismatch"
        }
    }
}
