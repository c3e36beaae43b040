// SPDX-License-Identifier: Apache-2.0
import Bytes
import Sidecar
import Testing

/// What is judged of what was observed; the observing is tried in Tests/Peers/test_doors.py.
@Suite struct SideDoorTests {
    private func states(_ doors: [SideDoor]) -> [SideDoor.State] { doors.map(\.state) }

    // MARK: places

    static let reaches: [(Reach, SideDoor.State, metadata: SideDoor.State)] = [
        (.nameUnknown, .closed, .closed),
        (.unreachable("connect: Connection refused"), .closed, .closed),
        (.guarded("answers 401 without a credential"), .closed, .open),
        (.untrusted("its certificate is unknown"), .unknown, .unknown),
        (.answers("answers with 200"), .open, .open),
    ]

    @Test(arguments: reaches.indices) func aPlaceIsJudgedByItsReach(_ index: Int) {
        let (reach, expected, metadata) = Self.reaches[index]
        let place = Place(label: "notes", host: "fd00::1", port: 8000)
        let doors = SideDoorJudge.stores([(place, reach)])
        #expect(states(doors) == [expected])
        #expect(doors[0].finding.contains("notes ([fd00::1]:8000)"))
        #expect(states(SideDoorJudge.metadata([(place, reach)])) == [metadata])
        #expect(doors[0].cure.isEmpty == (expected == .closed))
    }

    @Test func oneOpenPlaceAmongClosedOnesIsNamedAlone() {
        let closed = Place(label: "", host: "10.0.0.1", port: 1)
        let open = Place(label: "", host: "10.0.0.2", port: 2)
        let doors = SideDoorJudge.stores([(closed, .nameUnknown), (open, .answers("takes connections"))])
        #expect(states(doors) == [.open])
        #expect(doors[0].finding == "10.0.0.2:2 takes connections")
    }

    @Test func withoutAnyStoreNothingIsProven() {
        #expect(states(SideDoorJudge.stores([])) == [.unknown])
    }

    // MARK: variables

    static let variables: [(name: String, value: String, isOpen: Bool)] = [
        ("AWS_ACCESS_KEY_ID", "AKIA" + "IOSFODNN7EXAMPLE", true),
        ("AWS_ACCESS_KEY_ID", "bhh1_worthless", false),
        ("AWS_ACCESS_KEY_ID", "AKIA-not-one-really!", false),
        ("OPENAI_API_KEY", "sk-" + String(repeating: "a", count: 30), true),
        ("OPENAI_API_KEY", "sk-unused", false),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", true),
        ("KUBECONFIG", "", false),
        ("REDIS_URL", "redis://:p@cache:6379/0", true),
        ("REDIS_URL", "redis://cache:6379/0", false),
        ("REDIS_URL", "redis://user@cache", false),
        ("REDIS_URL", "redis://user:@cache", false),
        ("PAGE", "http://host/a:b@c", false),
        ("PEM", "-----BEGIN EC PRIVATE KEY-----", true),
        ("PATH", "/usr/bin:/bin", false),
    ]

    @Test(arguments: variables.indices) func aVariableIsJudgedByNameAndForm(_ index: Int) {
        let (name, value, isOpen) = Self.variables[index]
        let doors = SideDoorJudge.variables([name: value])
        #expect(states(doors) == [isOpen ? .open : .closed], "\(name)")
        for door in doors where !value.isEmpty {
            #expect(!(door.finding + door.cure).contains(value), "no value is told")
        }
    }

    // MARK: privileges and processes

    @Test func rootAndCapabilitiesAreOpen() {
        #expect(states(SideDoorJudge.privileges(userID: 65533, capabilities: 0)) == [.closed])
        #expect(states(SideDoorJudge.privileges(userID: 0, capabilities: 0)) == [.open])
        let tracing = SideDoorJudge.privileges(userID: 65533, capabilities: 1 << 19)
        #expect(tracing.first?.finding == "holds CAP_SYS_PTRACE")
        // CAP_NET_BIND_SERVICE undoes no wall.
        #expect(states(SideDoorJudge.privileges(userID: 65533, capabilities: 1 << 10)) == [.closed])
        #expect(states(SideDoorJudge.privileges(userID: 0, capabilities: .max)) == [.open, .open])
    }

    @Test func aProcessIsOpenByAnyOfItsSides() {
        let quiet = SideDoorJudge.ServingProcess(id: 7)
        #expect(states(SideDoorJudge.process([])) == [.closed])
        #expect(states(SideDoorJudge.process([quiet])) == [.closed])
        let sides: [WritableKeyPath<SideDoorJudge.ServingProcess, Bool>] = [
            \.maySignal, \.showsMemory, \.showsEnvironment, \.showsFiles,
        ]
        for side in sides {
            var process = quiet
            process[keyPath: side] = true
            #expect(states(SideDoorJudge.process([quiet, process])) == [.open])
            #expect(states(SideDoorJudge.coreDumps([process], isPatternWritable: false)) == [.closed])
        }
        var dumpable = quiet
        dumpable.isDumpable = true
        #expect(states(SideDoorJudge.coreDumps([dumpable], isPatternWritable: false)) == [.open])
        #expect(states(SideDoorJudge.coreDumps([], isPatternWritable: true)) == [.open])
    }

    // MARK: ports

    private static let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65533        0 1 1 0 100 0 0 10 0
           1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 2 1 0 100 0 0 10 0
           2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65533        0 3 1 0 100 0 0 10 0
        nonsense
        """

    @Test func listeningSocketsAreRead() {
        let sockets = SideDoorJudge.ListeningSocket.parse(Self.table)
        #expect(
            sockets == [
                .init(address: .v4(0x7F00_0001), port: 8080, userID: 65533),
                .init(address: .v4(0), port: 8081, userID: 65532),
            ]
        )
        let six = "  0: 00000000000000000000000001000000:1F90 00:0 0A 0:0 0:0 0 65533 0 1"
        #expect(SideDoorJudge.ListeningSocket.parse(six).first?.address == IPAddress("::1"))
        let mapped = "  0: 0000000000000000FFFF00000100007F:1F90 00:0 0A 0:0 0:0 0 65533 0 1"
        #expect(SideDoorJudge.ListeningSocket.parse(mapped).first?.address == .v4(0x7F00_0001))
    }

    @Test func anAgentsPortIsClosedOnLoopbackAlone() {
        let sockets = SideDoorJudge.ListeningSocket.parse(Self.table)
        // Bulkhead's own port is another user's.
        #expect(states(SideDoorJudge.agentPort(sockets, userID: 65533, port: nil)) == [.closed])
        #expect(states(SideDoorJudge.agentPort(sockets, userID: 65533, port: 8080)) == [.closed])
        #expect(states(SideDoorJudge.agentPort(sockets, userID: 65533, port: 8081)) == [.unknown])
        #expect(states(SideDoorJudge.agentPort(sockets, userID: 65533, port: 9999)) == [.unknown])
        #expect(states(SideDoorJudge.agentPort(sockets, userID: 65532, port: nil)) == [.unknown])
        #expect(states(SideDoorJudge.agentPort([], userID: 1, port: nil)) == [.closed])
    }
}
