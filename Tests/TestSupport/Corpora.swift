// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Conformance data that lives outside the repository: `BULKHEAD_CORPORA`, or `shared/corpora` beside the package.
package enum Corpora {
    /// The folder, or nil where this machine has none.
    package static let root: URL? = {
        let beside = Repository.root.appending(path: "../shared/corpora").standardizedFileURL
        let root = ProcessInfo.processInfo.environment["BULKHEAD_CORPORA"].map { URL(filePath: $0) } ?? beside
        return FileManager.default.fileExists(atPath: root.path()) ? root : nil
    }()

    /// Whether a folder of that name is there.
    package static func has(_ folder: String) -> Bool {
        guard let root else { return false }
        return FileManager.default.fileExists(atPath: root.appending(path: folder).path())
    }

    /// The names in a folder, sorted; none where it is absent.
    package static func names(_ folder: String) -> [String] {
        guard let root else { return [] }
        let path = root.appending(path: folder).path()
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// The paths of all files below a folder whose names end so, sorted; none where it is absent.
    package static func files(below folder: String, suffix: String) -> [String] {
        guard let root else { return [] }
        let found = try? FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path())
        return (found ?? []).filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// A file's content; empty where it is absent.
    package static func read(_ path: String) -> [UInt8] {
        guard let root, let data = try? Data(contentsOf: root.appending(path: path)) else { return [] }
        return [UInt8](data)
    }

    package static func text(_ path: String) -> String { String(decoding: read(path), as: UTF8.self) }

    package static func lines(_ path: String) -> [[UInt8]] {
        read(path).split(separator: 0x0A).map(Array.init)
    }
}
