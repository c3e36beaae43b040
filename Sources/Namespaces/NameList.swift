// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Expressions that name several things of a store at once, `a,b*,-c`: commas part names, `*` stands for anything, a
/// hyphen in front takes away. Each name gets the compartment's prefix, so a wildcard reaches no further than it.
struct NameList: Hashable, Sendable {
    /// Words that mean everything, `_all`; they become the prefix and `*`.
    var everything: [[UInt8]]

    /// Appends `text` with `prefix` put into every name.
    /// - Returns: false, with nothing of use appended, for an empty name, one that holds anything but letters, digits
    ///   and `-._*`, and one that begins with a byte that a store may give a meaning: `_`, `+`, a second hyphen.
    func rewrite(_ text: borrowing Span<UInt8>, prefix: [UInt8], into output: inout Buffer) -> Bool {
        var start = 0
        var isFirst = true
        while start <= text.count {
            let end = text.firstIndex(of: ASCII.comma, from: start) ?? text.count
            if !isFirst { output.append(ASCII.comma) }
            guard append(text.extracting(start..<end), isFirst: isFirst, prefix, &output) else {
                return false
            }
            isFirst = false
            start = end + 1
        }
        return true
    }

    /// Appends `text`, as the store repeats it, without the prefixes.
    /// - Returns: false, with nothing of use appended, where a name has none.
    static func restore(_ text: borrowing Span<UInt8>, prefix: [UInt8], into output: inout Buffer) -> Bool {
        var start = 0
        while true {
            let end = text.firstIndex(of: ASCII.comma, from: start) ?? text.count
            let name = text.extracting(start..<end)
            let isTaken = !name.isEmpty && name[0] == UInt8(ascii: "-")
            let whole = name.extracting((isTaken ? 1 : 0)..<name.count)
            guard whole.hasPrefix(prefix) else { return false }
            if isTaken { output.append(UInt8(ascii: "-")) }
            output.append(whole.extracting(prefix.count..<whole.count))
            if end == text.count { return true }
            output.append(ASCII.comma)
            start = end + 1
        }
    }

    private func append(
        _ name: borrowing Span<UInt8>,
        isFirst: Bool,
        _ prefix: [UInt8],
        _ output: inout Buffer
    ) -> Bool {
        if everything.contains(where: { name.equals($0) }) {
            output.append(prefix)
            output.append(UInt8(ascii: "*"))
            return true
        }
        var start = 0
        if !isFirst, name.count > 1, name[0] == UInt8(ascii: "-") {
            output.append(UInt8(ascii: "-"))
            start = 1
        }
        guard start < name.count, Self.mayBegin(name[start]) else { return false }
        for index in start..<name.count where !Self.isPlain(name[index]) { return false }
        output.append(prefix)
        output.append(name.extracting(start..<name.count))
        return true
    }

    private static func mayBegin(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: "_") && byte != UInt8(ascii: "-") && isPlain(byte)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "*"): true
        default: ASCII.isAlphanumeric(byte)
        }
    }
}
