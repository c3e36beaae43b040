// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// Something that is wrong in a file, told so that a person finds it: `file:line:column: message`.
    /// Messages show values as they are written in the file, not what the environment made of them, and secrets
    /// not at all.
    package struct Problem: Hashable, Comparable, Sendable, CustomStringConvertible {
        package var file: String
        package var position: YAML.Position
        package var message: String

        package init(file: String, position: YAML.Position, message: String) {
            self.file = file
            self.position = position
            self.message = message
        }

        package var description: String {
            "\(file):\(position.line):\(position.column): \(message)"
        }

        package static func < (left: Problem, right: Problem) -> Bool {
            (left.file, left.position, left.message) < (right.file, right.position, right.message)
        }
    }

    /// Everything that is wrong, in the order of the text; never empty when thrown.
    package struct Problems: Error, Equatable, Sendable, CustomStringConvertible {
        package private(set) var list: [Problem]

        package init(_ list: [Problem]) {
            // One mistake can be met on two ways through a document.
            self.list = Set(list).sorted()
        }

        /// One line for each problem.
        package var description: String { list.map(\.description).joined(separator: "\n") }
    }
}
