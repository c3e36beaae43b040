// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A worker's large buffers, through which the bytes of all its connections pass: empty between them, so that they stay in the
/// processor's cache, and a connection keeps only what waits (see `Transport`).
struct Scratch: ~Copyable {
    /// What may be left in an input and still come along into the large one.
    static let leftoverBytes = 4 << 10

    /// Cipher text that was read.
    var cipher = Buffer(capacity: Transport.burstBytes)
    /// The input of the connection that is being read.
    var plain = Buffer(capacity: Transport.burstBytes + leftoverBytes)
    /// Cipher text on its way into a socket. A record of 16 KiB grows by 22 to 32 bytes.
    var sealed = Buffer(capacity: Transport.burstBytes + (4 << 10))
}
