// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The part of a request target that a record may show.
enum TargetPath {
    /// The path: no query and no fragment, whose values may be credentials or what a user said, and of an absolute
    /// form no authority, which may hold a password. Empty where no path can be told for certain.
    /// Source: RFC 9112 §3.2. Cost: two scans.
    @_lifetime(copy target)
    static func of(_ target: Span<UInt8>) -> Span<UInt8> {
        if target.isEmpty || target.equals("*") { return target }
        let question = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        let shown = target.extracting(0..<question)
        let path = shown.extracting(0..<(shown.firstIndex(of: UInt8(ascii: "#")) ?? question))
        if path.isEmpty || path[0] == ASCII.slash { return path }
        guard let scheme = path.firstIndex(of: ASCII.colon), path.firstIndex(of: ASCII.slash) == scheme + 1,
            path.extracting(scheme..<path.count).hasPrefix("://"),
            let start = path.firstIndex(of: ASCII.slash, from: scheme + 3)
        else { return target.extracting(0..<0) }
        return path.extracting(start..<path.count)
    }
}
