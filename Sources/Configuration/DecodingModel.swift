// SPDX-License-Identifier: Apache-2.0
import Bytes

// How the parts of the model are read: names, lists of parts, maps of named parts.

extension YAML.Section {
    /// Sets `target` when the key is written and right; a default stays otherwise.
    mutating func read<T>(_ key: String, into target: inout T, _ get: (YAML.Value) -> T?) {
        if let found = value(key).flatMap(get) { target = found }
    }

    /// A mapping that must be there.
    mutating func part<T>(_ key: String, _ decode: (inout YAML.Section) -> T) -> T? {
        required(key)?.section(decode)
    }

    /// A list that must be there, with at least one part in it.
    mutating func items<T>(_ key: String, _ decode: (inout YAML.Section) -> T?) -> [T] {
        required(key)?.items(count: 1...1000, decode) ?? []
    }

    /// A mapping that must be there, from names to at least one part.
    mutating func named<T>(_ key: String, _ decode: (String, inout YAML.Section) -> T?) -> [T] {
        guard let value = required(key), let entries = value.map() else { return [] }
        if entries.isEmpty { value.note("expected at least one") }
        return entries.compactMap { entry in
            guard YAML.isName(entry.name) else {
                value.context.note(entry.namePosition, "\"\(entry.name)\" is no name: \(YAML.nameRule)")
                return nil
            }
            // A part that is all defaults may be written as nothing.
            let node = entry.value.node.isNull ? entry.value.emptied : entry.value
            return node.section { decode(entry.name, &$0) }.flatMap(\.self)
        }
    }

    /// A name of its own, such as a route's.
    mutating func name(_ key: String = "name") -> String { required(key)?.name() ?? "" }
}

extension YAML.Value {
    /// A list of parts, each a mapping.
    func items<T>(count: ClosedRange<Int>, _ decode: (inout YAML.Section) -> T?) -> [T] {
        list(count: count)?.compactMap { item in item.section(decode).flatMap(\.self) } ?? []
    }

    func name() -> String? {
        guard let text = string(count: 1...64) else { return nil }
        guard YAML.isName(text) else {
            noteExpected("a name (\(YAML.nameRule))")
            return nil
        }
        return text
    }

    /// A list of names.
    func names(count: ClosedRange<Int> = 1...1000) -> [String]? {
        guard let items = list(count: count) else { return nil }
        var names: [String] = []
        for item in items {
            guard let name = item.name() else { continue }
            if names.contains(name) { item.note("stands twice in the list") }
            names.append(name)
        }
        return names
    }

    fileprivate var emptied: YAML.Value {
        YAML.Value(context: context, node: .init(.mapping([]), at: position), path: path, pattern: pattern)
    }
}

extension YAML {
    static let nameRule = "1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first"

    /// Case-sensitive. The alphabet leaves no name that a path, a label or a log line would have to escape.
    static func isName(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...64).contains(bytes.count), let first = bytes.first, ASCII.isAlphanumeric(first) else {
            return false
        }
        return bytes.allSatisfy { byte in
            ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
    }
}
