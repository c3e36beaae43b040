// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import Identity
import Runtime
import Telemetry
import Vending

/// What the control thread tells a worker.
enum WorkerMessage: Sendable {
    /// Another state of the world for requests that begin from now on: keys, tenants.
    case snapshot(Snapshot)
    /// Another configuration, all at once: with this worker's sockets of listeners that are new, and the addresses of
    /// upstreams that are.
    case adopt(WorkerPlan, [ListenerSocket], addresses: [Int: [SocketAddress]])
    case met(Need, VendedCredential?, NeedOutcome)
    /// The addresses of an upstream, healthy ones only; empty when none is known.
    case addresses(upstream: Int, [SocketAddress])
    /// Asks for the worker's counters.
    case collect(request: Int)
    /// More listening sockets.
    case listen([ListenerSocket])
    /// Memory is short, or no longer.
    case pressure(Bool)
    /// Stop accepting, finish what is under way, then end. What is handed over goes on in another process.
    case drain(until: Instant, isHandedOver: Bool)
}

/// What a worker tells the control thread.
enum ControlMessage: Sendable {
    case need(Need, worker: Int)
    /// The exchange needs its endpoint no longer, or never got to know of it.
    case released(lease: UInt64)
    /// An upstream did not take that credential.
    case rejected(CredentialKey)
    /// Whole lines of the access log.
    case records([UInt8])
    /// Whole lines for the audit log.
    case audit([UInt8])
    case counters(request: Int, MetricSnapshot)
    case drained(worker: Int)
}
