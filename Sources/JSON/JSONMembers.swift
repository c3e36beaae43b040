// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One member of an object, as ranges into the text that it was read from.
package struct JSONMember: Hashable, Sendable {
    /// Without the quotes.
    package var name: ByteRange
    package var nameIsEscaped: Bool
    /// How the value begins: `.string` and `.number` with their range, `.beginObject`, `.beginArray`, or a literal.
    package var token: JSONToken
    /// The whole value, quotes and brackets included.
    package var value: ByteRange
}

/// The members of one object, found without making values of them: for headers and claims on the way of a
/// request. Keeps its storage, so that reading again allocates nothing.
/// No two names may mean the same, however they are spelled. Objects further in are passed over unread;
/// `JSONValue` reads them strictly.
package struct JSONMembers: Sendable {
    private var members: [JSONMember] = []
    private let maximumCount: Int

    /// - Parameter maximumCount: bounds the comparisons of names, which grow with its square.
    package init(maximumCount: Int = 128) {
        self.maximumCount = maximumCount
        members.reserveCapacity(min(maximumCount, 32))
    }

    package var count: Int { members.count }
    package subscript(_ place: Int) -> JSONMember { members[place] }

    /// Reads a document that is one object, forgetting the one before.
    /// - Throws: `.unexpectedByte` at the start of any other value, `.duplicateName`, `.tooLarge` for too many
    ///   members, and whatever `JSONReader` refuses. There are no members then.
    package mutating func read(_ bytes: Span<UInt8>, maximumDepth: Int = 64) throws(JSONError) {
        members.removeAll(keepingCapacity: true)
        do throws(JSONError) {
            try readObject(bytes, maximumDepth)
        } catch {
            members.removeAll(keepingCapacity: true)
            throw error
        }
    }

    /// The member of that name, or nil. `bytes` are those that were read.
    package func find(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> JSONMember? {
        for member in members
        where JSONText.equals(bytes, member.name, escaped: member.nameIsEscaped, name) {
            return member
        }
        return nil
    }

    package func find(_ name: StaticString, in bytes: Span<UInt8>) -> JSONMember? {
        find(name.bytes, in: bytes)
    }

    private mutating func readObject(_ bytes: Span<UInt8>, _ maximumDepth: Int) throws(JSONError) {
        var reader = JSONReader(maximumDepth: maximumDepth)
        guard case .beginObject = try reader.next(bytes) else { throw JSONError(.unexpectedByte, at: 0) }
        while case .key(let name, let escaped) = try reader.next(bytes) {
            if members.count == maximumCount { throw JSONError(.tooLarge, at: name.start) }
            try refuseDuplicate(of: name, escaped, bytes)
            let before = reader
            let token = try reader.next(bytes)
            reader = before
            let value = try reader.skipValue(bytes)
            members.append(JSONMember(name: name, nameIsEscaped: escaped, token: token, value: value))
        }
        _ = try reader.next(bytes)
    }

    private func refuseDuplicate(
        of name: ByteRange,
        _ escaped: Bool,
        _ bytes: Span<UInt8>
    ) throws(JSONError) {
        if !escaped {
            if find(bytes.extracting(name), in: bytes) != nil {
                throw JSONError(.duplicateName, at: name.start)
            }
            return
        }
        var meant = Buffer(capacity: name.count)
        JSONText.unescape(bytes, name, escaped: true, into: &meant)
        if find(meant.bytes, in: bytes) != nil { throw JSONError(.duplicateName, at: name.start) }
    }
}
