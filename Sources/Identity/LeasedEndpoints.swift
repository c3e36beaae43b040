// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Synchronization

/// Whose calls come in on the listeners of leased endpoints: the word of the control thread, which leases them, to the
/// workers, which take the calls. Set before the exchange that it is about is sent on, cleared before the process is
/// recycled. Cost: a lock and a look-up for each call on such a listener.
package final class LeasedEndpoints: Sendable {
    package struct Holder: Sendable {
        package let principal: Principal
        /// Where the lease is for one session.
        package let session: VirtualSessionID?
        /// Nil while an exchange is open there.
        package var until: WallTime?
    }

    private let holders = Mutex<[String: Holder]>([:])

    package init() {}

    /// - Parameter endpoint: `agent/0`.
    package func hold(_ endpoint: String, _ principal: Principal, session: VirtualSessionID?) {
        holders.withLock { $0[endpoint] = Holder(principal: principal, session: session, until: nil) }
    }

    /// Its last exchange is over; from `until` on its calls are nobody's.
    package func rest(_ endpoint: String, until: WallTime) {
        holders.withLock { $0[endpoint]?.until = until }
    }

    package func clear(_ endpoint: String) { holders.withLock { $0[endpoint] = nil } }

    package func find(_ endpoint: String, now: WallTime) -> Holder? {
        guard let holder = holders.withLock({ $0[endpoint] }), now < holder.until ?? holder.principal.expiry,
            now < holder.principal.expiry
        else { return nil }
        return holder
    }
}
