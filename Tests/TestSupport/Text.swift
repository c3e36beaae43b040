// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Its UTF-8, because the expectation macros cannot hold a Span.
    package var bytes: [UInt8] { Array(utf8) }
}
