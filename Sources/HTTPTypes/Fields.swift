// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Why a field was not taken.
package enum FieldError: Error, Equatable, Sendable {
    /// Empty, or a byte that no token holds (RFC 9110 §5.6.2).
    case invalidName
    /// A control byte other than tab: what would split a message in two (RFC 9110 §5.5).
    case invalidValue
    /// A name over 65,535 bytes, or fields over 2 GiB in all.
    case tooLong
}

/// The fields of one message, in order, in one block of bytes with a table beside it.
///
/// Nothing that could break a message's lines ever gets in: names are tokens and values hold no control byte but
/// tab, whoever appends them. Values have no space or tab at either end.
/// `removeAll` keeps the storage, so a warm connection's heads allocate nothing.
package struct Fields: ~Copyable {
    struct Entry {
        var nameStart: UInt32
        var valueStart: UInt32
        var valueCount: UInt32
        var nameCount: UInt16
        var known: KnownField
        /// Whether `name: value` and CRLF stand in the block in one piece.
        var isWhole: Bool

        /// Where the line ends in the block, if it is whole.
        var end: Int { Int(valueStart) + Int(valueCount) + 2 }
    }

    var bytes = Buffer()
    var entries: [Entry] = []
    /// Every known field that was appended since the last `removeAll`; removed ones may still be in it.
    var present: KnownFieldSet = []

    package init() {}

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }
    package var indices: Range<Int> { 0..<entries.count }

    /// Bytes of all names and values that were appended, removed ones included.
    package var byteCount: Int { bytes.count }

    package mutating func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
        present = []
    }

    // MARK: reading

    /// As it was written, in whatever case.
    @_lifetime(borrow self)
    package func name(at index: Int) -> Span<UInt8> {
        let start = Int(entries[index].nameStart)
        return bytes.bytes.extracting(start..<start + Int(entries[index].nameCount))
    }

    @_lifetime(borrow self)
    package func value(at index: Int) -> Span<UInt8> {
        let start = Int(entries[index].valueStart)
        return bytes.bytes.extracting(start..<start + Int(entries[index].valueCount))
    }

    package func known(at index: Int) -> KnownField { entries[index].known }

    /// Index of the first field of that name at or after `start`. Not for `.other`, which is many names.
    package func first(_ known: KnownField, from start: Int = 0) -> Int? {
        guard present.contains(known) else { return nil }
        var index = start
        while index < entries.count {
            if entries[index].known == known { return index }
            index += 1
        }
        return nil
    }

    package func occurrences(_ known: KnownField) -> Int {
        guard present.contains(known) else { return 0 }
        var found = 0
        for index in entries.indices where entries[index].known == known { found += 1 }
        return found
    }

    /// Index of the first field of that name, in any case, at or after `start`.
    package func first(named name: borrowing Span<UInt8>, from start: Int = 0) -> Int? {
        let known = KnownField(name)
        if known != .other { return first(known, from: start) }
        var index = start
        while index < entries.count {
            if entries[index].known == .other, self.name(at: index).equalsIgnoringCase(name) { return index }
            index += 1
        }
        return nil
    }

    package func occurrences(named name: borrowing Span<UInt8>) -> Int {
        var found = 0
        var next = first(named: name)
        while let index = next {
            found += 1
            next = first(named: name, from: index + 1)
        }
        return found
    }

    // MARK: changing

    /// The fields behind it move up by one.
    package mutating func remove(at index: Int) { entries.remove(at: index) }

    /// Removes every field of that name. Not for `.other`.
    package mutating func removeAll(_ known: KnownField) {
        precondition(known != .other, "the field needs a name")
        entries.removeAll { $0.known == known }
    }

    /// Removes every field of that name, in any case.
    /// - Returns: how many there were.
    @discardableResult
    package mutating func removeAll(named name: borrowing Span<UInt8>) -> Int {
        var removed = 0
        var next = first(named: name)
        while let index = next {
            entries.remove(at: index)
            removed += 1
            next = first(named: name, from: index)
        }
        return removed
    }

    /// Removes every field whose name folds to a protected one.
    /// - Returns: how many there were.
    @discardableResult
    package mutating func removeAll(protectedBy folding: borrowing HeaderFolding) -> Int {
        var kept = 0
        for index in entries.indices where !folding.protects(name(at: index)) {
            if kept != index { entries[kept] = entries[index] }
            kept += 1
        }
        let removed = entries.count - kept
        entries.removeLast(removed)
        return removed
    }

    /// Puts another value in the place of field `index`, under the same name.
    package mutating func setValue(at index: Int, to value: borrowing Span<UInt8>) throws(FieldError) {
        let trimmed = value.trimmingOWS()
        guard trimmed.firstIndexOutsideFieldValue() == nil else { throw .invalidValue }
        let start = try room(for: trimmed.count)
        bytes.append(trimmed)
        entries[index].valueStart = UInt32(start)
        entries[index].valueCount = UInt32(trimmed.count)
        entries[index].isWhole = false
    }

    // MARK: writing

    /// Appends `name: value` and CRLF for each field that `skipped` does not hold.
    /// Cost: one copy for each run of neighbours that are written as they were read.
    package func append(linesTo output: inout Buffer, skipping skipped: KnownFieldSet) {
        var runStart = 0
        var runEnd = 0
        for index in entries.indices where !skipped.contains(entries[index].known) {
            let start = Int(entries[index].nameStart)
            if entries[index].isWhole && start == runEnd {
                runEnd = entries[index].end
                continue
            }
            output.append(bytes.bytes.extracting(runStart..<runEnd))
            (runStart, runEnd) = (start, start)
            if entries[index].isWhole {
                runEnd = entries[index].end
            } else {
                append(lineAt: index, to: &output)
            }
        }
        output.append(bytes.bytes.extracting(runStart..<runEnd))
    }

    private func append(lineAt index: Int, to output: inout Buffer) {
        output.append(name(at: index))
        output.append(": ")
        output.append(value(at: index))
        output.append("\r\n")
    }

    func room(for count: Int) throws(FieldError) -> Int {
        let start = bytes.count
        guard count <= Int(Int32.max) - 4 - start else { throw .tooLong }
        return start
    }
}
