// SPDX-License-Identifier: Apache-2.0
import Gateway
import HTTP1
import HTTP2

extension Refusal {
    /// What came on the wire is no message, or not the one that was announced.
    init(_ error: HTTP1Error) {
        self.init("\(error.code)", error.status, error.side == .request ? .client : .upstream)
    }

    init(_ error: HTTP2Error) {
        self.init("\(error.code)", error.status, error.side == .request ? .client : .upstream)
    }
}
