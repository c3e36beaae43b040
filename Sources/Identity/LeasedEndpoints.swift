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
        /// How often the endpoint has been cleared: another process has another.
        package let epoch: UInt64
    }

    private struct Table {
        var holders: [String: Holder] = [:]
        var epochs: [String: UInt64] = [:]
    }

    private let table = Mutex(Table())

    package init() {}

    /// - Parameter endpoint: `agent/0`.
    package func hold(_ endpoint: String, _ principal: Principal, session: VirtualSessionID?) {
        table.withLock {
            let epoch = $0.epochs[endpoint] ?? 0
            $0.holders[endpoint] = Holder(principal: principal, session: session, until: nil, epoch: epoch)
        }
    }

    /// Its last exchange is over; from `until` on its calls are nobody's.
    package func rest(_ endpoint: String, until: WallTime) {
        table.withLock { $0.holders[endpoint]?.until = until }
    }

    package func clear(_ endpoint: String) {
        table.withLock {
            $0.holders[endpoint] = nil
            $0.epochs[endpoint, default: 0] += 1
        }
    }

    /// Of the process that is there now, whether it has a holder or not.
    package func epoch(of endpoint: String) -> UInt64 { table.withLock { $0.epochs[endpoint] ?? 0 } }

    package func find(_ endpoint: String, now: WallTime) -> Holder? {
        guard let holder = table.withLock({ $0.holders[endpoint] }),
            now < holder.until ?? holder.principal.expiry,
            now < holder.principal.expiry
        else { return nil }
        return holder
    }
}
