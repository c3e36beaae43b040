// SPDX-License-Identifier: Apache-2.0
import Bytes

extension Span<UInt8> {
    /// Each byte as one character, so that nothing is lost.
    var text: String {
        var text = ""
        for index in indices { text.unicodeScalars.append(Unicode.Scalar(self[index])) }
        return text
    }
}
