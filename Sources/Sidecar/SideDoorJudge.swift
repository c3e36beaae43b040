// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Says of what was observed whether a door is open. Pure: whoever observes stands in `SideDoorProbe`.
package enum SideDoorJudge {
    // MARK: places

    /// - Parameter named: false when nobody said which stores there are.
    package static func stores(_ found: [(place: Place, reach: Reach)]) -> [SideDoor] {
        if found.isEmpty {
            return [
                SideDoor(
                    .store,
                    .unknown,
                    "nobody said which stores there are",
                    cure: "name them: --config FILE or --store HOST:PORT"
                )
            ]
        }
        return places(
            .store,
            found,
            cure:
                "let only Bulkhead reach it: a network of its own, or a client certificate that the store asks for"
        )
    }

    package static func metadata(_ found: [(place: Place, reach: Reach)]) -> [SideDoor] {
        places(
            .metadata,
            // One that asks for a token gives it to whoever asks (IMDSv2), so no answer is a guard.
            found.map { place, reach in
                if case .guarded(let how) = reach { return (place, .answers(how)) }
                return (place, reach)
            },
            cure: "shut it with a network policy, a route, or the instance's hop limit of 1"
        )
    }

    package static func internet(_ found: [(place: Place, reach: Reach)]) -> [SideDoor] {
        places(.internet, found, cure: "let nothing out of the agent's network but through Bulkhead")
    }

    package static func outside(_ found: [(place: Place, reach: Reach)]) -> [SideDoor] {
        places(.outside, found, cure: "publish Bulkhead's port alone; bind or guard this one")
    }

    private static func places(
        _ name: SideDoor.Name,
        _ found: [(place: Place, reach: Reach)],
        cure: String
    ) -> [SideDoor] {
        var doors: [SideDoor] = []
        var closed: [String] = []
        for (place, reach) in found {
            switch reach {
            case .nameUnknown: closed.append("\(place.name): its name is unknown here")
            case .unreachable(let reason): closed.append("\(place.name): \(reason)")
            case .guarded(let how): closed.append("\(place.name): \(how)")
            case .untrusted(let reason):
                doors.append(
                    SideDoor(
                        name,
                        .unknown,
                        "\(place.name) can be reached, and \(reason)",
                        cure: "give its authority with --ca FILE, so that it can be asked"
                    )
                )
            case .answers(let how): doors.append(.open(name, "\(place.name) \(how)", cure: cure))
            }
        }
        return doors.isEmpty ? [.closed(name, closed.joined(separator: "; "))] : doors
    }

    // MARK: privileges

    /// - Parameter capabilities: the effective ones, as `CapEff` has them.
    package static func privileges(userID: UInt32, capabilities: UInt64) -> [SideDoor] {
        var doors: [SideDoor] = []
        if userID == 0 {
            doors.append(
                .open(
                    .privileges,
                    "runs as root",
                    cure: "give the agent a user of its own, another than Bulkhead's"
                )
            )
        }
        let held = dangerous.filter { capabilities & (1 << $0.bit) != 0 }.map(\.name)
        if !held.isEmpty {
            doors.append(
                .open(.privileges, "holds \(held.joined(separator: ", "))", cure: "drop all capabilities")
            )
        }
        return doors.isEmpty ? [.closed(.privileges, "user \(userID), no capability that matters")] : doors
    }

    /// Numbers of linux/capability.h that undo a wall: other users' files and processes, networks, the kernel.
    private static let dangerous: [(bit: UInt64, name: String)] = [
        (1, "CAP_DAC_OVERRIDE"), (2, "CAP_DAC_READ_SEARCH"), (3, "CAP_FOWNER"), (5, "CAP_KILL"),
        (6, "CAP_SETGID"),
        (7, "CAP_SETUID"), (12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"), (16, "CAP_SYS_MODULE"),
        (17, "CAP_SYS_RAWIO"), (18, "CAP_SYS_CHROOT"), (19, "CAP_SYS_PTRACE"), (21, "CAP_SYS_ADMIN"),
        (27, "CAP_MKNOD"), (38, "CAP_PERFMON"), (39, "CAP_BPF"), (40, "CAP_CHECKPOINT_RESTORE"),
    ]

    // MARK: Bulkhead's process

    /// A process that serves, as it is seen from here.
    package struct ServingProcess: Equatable, Sendable {
        package var id: Int32
        package var maySignal = false
        package var showsMemory = false
        package var showsEnvironment = false
        package var showsFiles = false
        /// The kernel would write its memory to a file, or let others of its user read it.
        package var isDumpable = false

        package init(id: Int32) { self.id = id }
    }

    package static func process(_ found: [ServingProcess]) -> [SideDoor] {
        var doors: [SideDoor] = []
        for process in found {
            let abilities = [
                (process.maySignal, "can be sent signals"), (process.showsMemory, "shows its memory"),
                (process.showsEnvironment, "shows its environment"),
                (process.showsFiles, "shows its open files"),
            ].filter(\.0).map(\.1)
            if abilities.isEmpty { continue }
            doors.append(
                .open(
                    .bulkheadProcess,
                    "process \(process.id) \(abilities.joined(separator: ", "))",
                    cure:
                        "run Bulkhead and the agent under different users, in process namespaces of their own"
                )
            )
        }
        if !doors.isEmpty { return doors }
        let seen = found.isEmpty ? "it is not to be seen" : "it is to be seen, and that is all"
        return [.closed(.bulkheadProcess, seen)]
    }

    /// - Parameter isPatternWritable: whether /proc/sys/kernel/core_pattern is, so that cores could be sent elsewhere.
    package static func coreDumps(_ found: [ServingProcess], isPatternWritable: Bool) -> [SideDoor] {
        var doors = found.filter(\.isDumpable).map { process in
            SideDoor.open(
                .coreDumps,
                "process \(process.id) leaves a core file when it crashes",
                cure: "run the bulkhead binary itself, not under a debugger or an emulator"
            )
        }
        if isPatternWritable {
            doors.append(
                .open(
                    .coreDumps,
                    "the agent chooses where cores go (kernel.core_pattern)",
                    cure: "no privileged container; /proc/sys read-only"
                )
            )
        }
        return doors.isEmpty ? [.closed(.coreDumps, "none is made that the agent could read")] : doors
    }
}
