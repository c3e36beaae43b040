// SPDX-License-Identifier: Apache-2.0
package import JSON

extension Configuration {
    /// A file of `Config/adapters/` as plain values, and where each stands in the file. What the values mean is known in
    /// `Namespaces`, which reports by JSON Pointer what is wrong with them; `problems` turns that into lines.
    package struct AdapterDocument: Sendable {
        package let value: JSONValue
        private let file: String
        private var places: [String: (key: YAML.Position, value: YAML.Position)] = [:]

        /// - Throws: what is wrong with the file as YAML.
        package init(_ bytes: borrowing Span<UInt8>, file: String) throws(Problems) {
            let root = try YAML.parse(bytes, file: file, limits: YAML.Limits(bytes: 1 << 20))
            self.file = file
            var places: [String: (key: YAML.Position, value: YAML.Position)] = [:]
            value = Self.convert(root, key: root.position, pointer: "", &places)
            self.places = places
        }

        /// The problems with line and column; one at a place that is not in the file is shown where the place's nearest
        /// parent stands.
        package func problems(_ list: [(pointer: String, isKey: Bool, message: String)]) -> Problems {
            Problems(
                list.map { problem in
                    var pointer = Substring(problem.pointer)
                    while places[String(pointer)] == nil, let slash = pointer.lastIndex(of: "/") {
                        pointer = pointer[..<slash]
                    }
                    let place = places[String(pointer)]
                    let position = problem.isKey ? place?.key : place?.value
                    return Problem(
                        file: file,
                        position: position ?? YAML.Position(line: 1, column: 1),
                        message: problem.message
                    )
                }
            )
        }

        private static func convert(
            _ node: YAML.Node,
            key: YAML.Position,
            pointer: String,
            _ places: inout [String: (key: YAML.Position, value: YAML.Position)]
        ) -> JSONValue {
            places[pointer] = (key, node.position)
            switch node.content {
            case .scalar(let scalar): return convert(scalar)
            case .sequence(let items):
                var elements: [JSONValue] = []
                for (index, item) in items.enumerated() {
                    let place = "\(pointer)/\(index)"
                    elements.append(convert(item, key: item.position, pointer: place, &places))
                }
                return .array(elements)
            case .mapping(let entries):
                var object = JSONObject()
                for entry in entries {
                    let place = "\(pointer)/\(escape(entry.key))"
                    let value = convert(entry.value, key: entry.keyPosition, pointer: place, &places)
                    // The parser has refused keys that stand twice.
                    _ = object.append(entry.key, value)
                }
                return .object(object)
            }
        }

        private static func convert(_ scalar: YAML.Scalar) -> JSONValue {
            switch scalar.kind {
            case .null: .null
            case .boolean: .bool(scalar.text.lowercased() == "true")
            case .integer: YAML.Value.integer(scalar.text).map { .integer(Int64($0)) } ?? .number(scalar.text)
            case .float: .number(scalar.text)
            case .text: .string(scalar.text)
            }
        }

        private static func escape(_ key: String) -> String {
            var step = ""
            for scalar in key.unicodeScalars {
                switch scalar {
                case "~": step += "~0"
                case "/": step += "~1"
                default: step.unicodeScalars.append(scalar)
                }
            }
            return step
        }
    }
}
