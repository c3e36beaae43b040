// SPDX-License-Identifier: Apache-2.0
import Bytes

extension Span<UInt8> {
    var text: String { string() ?? "not UTF-8" }
}
