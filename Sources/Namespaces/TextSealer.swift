// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Crypto

/// Binds texts to a compartment: ids of any form that a store invents, and keys that are too long or too strange for it.
///
/// A sealed id is the real one and 20 characters behind it, an authenticator under a key of the compartment's own over
/// the rewrite's name and the id. So nobody can make the visible id of an object that his compartment was not shown, an
/// id of one kind does not pass as one of another, and no table of owners is needed (THREATS 14, 16).
/// A digest is 24 characters that stand for a value and 8 that show that it is one of the compartment's own.
/// All characters are lower-case letters and digits. Cost: about 0.5 µs and two allocations an id.
final class TextSealer {
    static let tagCount = 20
    static let digestCount = 32
    /// Characters of an id that may be sealed.
    static let maximumCount = 16 << 10

    private var mac: HMACSHA256
    /// What digests stand for, as far as this worker was told.
    private var known: [[UInt8]: [UInt8]] = [:]
    private static let maximumKnown = 4096

    init(idKey: Secret, compartment: Compartment) {
        let label: StaticString = "bulkhead sealed text v1"
        let key = HKDF.derive(from: idKey, salt: compartment.bytes.span, label: label.bytes, count: 32)
        mac = HMACSHA256(key: key)
    }

    /// Appends the visible id of a real one.
    /// - Returns: false, with nothing appended, for an empty or overlong id.
    func seal(_ real: borrowing Span<UInt8>, as name: String, into output: inout Buffer) -> Bool {
        guard (1...Self.maximumCount).contains(real.count) else { return false }
        output.append(copying: real)
        Self.append(tag(0, name, real), Self.tagCount, to: &output)
        return true
    }

    /// Appends the real id of a visible one.
    /// - Returns: false, with nothing appended, for what this compartment was not shown.
    func open(_ visible: borrowing Span<UInt8>, as name: String, into output: inout Buffer) -> Bool {
        let count = visible.count - Self.tagCount
        guard (1...Self.maximumCount).contains(count) else { return false }
        let expected = tag(0, name, visible.extracting(0..<count))
        guard matches(visible.extracting(count..<visible.count), expected) else { return false }
        output.append(visible.extracting(0..<count))
        return true
    }

    /// Appends the digest of a value; one that is a digest of this compartment's already stays as it is.
    func digest(_ value: borrowing Span<UInt8>, as name: String, into output: inout Buffer) {
        if isDigest(value, as: name) { return output.append(copying: value) }
        var text = Buffer()
        Self.append(tag(1, name, value), 24, to: &text)
        Self.append(tag(2, name, text.bytes), 8, to: &text)
        output.append(text.bytes)
        if known.count >= Self.maximumKnown { known.removeAll(keepingCapacity: true) }
        known[text.bytes.array()] = value.array()
    }

    /// Appends what a digest stands for, where that is known, else the digest, which is as good a key.
    /// - Returns: false, with nothing appended, for what is no digest of this compartment's.
    func value(_ digest: borrowing Span<UInt8>, as name: String, into output: inout Buffer) -> Bool {
        guard isDigest(digest, as: name) else { return false }
        if let value = known[digest.array()] { output.append(value) } else { output.append(copying: digest) }
        return true
    }

    private func isDigest(_ text: borrowing Span<UInt8>, as name: String) -> Bool {
        guard text.count == Self.digestCount else { return false }
        let expected = tag(2, name, text.extracting(0..<24))
        return matches(text.extracting(24..<32), expected)
    }

    private func tag(_ use: UInt8, _ name: String, _ text: borrowing Span<UInt8>) -> Digest {
        var message = Buffer(capacity: name.utf8.count + text.count + 2)
        message.append(use)
        message.append(string: name)
        // A name has no byte 0, so name and text cannot run into one another.
        message.append(0)
        message.append(copying: text)
        return mac.authenticate(message.bytes)
    }

    /// Compares in constant time.
    private func matches(_ text: borrowing Span<UInt8>, _ tag: borrowing Digest) -> Bool {
        var expected = Buffer()
        Self.append(tag, text.count, to: &expected)
        var difference: UInt8 = 0
        for index in text.indices { difference |= text[index] ^ expected.bytes[index] }
        return difference == 0
    }

    /// Appends 5 bits of the digest in each character.
    private static func append(_ digest: borrowing Digest, _ count: Int, to output: inout Buffer) {
        let bytes = digest.bytes
        var bits: UInt32 = 0
        var available = 0
        var index = 0
        for _ in 0..<count {
            if available < 5 {
                bits = bits << 8 | UInt32(bytes[index])
                available += 8
                index += 1
            }
            available -= 5
            let value = UInt8(truncatingIfNeeded: bits >> UInt32(available)) & 31
            output.append(value < 26 ? UInt8(ascii: "a") + value : UInt8(ascii: "2") + value - 26)
        }
    }
}
