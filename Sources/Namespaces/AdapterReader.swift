// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes
internal import JSON

/// Something that is wrong in an adapter's table.
package struct AdapterProblem: Hashable, Sendable {
    /// A JSON Pointer (RFC 6901) into the document: `/operations/3/request`.
    package var pointer: String
    /// Whether the key at that place is meant, not its value.
    package var isKey: Bool
    package var message: String
}

/// Everything that is wrong in one table; never empty when thrown.
package struct AdapterProblems: Error, Equatable, Sendable {
    package let list: [AdapterProblem]
}

/// Collects what is wrong while a table is read.
final class AdapterReader {
    private(set) var problems: [AdapterProblem] = []

    func note(_ pointer: String, isKey: Bool = false, _ message: String) {
        problems.append(AdapterProblem(pointer: pointer, isKey: isKey, message: message))
    }

    func finish() throws(AdapterProblems) {
        if !problems.isEmpty { throw AdapterProblems(list: problems) }
    }
}

/// A value of the document and where it stands. Getters answer nil, with a problem noted, for anything else than what
/// is wanted.
struct AdapterNode {
    let reader: AdapterReader
    let pointer: String
    let value: JSONValue

    func note(_ message: String) { reader.note(pointer, message) }

    func noteKey(_ key: String, _ message: String) {
        reader.note(pointer + "/" + Self.escape(key), isKey: true, message)
    }

    /// The members of a mapping, whatever they are called.
    func members() -> [(name: String, node: AdapterNode)]? {
        guard let object = value.object else { return expected("a mapping") }
        return object.members.map { member in
            (member.name, child(Self.escape(member.name), member.value))
        }
    }

    /// The members of a mapping that may hold these keys and no others, absent and null ones left out.
    func section(_ keys: [String]) -> [String: AdapterNode]? {
        guard let members = members() else { return nil }
        var section: [String: AdapterNode] = [:]
        for (name, node) in members {
            guard keys.contains(name) else {
                noteKey(name, "unknown key \"\(name)\"; known keys: \(keys.sorted().joined(separator: ", "))")
                continue
            }
            if node.value != .null { section[name] = node }
        }
        return section
    }

    func list() -> [AdapterNode]? {
        guard let elements = value.array else { return expected("a list") }
        return elements.enumerated().map { child(String($0.offset), $0.element) }
    }

    func string() -> String? { value.string ?? expected("a text") }

    func boolean() -> Bool? { value.bool ?? expected("true or false") }

    func integer(in range: ClosedRange<Int>) -> Int? {
        guard let number = value.integer.flatMap({ Int(exactly: $0) }), range.contains(number) else {
            return expected("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Bytes: a whole number, or a text with the unit `KiB` or `MiB`.
    func size(in range: ClosedRange<Int>) -> Int? {
        var size = value.integer.flatMap { Int(exactly: $0) }
        for (unit, factor) in [("KiB", 1 << 10), ("MiB", 1 << 20)] {
            guard let text = value.string, text.hasSuffix(unit), let count = Int(text.dropLast(3)) else {
                continue
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: factor)
            size = overflow ? nil : product
        }
        guard let size, range.contains(size) else {
            return expected(
                "a size from \(range.lowerBound) to \(range.upperBound) bytes, such as 64KiB or 16MiB"
            )
        }
        return size
    }

    func choice<T: RawRepresentable<String> & CaseIterable>(_ type: T.Type) -> T? {
        if let text = value.string, let choice = T(rawValue: text) { return choice }
        return expected("one of " + T.allCases.map { $0.rawValue }.joined(separator: ", "))
    }

    func method() -> Method? {
        if let text = value.string, let method = Method(text.utf8Span.span) {
            switch method {
            case .get, .head, .post, .put, .patch, .delete, .options: return method
            case .connect, .trace: break
            }
        }
        return expected("one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    }

    func template(allowing holes: Set<AdapterTemplate.Hole>) -> AdapterTemplate? {
        guard let text = string() else { return nil }
        if let template = AdapterTemplate(text, allowing: holes) { return template }
        let names = holes.map { "{\($0.rawValue)}" }.sorted().joined(separator: ", ")
        note("\"\(text)\": what stands in braces here is one of \(names); write {{ and }} for braces")
        return nil
    }

    func expected<T>(_ what: String) -> T? {
        note("expected \(what)")
        return nil
    }

    private func child(_ step: String, _ value: JSONValue) -> AdapterNode {
        AdapterNode(reader: reader, pointer: pointer + "/" + step, value: value)
    }

    /// One step of a JSON Pointer.
    private static func escape(_ name: String) -> String {
        var step = ""
        for character in name.unicodeScalars {
            switch character {
            case "~": step += "~0"
            case "/": step += "~1"
            default: step.unicodeScalars.append(character)
            }
        }
        return step
    }
}
