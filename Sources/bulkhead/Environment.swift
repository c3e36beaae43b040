// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The process's environment.
func environment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = unsafe environ
    while let entry = unsafe next.pointee {
        // Safe because each entry of `environ` ends in NUL, and nothing changes it while we read.
        let text = unsafe String(cString: entry)
        if let equals = text.firstIndex(of: "=") {
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        unsafe next += 1
    }
    return variables
}
