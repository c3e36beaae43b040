// SPDX-License-Identifier: Apache-2.0
import Bytes

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
    private struct Entry {
        var nameStart: UInt32
        var valueStart: UInt32
        var valueCount: UInt32
        var nameCount: UInt16
        var known: KnownField
    }

    private var bytes = Buffer()
    private var entries: [Entry] = []

    package init() {}

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }
    package var indices: Range<Int> { 0..<entries.count }

    /// Bytes of all names and values that were appended, removed ones included.
    package var byteCount: Int { bytes.count }

    package mutating func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
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
        var index = start
        while index < entries.count {
            if entries[index].known == known { return index }
            index += 1
        }
        return nil
    }

    package func occurrences(_ known: KnownField) -> Int {
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

    // MARK: appending

    package mutating func append(
        name: borrowing Span<UInt8>,
        value: borrowing Span<UInt8>
    ) throws(FieldError) {
        guard name.isToken else { throw .invalidName }
        guard name.count <= Int(UInt16.max) else { throw .tooLong }
        let start = try room(for: name.count + value.count)
        bytes.append(name)
        try finish(start, nameCount: name.count, known: KnownField(name), value: value)
    }

    /// `name` is a constant of ours: a precondition that it is a token.
    package mutating func append(name: StaticString, value: borrowing Span<UInt8>) throws(FieldError) {
        let start = try room(for: name.utf8CodeUnitCount + value.count)
        bytes.append(name)
        let known = knownName(start..<bytes.count)
        try finish(start, nameCount: name.utf8CodeUnitCount, known: known, value: value)
    }

    /// `known` must have a name: not `.other`.
    package mutating func append(_ known: KnownField, value: borrowing Span<UInt8>) throws(FieldError) {
        precondition(known != .other, "the field needs a name")
        let name = known.name
        let start = try room(for: name.utf8CodeUnitCount + value.count)
        bytes.append(name)
        try finish(start, nameCount: name.utf8CodeUnitCount, known: known, value: value)
    }

    /// `value` is a constant of ours: a precondition that it is valid.
    package mutating func append(_ known: KnownField, value: StaticString) {
        precondition(known != .other, "the field needs a name")
        append(trusted: known.name, known, value)
    }

    /// `name` and `value` are constants of ours: a precondition that they are valid.
    package mutating func append(name: StaticString, value: StaticString) {
        append(trusted: name, nil, value)
    }

    package mutating func append(_ known: KnownField, decimal value: Int) {
        precondition(known != .other, "the field needs a name")
        let name = known.name
        let start = bytes.count
        bytes.append(name)
        bytes.append(decimal: value)
        record(start, nameCount: name.utf8CodeUnitCount, known: known)
    }

    /// Appends field `index` of another message, name and value as they stand there.
    package mutating func append(_ index: Int, of other: borrowing Fields) throws(FieldError) {
        let start = try room(for: Int(other.entries[index].nameCount) + other.value(at: index).count)
        bytes.append(other.name(at: index))
        bytes.append(other.value(at: index))
        record(start, nameCount: Int(other.entries[index].nameCount), known: other.entries[index].known)
    }

    /// Appends another value under the name of field `index` of another message.
    package mutating func append(
        nameAt index: Int,
        of other: borrowing Fields,
        value: borrowing Span<UInt8>
    ) throws(FieldError) {
        try append(name: other.name(at: index), value: value)
    }

    /// Appends a field whose bytes the caller has already checked: a token, and a value without control bytes and
    /// trimmed. For the parsers of heads, which check while they scan.
    package mutating func append(
        checkedLine line: borrowing Span<UInt8>,
        nameCount: Int,
        value: Range<Int>
    ) throws(FieldError) -> KnownField {
        guard nameCount <= Int(UInt16.max) else { throw .tooLong }
        let start = try room(for: line.count)
        let known = KnownField(line.extracting(0..<nameCount))
        bytes.append(line)
        entries.append(
            Entry(
                nameStart: UInt32(start),
                valueStart: UInt32(start + value.lowerBound),
                valueCount: UInt32(value.count),
                nameCount: UInt16(nameCount),
                known: known
            )
        )
        return known
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
    }

    // MARK: private

    private func room(for count: Int) throws(FieldError) -> Int {
        let start = bytes.count
        guard count <= Int(Int32.max) - start else { throw .tooLong }
        return start
    }

    private mutating func finish(
        _ start: Int,
        nameCount: Int,
        known: KnownField,
        value: borrowing Span<UInt8>
    ) throws(FieldError) {
        let trimmed = value.trimmingOWS()
        guard trimmed.firstIndexOutsideFieldValue() == nil else {
            bytes.truncate(to: start)
            throw .invalidValue
        }
        bytes.append(trimmed)
        record(start, nameCount: nameCount, known: known)
    }

    /// The field that the appended name is; a precondition that it is a token.
    private func knownName(_ range: Range<Int>) -> KnownField {
        let name = bytes.bytes.extracting(range)
        let isToken = name.isToken
        precondition(isToken, "a field name of ours is no token")
        return KnownField(name)
    }

    private func isTrimmedValue(_ range: Range<Int>) -> Bool {
        let value = bytes.bytes.extracting(range)
        return value.firstIndexOutsideFieldValue() == nil && value.trimmingOWS().count == value.count
    }

    private mutating func append(trusted name: StaticString, _ known: KnownField?, _ value: StaticString) {
        let start = bytes.count
        let nameCount = name.utf8CodeUnitCount
        bytes.append(name)
        bytes.append(value)
        let resolved = knownName(start..<start + nameCount)
        precondition(isTrimmedValue(start + nameCount..<bytes.count), "a field value of ours is invalid")
        record(start, nameCount: nameCount, known: known ?? resolved)
    }

    /// Everything from `start` to the end of the block is one name and its value.
    private mutating func record(_ start: Int, nameCount: Int, known: KnownField) {
        entries.append(
            Entry(
                nameStart: UInt32(start),
                valueStart: UInt32(start + nameCount),
                valueCount: UInt32(bytes.count - start - nameCount),
                nameCount: UInt16(nameCount),
                known: known
            )
        )
    }
}
