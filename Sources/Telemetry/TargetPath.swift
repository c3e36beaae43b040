// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The part of a request target that a record may show.
enum TargetPath {
    /// The path: no query and no fragment, whose values may be credentials or what a user said, and of an absolute
    /// form no authority, which may hold a password. Empty where no path can be told for certain.
    /// Source: RFC 9112 §3.2. Cost: one scan.
    @_lifetime(copy target)
    static func of(_ target: Span<UInt8>) -> Span<UInt8> {
        if target.isEmpty || target.equals("*") { return target }
        if target[0] == ASCII.slash { return target.extracting(0..<end(target, from: 0)) }
        let scheme = firstIndex(target, from: 0) {
            $0 == ASCII.colon || $0 == ASCII.slash || startsQuery($0)
        }
        guard target.extracting(scheme..<target.count).hasPrefix("://") else {
            return target.extracting(0..<0)
        }
        let path = firstIndex(target, from: scheme + 3) { $0 == ASCII.slash || startsQuery($0) }
        return target.extracting(path..<end(target, from: path))
    }

    private static func end(_ target: Span<UInt8>, from start: Int) -> Int {
        firstIndex(target, from: start, where: startsQuery)
    }

    private static func startsQuery(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    private static func firstIndex(
        _ bytes: Span<UInt8>,
        from start: Int,
        where matches: (UInt8) -> Bool
    ) -> Int {
        var index = start
        while index < bytes.count, !matches(bytes[index]) { index += 1 }
        return index
    }
}
