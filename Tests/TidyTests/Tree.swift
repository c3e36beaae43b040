// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The files of the package, read once.
enum Tree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Swift files below `Sources`.
    static let sources = swift(below: "Sources")
    /// Swift files below `Tests`.
    static let tests = swift(below: "Tests")

    private static func swift(below folder: String) -> [SourceFile] {
        paths(below: folder).filter { $0.hasSuffix(".swift") }.map { path in
            let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8)
            return SourceFile(path: path, text: text ?? "")
        }
    }

    /// Everything below a folder that git would keep, as paths from the root.
    static func paths(below folder: String) -> [String] {
        let base = root.appending(path: folder)
        let listed = FileManager.default.enumerator(atPath: base.path())
        return (listed?.compactMap { $0 as? String } ?? [])
            .filter { !$0.contains("__pycache__") && !$0.contains(".pytest_cache") }
            .map { "\(folder)/\($0)" }.sorted()
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path())
    }
}
