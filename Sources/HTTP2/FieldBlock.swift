// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// The fields of one head as HPACK gave them, nothing checked but how much there is of them.
struct FieldBlock: ~Copyable {
    private struct Entry {
        var start: UInt32
        var nameCount: UInt32
        var valueCount: UInt32
    }

    private var bytes = Buffer()
    private var entries: [Entry] = []
    /// As SETTINGS_MAX_HEADER_LIST_SIZE counts.
    private(set) var listBytes = 0
    /// What was left out, if anything: such a head is refused whatever else it holds.
    private(set) var excess: HTTP2Error.Reason?

    init() {}

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
        listBytes = 0
        excess = nil
    }

    /// Gives storage back that one large head has left behind.
    mutating func trim(to capacity: Int) {
        removeAll()
        if bytes.capacity > capacity { bytes.release() }
    }

    /// - Parameters: of the whole block, in bytes and fields.
    mutating func append(
        name: borrowing Span<UInt8>,
        value: borrowing Span<UInt8>,
        listBytes maximum: Int,
        fieldBytes: Int,
        count maximumCount: Int
    ) {
        let (sum, overflow) = listBytes.addingReportingOverflow(name.count + value.count + 32)
        listBytes = overflow ? .max : sum
        guard excess == nil else { return }
        if listBytes > maximum { return excess = .headTooLarge }
        if name.count + value.count > fieldBytes { return excess = .fieldTooLarge }
        if entries.count >= maximumCount { return excess = .tooManyFields }
        entries.append(
            Entry(
                start: UInt32(truncatingIfNeeded: bytes.count),
                nameCount: UInt32(truncatingIfNeeded: name.count),
                valueCount: UInt32(truncatingIfNeeded: value.count)
            )
        )
        bytes.append(name)
        bytes.append(value)
    }

    @_lifetime(borrow self)
    func name(at index: Int) -> Span<UInt8> {
        let start = Int(entries[index].start)
        return bytes.bytes.extracting(start..<start + Int(entries[index].nameCount))
    }

    @_lifetime(borrow self)
    func value(at index: Int) -> Span<UInt8> {
        let start = Int(entries[index].start) + Int(entries[index].nameCount)
        return bytes.bytes.extracting(start..<start + Int(entries[index].valueCount))
    }

    func isPseudo(at index: Int) -> Bool {
        let name = name(at: index)
        return !name.isEmpty && name[0] == ASCII.colon
    }

    /// Whether it is the head of an informational response: `:status` stands first, or the head is no message.
    var isInterim: Bool {
        guard count > 0, name(at: 0).equals(":status") else { return false }
        let value = value(at: 0)
        return value.count == 3 && value[0] == UInt8(ascii: "1")
    }

    /// Whether it is the head of a 101, which HTTP/2 does not have (RFC 9113 §8.6).
    var switchesProtocols: Bool { isInterim && value(at: 0).equals("101") }

    /// Appends a field that is none of the pseudo-fields, under the rules of RFC 9113 §8.2.
    func copyField(at index: Int, to fields: inout Fields) throws(HTTP2Error) {
        let name = name(at: index)
        let value = value(at: index)
        for place in name.indices where name[place] &- 0x41 < 26 { throw HTTP2Error(.invalidFieldName) }
        if !value.isEmpty, Self.isBlank(value[0]) || Self.isBlank(value[value.count - 1]) {
            throw HTTP2Error(.invalidFieldValue)
        }
        do throws(FieldError) {
            try fields.append(name: name, value: value)
        } catch {
            switch error {
            case .invalidName: throw HTTP2Error(.invalidFieldName)
            case .invalidValue: throw HTTP2Error(.invalidFieldValue)
            case .tooLong: throw HTTP2Error(.headTooLarge)
            }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}
