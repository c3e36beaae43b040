// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Every appended line stands in the block as it is written: `name: value` and CRLF.
extension Fields {
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
        bytes.append(": ")
        bytes.append(decimal: value)
        record(start, nameCount: name.utf8CodeUnitCount, known: known)
    }

    /// Appends field `index` of another message, name and value as they stand there. Cost: mostly one copy.
    package mutating func append(_ index: Int, of other: borrowing Fields) throws(FieldError) {
        var entry = other.entries[index]
        let start = try room(for: Int(entry.nameCount) + Int(entry.valueCount))
        guard entry.isWhole else {
            bytes.append(other.name(at: index))
            bytes.append(": ")
            bytes.append(other.value(at: index))
            return record(start, nameCount: Int(entry.nameCount), known: entry.known)
        }
        bytes.append(other.bytes.bytes.extracting(Int(entry.nameStart)..<entry.end))
        entry.valueStart = UInt32(start) + entry.valueStart - entry.nameStart
        entry.nameStart = UInt32(start)
        record(entry)
    }

    /// Appends another value under the name of field `index` of another message.
    package mutating func append(
        nameAt index: Int,
        of other: borrowing Fields,
        value: borrowing Span<UInt8>
    ) throws(FieldError) {
        try append(name: other.name(at: index), value: value)
    }

    /// Appends a line whose bytes the caller has already checked: a token, a colon, a value without control bytes, and
    /// CRLF. For the parsers of heads, which check while they scan.
    /// - Parameter value: where the value stands in the line, without spaces and tabs around it.
    package mutating func append(
        checkedLine line: borrowing Span<UInt8>,
        nameCount: Int,
        value: Range<Int>
    ) throws(FieldError) -> KnownField {
        guard nameCount <= Int(UInt16.max) else { throw .tooLong }
        let start = try room(for: line.count)
        let known = KnownField(line.extracting(0..<nameCount))
        bytes.append(line)
        let isWhole =
            value.lowerBound == nameCount + 2 && value.upperBound == line.count - 2
            && line[nameCount + 1] == ASCII.space
        record(
            Entry(
                nameStart: UInt32(start),
                valueStart: UInt32(start + value.lowerBound),
                valueCount: UInt32(value.count),
                nameCount: UInt16(nameCount),
                known: known,
                isWhole: isWhole
            )
        )
        return known
    }

    private mutating func finish(
        _ start: Int,
        nameCount: Int,
        known: KnownField,
        value: borrowing Span<UInt8>
    ) throws(FieldError) {
        let trimmed = value.trimmingOWS()
        bytes.append(": ")
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
        bytes.append(": ")
        bytes.append(value)
        let resolved = knownName(start..<start + nameCount)
        precondition(isTrimmedValue(start + nameCount + 2..<bytes.count), "a field value of ours is invalid")
        record(start, nameCount: nameCount, known: known ?? resolved)
    }

    /// Everything from `start` to the end of the block is one name, `: ` and its value.
    private mutating func record(_ start: Int, nameCount: Int, known: KnownField) {
        let valueStart = start + nameCount + 2
        let valueCount = bytes.count - valueStart
        bytes.append("\r\n")
        record(
            Entry(
                nameStart: UInt32(start),
                valueStart: UInt32(valueStart),
                valueCount: UInt32(valueCount),
                nameCount: UInt16(nameCount),
                known: known,
                isWhole: true
            )
        )
    }

    private mutating func record(_ entry: Entry) {
        entries.append(entry)
        present.insert(entry.known)
    }
}
