// SPDX-License-Identifier: Apache-2.0
import Runtime

/// What makes a listener the same one under another configuration: its address. Another name for it changes nothing for
/// those who are connected.
struct Door: Hashable, Sendable {
    let address: SocketAddress
    /// Where the system chooses the port, the address says nothing.
    private let name: String?

    init(_ address: SocketAddress, name: String) {
        self.address = address
        self.name = address.port == 0 ? name : nil
    }
}

/// Where listeners and upstreams stand in the tables of workers and snapshots. A place keeps its meaning for as long as
/// anything can refer to it, so that what began under an older configuration goes on unharmed.
struct Places: Sendable {
    /// Never gets shorter: nobody knows when the last connection of a door has ended.
    var doors: [Door]
    /// By name and everything that is configured of them: one that was changed is another one.
    var upstreams: [UpstreamPlan]

    /// Of the upstream with that name in the configuration in force.
    func upstream(named name: String) -> Int? {
        upstreams.firstIndex { !$0.isRetired && $0.name == name }
    }

    /// Finds a place for each of another configuration's.
    /// - Parameter busy: places that an older configuration, which is still in use, refers to.
    /// - Returns: the new places; which of the upstreams are new there.
    func next(
        doors: [Door],
        upstreams: [UpstreamPlan],
        busy: Set<Int>
    ) -> (places: Places, new: [Int]) {
        var next = self
        for door in doors where !next.doors.contains(door) { next.doors.append(door) }
        var kept: Set<Int> = []
        var homeless: [UpstreamPlan] = []
        for upstream in upstreams {
            if let place = self.upstreams.firstIndex(where: { !$0.isRetired && $0.isSame(as: upstream) }) {
                kept.insert(place)
            } else {
                homeless.append(upstream)
            }
        }
        var free: [Int] = []
        for place in next.upstreams.indices where !kept.contains(place) {
            if busy.contains(place) || !next.upstreams[place].isRetired {
                next.upstreams[place] = next.upstreams[place].retired()
            } else {
                free.append(place)
            }
        }
        var new: [Int] = []
        for upstream in homeless {
            if let place = free.popLast() {
                next.upstreams[place] = upstream
                new.append(place)
            } else {
                new.append(next.upstreams.count)
                next.upstreams.append(upstream)
            }
        }
        // Nobody can refer to them any more: what they hold is let go.
        for place in free { next.upstreams[place] = next.upstreams[place].vacated() }
        return (next, new)
    }
}
