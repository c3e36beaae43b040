// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// The files of this package.
package enum Repository {
    package static let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL

    /// A file, by its path from the root.
    package static func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: root.appending(path: path)))
    }

    /// A text, by its path from the root.
    package static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
