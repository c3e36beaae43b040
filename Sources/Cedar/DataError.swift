// SPDX-License-Identifier: Apache-2.0
import Bytes
package import JSON

/// Why a document of entities, a context, a request, a policy or a schema in JSON was refused.
package struct DataError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the document, as a JSON pointer (RFC 6901); empty for the whole of it.
    package let path: String
    package let message: String

    package init(_ path: String, _ message: String) {
        self.path = path
        self.message = message
    }

    package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// JSON documents as Cedar reads them: strict, with caps.
package enum Document {
    package static let maximumDepth = 128
    package static let maximumBytes = 64 << 20

    /// - Throws: for anything that is not one JSON document, duplicate names included; line and column are told.
    package static func parse(_ bytes: Span<UInt8>) throws(DataError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue.parse(bytes, maximumDepth: maximumDepth, maximumBytes: maximumBytes)
        } catch {
            let (line, column) = error.position(in: bytes)
            throw DataError("", "line \(line), column \(column): \(error.reason.rawValue)")
        }
    }

    package static func parse(_ text: String) throws(DataError) -> JSONValue {
        try parse(text.utf8Span.span)
    }
}

extension JSONValue {
    func object(at path: String) throws(DataError) -> JSONObject {
        guard let object else { throw DataError(path, "expected an object") }
        return object
    }

    func array(at path: String) throws(DataError) -> [JSONValue] {
        guard let array else { throw DataError(path, "expected an array") }
        return array
    }

    func text(at path: String) throws(DataError) -> Text {
        guard let string else { throw DataError(path, "expected a string") }
        return Text(string)
    }
}

extension JSONObject {
    func required(_ name: String, at path: String) throws(DataError) -> JSONValue {
        guard let value = self[name] else { throw DataError(path, "`\(name)` is missing") }
        return value
    }

    /// Refuses members that are not among `names`.
    func only(_ names: [String], at path: String) throws(DataError) {
        for member in members where !names.contains(where: { Text($0) == Text(member.name) }) {
            throw DataError(path, "`\(member.name)` is unknown here")
        }
    }
}
