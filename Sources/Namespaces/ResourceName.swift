// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A name, or the ARN that has it: `arn:partition:service:region:account:` and then what kind of thing it is, and its name.
/// Source: AWS General Reference, "Amazon Resource Names".
enum ResourceName {
    /// Appends the value with a prefix in front of its name.
    /// - Parameter kind: what an ARN says before the name: `secret:`.
    /// - Returns: false for an empty name, and for an ARN of another form: a reader who finds the name elsewhere would find one
    ///   without its prefix.
    static func insert(
        _ prefix: [UInt8],
        into value: borrowing Span<UInt8>,
        behind kind: [UInt8],
        _ output: inout Buffer
    ) -> Bool {
        guard let start = start(value, kind) else { return false }
        output.append(value.extracting(0..<start))
        output.append(prefix)
        output.append(value.extracting(start..<value.count))
        return true
    }

    /// The way back.
    /// - Returns: false where the name does not begin with the prefix.
    static func remove(
        _ prefix: [UInt8],
        from value: borrowing Span<UInt8>,
        behind kind: [UInt8],
        _ output: inout Buffer
    ) -> Bool {
        guard let start = start(value, kind), value.extracting(start..<value.count).hasPrefix(prefix) else {
            return false
        }
        output.append(value.extracting(0..<start))
        output.append(value.extracting((start + prefix.count)..<value.count))
        return true
    }

    /// Where the name begins.
    private static func start(_ value: borrowing Span<UInt8>, _ kind: [UInt8]) -> Int? {
        var start = 0
        if value.count >= 4, value.extracting(0..<4).equalsIgnoringCase("arn:") {
            for _ in 0..<5 {
                guard let colon = value.firstIndex(of: ASCII.colon, from: start) else { return nil }
                start = colon + 1
            }
            guard value.extracting(start..<value.count).hasPrefix(kind) else { return nil }
            start += kind.count
        }
        guard start < value.count, value.firstIndex(of: ASCII.colon, from: start) == nil else { return nil }
        return start
    }
}
