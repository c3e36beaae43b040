// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Conformance data that lives outside the repository: `BULKHEAD_CORPORA`, or a folder beside the package.
enum Corpora {
    /// The folder, or nil where this machine has none.
    static let root: URL? = {
        let beside = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../shared/corpora").standardizedFileURL
        let root = ProcessInfo.processInfo.environment["BULKHEAD_CORPORA"].map { URL(filePath: $0) } ?? beside
        return FileManager.default.fileExists(atPath: root.path()) ? root : nil
    }()

    static func names(_ folder: String) -> [String] {
        guard let root else { return [] }
        let path = root.appending(path: folder).path()
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    static func read(_ path: String) -> [UInt8] {
        guard let root, let data = try? Data(contentsOf: root.appending(path: path)) else { return [] }
        return [UInt8](data)
    }
}

extension Corpora {
    static func text(_ path: String) -> String { String(decoding: read(path), as: UTF8.self) }

    static func lines(_ path: String) -> [[UInt8]] {
        read(path).split(separator: 0x0A).map(Array.init)
    }
}
