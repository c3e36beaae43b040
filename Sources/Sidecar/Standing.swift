// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import Identity
import Runtime

/// What the configuration in force was made from and into: what the next one is held against.
struct Standing: Sendable {
    var loader: Loader
    var places: Places
    var workerPlan: WorkerPlan
    /// Under which keys each route's data lie; also of routes that have gone, which may come back.
    var encodings: [String: RouteEncoding]
    /// Of the last attempt, which may have failed: only another change is worth another attempt.
    var lastRead: FileSet
    /// That the process may have.
    let descriptors: Int
    /// Every listening socket, for another process that takes this one's place.
    var sockets: [ListenerSocket]
}

/// A configuration that was replaced, for the requests that began under it.
struct OlderPlan {
    let control: ControlPlan
    /// Goes with the last of them.
    weak var gateway: GatewayPlan?
}

/// How an attempt to read the configuration anew ended.
struct ReloadReport: Sendable {
    let time: WallTime
    /// In force afterwards.
    let generation: UInt64
    /// Why the one before stays in force; empty when it does not.
    let problems: [String]
}

/// Looks after the keys of one issuer.
struct IssuerWatch {
    let source: ControlPlan.KeySource
    var schedule: KeySchedule
    /// Who waits for its keys.
    var waiters: [(need: Need, worker: Int)] = []

    init(_ source: ControlPlan.KeySource, now: Instant) {
        self.source = source
        var times = KeySchedule.Times()
        times.refresh = source.refresh
        schedule = KeySchedule(times: times, now: now)
    }
}
