// SPDX-License-Identifier: Apache-2.0
import Bytes
import Synchronization

/// How many connections each listener and each address has, over all workers. The kernel spreads connections unevenly,
/// so shares would refuse some while there is room. Asked when a connection comes and when it goes, never for a request.
final class ConnectionCensus: Sendable {
    enum Answer { case admitted, listenerIsFull, addressHasEnough }

    private struct Counts {
        /// By place.
        var listeners: [Int: Int] = [:]
        var addresses: [IPAddress: Int] = [:]
    }

    private let counts = Mutex(Counts())

    /// Counts one more of both, where both may have it.
    func enter(_ listener: Int, limit: Int, _ address: IPAddress?, limit perAddress: Int) -> Answer {
        let network = address.map(Self.network)
        return counts.withLock { counts in
            if counts.listeners[listener, default: 0] >= limit { return .listenerIsFull }
            if let network {
                if counts.addresses[network, default: 0] >= perAddress { return .addressHasEnough }
                counts.addresses[network, default: 0] += 1
            }
            counts.listeners[listener, default: 0] += 1
            return .admitted
        }
    }

    func leave(_ listener: Int, _ address: IPAddress?) {
        let network = address.map(Self.network)
        counts.withLock { counts in
            counts.listeners[listener, default: 1] -= 1
            guard let network, let count = counts.addresses[network] else { return }
            counts.addresses[network] = count > 1 ? count - 1 : nil
        }
    }

    /// Who has one address of IPv6 has 2^64 of them.
    private static func network(_ address: IPAddress) -> IPAddress {
        switch address {
        case .v4: address
        case .v6(let high, _): .v6(high: high, low: 0)
        }
    }
}

/// Bytes of records that are on their way to the control thread, of all workers: when it does not keep up, records are
/// dropped and counted rather than piled up (DESIGN §10).
final class RecordBacklog: Sendable {
    static let maximumBytes = 16 << 20
    private let bytes = Atomic<Int>(0)

    /// - Returns: false when there is no room for so many more.
    func add(_ count: Int) -> Bool {
        guard bytes.load(ordering: .relaxed) + count <= Self.maximumBytes else { return false }
        bytes.add(count, ordering: .relaxed)
        return true
    }

    func remove(_ count: Int) { bytes.subtract(count, ordering: .relaxed) }
}
