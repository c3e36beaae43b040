// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Why a document is not what its table declares, and at which byte.
package struct JSONEditError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// It is no JSON.
        case syntax(JSONError.Reason)
        /// A name that the table has not, or one that is written with escapes: two readers may not take it for the
        /// same.
        case memberUndeclared
        case memberDuplicate
        case memberRefused
        /// An object lacks a required member; the offset is that of its end.
        case memberMissing
        /// An object, an array or a scalar where another was declared.
        case unexpectedType
    }

    package var reason: Reason
    package var offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

/// A value that the table hands to the caller.
package struct JSONEdit: Hashable, Sendable {
    package var binding: Int
    /// A string, number, literal or null; ranges as `JSONReader` gives them.
    package var token: JSONToken
    /// The whole value, quotes included: what a replacement takes the place of.
    package var range: ByteRange
}

/// Walks a document along a table and stops at each value that is to be edited. All other bytes are the caller's to
/// copy, so that what is printed differs from what was read in the edited values alone:
///
///     var editor = JSONEditor(table)
///     var copied = 0
///     while let edit = try editor.next(bytes) {
///         output.append(bytes.extracting(copied..<edit.range.start))
///         JSONWriter.appendString(replacement, &output)
///         copied = edit.range.end
///     }
///     output.append(bytes.extracting(copied..<bytes.count))
///
/// Nothing may leave before `next` has answered nil: a name that is not declared can come last.
/// `null` is taken in the place of a declared array, and of an object that needs no member. Values under `.any` are checked to be JSON and for
/// nothing else. It holds a position and one frame for each declared level, so a form that is fed in pieces needs no
/// other shape. Limits: the nesting given. Cost: one pass, no allocation.
package struct JSONEditor: Sendable {
    private struct Frame {
        var node = 0
        var seen: UInt64 = 0
    }

    private let table: JSONEditTable
    private var reader: JSONReader
    private var frames = InlineArray<17, Frame>(repeating: Frame())
    private var depth = 0
    private var isAtRoot = true

    package init(_ table: JSONEditTable, maximumDepth: Int = 64) {
        self.table = table
        reader = JSONReader(maximumDepth: maximumDepth)
    }

    /// The next value to edit, or nil once the document is complete and was as declared.
    /// - Parameter bytes: the whole document, the same at each call.
    package mutating func next(_ bytes: Span<UInt8>) throws(JSONEditError) -> JSONEdit? {
        while true {
            if depth == 0 {
                guard isAtRoot else {
                    _ = try token(bytes)
                    return nil
                }
                isAtRoot = false
                if let edit = try value(bytes, node: 0) { return edit }
                continue
            }
            let frame = frames[depth - 1]
            switch table.nodes[frame.node] {
            case .leaf: preconditionFailure("only containers are entered")
            case .array(let element):
                var ahead = reader
                if try Self.token(&ahead, bytes) == .endArray {
                    reader = ahead
                    depth -= 1
                } else if let edit = try value(bytes, node: element) {
                    return edit
                }
            case .object(let children, let required):
                guard case .key(let range, let escaped) = try token(bytes) else {
                    if frame.seen & required != required {
                        throw JSONEditError(.memberMissing, at: reader.position - 1)
                    }
                    depth -= 1
                    continue
                }
                let child = try member(bytes, range, escaped: escaped, of: children)
                if let edit = try value(bytes, node: children[child].node) { return edit }
            }
        }
    }

    /// Marks a member as seen.
    /// - Returns: its index among the declared ones.
    private mutating func member(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        escaped: Bool,
        of children: [JSONEditTable.Child]
    ) throws(JSONEditError) -> Int {
        if escaped { throw JSONEditError(.memberUndeclared, at: range.start) }
        for index in children.indices {
            if !bytes.extracting(range).equals(children[index].name) { continue }
            let bit: UInt64 = 1 << UInt64(index)
            if frames[depth - 1].seen & bit != 0 { throw JSONEditError(.memberDuplicate, at: range.start) }
            frames[depth - 1].seen |= bit
            return index
        }
        throw JSONEditError(.memberUndeclared, at: range.start)
    }

    /// Passes over a value, enters it, or answers with it.
    private mutating func value(_ bytes: Span<UInt8>, node: Int) throws(JSONEditError) -> JSONEdit? {
        if case .leaf(.any) = table.nodes[node] {
            do throws(JSONError) {
                _ = try reader.skipValue(bytes)
            } catch {
                throw JSONEditError(.syntax(error.reason), at: error.offset)
            }
            return nil
        }
        let token = try token(bytes)
        switch table.nodes[node] {
        case .leaf(let rule): return try scalar(token, rule)
        case .object(_, let required):
            if token == .null {
                if required != 0 { throw JSONEditError(.memberMissing, at: start(of: token)) }
                return nil
            }
            guard token == .beginObject else { throw JSONEditError(.unexpectedType, at: start(of: token)) }
        case .array:
            if token == .null { return nil }
            guard token == .beginArray else { throw JSONEditError(.unexpectedType, at: start(of: token)) }
        }
        frames[depth] = Frame(node: node, seen: 0)
        depth += 1
        return nil
    }

    private func scalar(_ token: JSONToken, _ rule: JSONRule) throws(JSONEditError) -> JSONEdit? {
        switch token {
        case .string, .number, .true, .false, .null: break
        case .beginObject, .endObject, .beginArray, .endArray, .key, .end:
            throw JSONEditError(.unexpectedType, at: start(of: token))
        }
        switch rule {
        case .scalar, .any: return nil
        case .refused:
            if token == .null { return nil }
            throw JSONEditError(.memberRefused, at: start(of: token))
        case .edit(let binding, _):
            let start = start(of: token)
            let range = ByteRange(start: start, count: reader.position - start)
            return JSONEdit(binding: binding, token: token, range: range)
        }
    }

    private func start(of token: JSONToken) -> Int {
        switch token {
        case .string(let range, _), .key(let range, _): range.start - 1
        case .number(let range): range.start
        case .true, .null: reader.position - 4
        case .false: reader.position - 5
        case .beginObject, .endObject, .beginArray, .endArray: reader.position - 1
        case .end: reader.position
        }
    }

    private mutating func token(_ bytes: Span<UInt8>) throws(JSONEditError) -> JSONToken {
        try Self.token(&reader, bytes)
    }

    private static func token(
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>
    ) throws(JSONEditError) -> JSONToken {
        do throws(JSONError) {
            return try reader.next(bytes)
        } catch {
            throw JSONEditError(.syntax(error.reason), at: error.offset)
        }
    }
}
