// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Crypto

/// Seals the ids that a store invents, so that each works in one compartment alone and no table of owners is needed.
///
/// The visible id is the real one under AES-128 with a key of the compartment's own, written as a UUID. Without that key
/// nobody can make a visible id that opens to a given real one: a neighbour's real id, even a leaked one, is of no use.
/// An id from elsewhere opens to noise, of which one in 32 has the form of a real id; the store does not know it then.
/// The key is derived from the id key, which is versioned and changes only through a migration (THREATS 14, 27).
/// One for each grant, on one worker: not to be shared between threads. Cost: about 0.3 µs an id, no allocation.
package final class IDSealer {
    private var permutation: BlockPermutation

    package init(idKey: Secret, compartment: Compartment) {
        let label: StaticString = "bulkhead sealed id v1"
        let key = HKDF.derive(from: idKey, salt: compartment.bytes.span, label: label.bytes, count: 16)
        guard let permutation = BlockPermutation(key: key) else {
            preconditionFailure("HKDF gave another count than was asked for")
        }
        self.permutation = permutation
    }

    /// Appends the visible id of a real one.
    /// - Parameter anyForm: whether agents choose ids too, so that every UUID can be a real one.
    /// - Returns: false, with nothing appended, when `real` is not written as a store writes ids (`UUIDText.isReal`).
    func seal(_ real: borrowing Span<UInt8>, anyForm: Bool = false, into output: inout Buffer) -> Bool {
        guard let block = UUIDText.parse(real), anyForm || UUIDText.isReal(block) else { return false }
        UUIDText.append(permutation.encrypt(block), to: &output)
        return true
    }

    enum Opened {
        case done
        /// No UUID at all.
        case malformed
        /// A UUID that this compartment never saw.
        case unknown
    }

    /// Appends the real id of a visible one; only `.done` appends.
    func open(_ visible: borrowing Span<UInt8>, anyForm: Bool = false, into output: inout Buffer) -> Opened {
        guard let block = UUIDText.parse(visible) else { return .malformed }
        let real = permutation.decrypt(block)
        guard anyForm || UUIDText.isReal(real) else { return .unknown }
        UUIDText.append(real, to: &output)
        return .done
    }
}

/// UUIDs as text (RFC 9562 §4).
enum UUIDText {
    typealias Block = BlockPermutation.Block

    /// Reads 32 digits of either case, with hyphens in the four places or without any.
    static func parse(_ text: borrowing Span<UInt8>) -> Block? {
        guard text.count == 36 || text.count == 32 else { return nil }
        let hyphenated = text.count == 36
        var block = Block(repeating: 0)
        var digits = 0
        for index in text.indices {
            if hyphenated, index == 8 || index == 13 || index == 18 || index == 23 {
                guard text[index] == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let value = ASCII.hexValue(text[index]) else { return nil }
            block[digits / 2] = block[digits / 2] << 4 | value
            digits += 1
        }
        return block
    }

    /// Whether a store could have made it: version 4 or 7 and the variant of RFC 9562 §4.1.
    static func isReal(_ block: Block) -> Bool {
        let version = block[6] >> 4
        return (version == 4 || version == 7) && block[8] >> 6 == 0b10
    }

    static func append(_ block: Block, to output: inout Buffer) {
        for index in block.indices {
            if index == 4 || index == 6 || index == 8 || index == 10 { output.append(UInt8(ascii: "-")) }
            output.append(ASCII.hexDigit(block[index] >> 4))
            output.append(ASCII.hexDigit(block[index] & 15))
        }
    }

    /// Whether a UUID stands anywhere in `text`, with or without hyphens: for texts that should hold none.
    static func occurs(in text: borrowing Span<UInt8>) -> Bool {
        for start in text.indices {
            if start + 36 <= text.count, parse(text.extracting(start..<start + 36)) != nil { return true }
            if start + 32 <= text.count, parse(text.extracting(start..<start + 32)) != nil { return true }
        }
        return false
    }
}
