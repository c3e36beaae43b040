// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A folder that goes with its owner.
package final class Folder {
    package let path: String
    private var files: [String] = []

    package init() {
        var template = Array("/tmp/bulkhead-XXXXXX".utf8CString)
        // Safe because the template ends with a zero and outlives the call.
        guard unsafe mkdtemp(&template) != nil else { preconditionFailure("no folder in /tmp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        // Safe because the strings outlive the calls.
        for file in files { _ = unsafe unlink(file) }
        _ = unsafe rmdir(path)
    }

    /// - Returns: the file's path.
    @discardableResult
    package func write(_ name: String, _ text: String) -> String {
        let file = "\(path)/\(name)"
        // Safe because the string outlives the call.
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { preconditionFailure("cannot write \(file)") }
        let bytes = Array(text.utf8)
        // Safe because the array outlives the call.
        let written = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        close(descriptor)
        precondition(written == bytes.count, "cannot write \(file)")
        files.append(file)
        return file
    }

    func link(_ name: String, to target: String) {
        let file = "\(path)/\(name)"
        // Safe because the strings outlive the call.
        guard unsafe symlink(target, file) == 0 else { preconditionFailure("cannot link \(file)") }
        files.append(file)
    }
}

/// Where the package lies.
package enum Package {
    package static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
}
