// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import COpenSSL

/// What answers the key of a WebSocket's handshake in HTTP/1.1 (RFC 6455 §4.2.2). It shows that the other side has read that
/// very handshake and knows what a WebSocket is; it keeps no secret and proves nobody's identity, so SHA-1 does.
package enum WebSocketAccept {
    private static let byteCount = 20

    /// Appends the answer in its text form, 28 bytes.
    package static func append(answering key: borrowing Span<UInt8>, into output: inout Buffer) {
        var text = Buffer()
        text.append(key)
        text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        var digest = Buffer()
        // Safe because SHA-1 reads the text, which lives for the call, and writes exactly the bytes that it has room for.
        unsafe text.bytes.withUnsafeBufferPointer { input in
            unsafe digest.append(upTo: byteCount) { room in
                _ = unsafe SHA1(input.baseAddress, input.count, room.baseAddress)
                return byteCount
            }
        }
        Base64.encode(digest.bytes, into: &output)
    }
}
