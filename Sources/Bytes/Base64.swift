// SPDX-License-Identifier: Apache-2.0

/// Base64 with padding, where a protocol wants that and not base64url (RFC 4648 §4).
package enum Base64 {
    /// Appends the text of `bytes`. Cost: one buffer; nothing for the hot path.
    package static func encode(_ bytes: borrowing Span<UInt8>, into output: inout Buffer) {
        var text = Buffer()
        Base64URL.encode(bytes, into: &text)
        for index in text.bytes.indices {
            switch text.bytes[index] {
            case UInt8(ascii: "-"): output.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): output.append(UInt8(ascii: "/"))
            case let byte: output.append(byte)
            }
        }
        for _ in 0..<(4 - text.count % 4) % 4 { output.append(UInt8(ascii: "=")) }
    }
}
