// SPDX-License-Identifier: Apache-2.0
import Bytes
import Identity
import TestSupport
import Testing

/// Who has which endpoint: one tenant or session at a time, one person at a time, and another process between two of them.
@Suite struct LeaseTableTests {
    private typealias Action = LeaseTable.Action

    private let world: World
    private let ann: Principal
    private let bob: Principal
    /// Of Ann's tenant.
    private let carl: Principal

    init() throws {
        world = try World()
        ann = try world.ann()
        bob = try world.bob()
        carl = try world.principal(Keys.rsa.token(World.idClaims.with("sub", #""carl""#).json))
    }

    private static func at(_ seconds: Int64) -> WallTime { World.now + .seconds(seconds) }

    private func claim(_ ticket: UInt64, _ principal: Principal, _ session: String? = nil) -> LeaseClaim {
        LeaseClaim(
            ticket: ticket,
            principal: principal,
            session: session.flatMap { world.session($0, principal) }
        )
    }

    /// Fresh endpoints, proved.
    private func table(_ kind: LeaseTable.Kind, _ endpoints: Int) -> LeaseTable {
        var table = LeaseTable(kind, endpoints: endpoints, wait: .seconds(30), idle: .seconds(300))
        #expect(table.tick(now: Self.at(0)) == (0..<endpoints).map { .recycle(endpoint: $0) })
        for endpoint in 0..<endpoints {
            #expect(table.recycled(endpoint, isProved: true, now: Self.at(0)).isEmpty)
        }
        return table
    }

    @Test func nobodyGetsAnEndpointThatIsNotProved() {
        var table = LeaseTable(.tenant, endpoints: 1, wait: .seconds(30), idle: .seconds(300))
        #expect(table.claim(claim(1, ann), now: Self.at(0)).isEmpty)
        #expect(table.tick(now: Self.at(1)) == [.recycle(endpoint: 0)])
        #expect(table.tick(now: Self.at(2)).isEmpty)
        #expect(table.recycled(0, isProved: false, now: Self.at(3)).isEmpty)
        #expect(table.tick(now: Self.at(4)) == [.recycle(endpoint: 0)])
        #expect(table.recycled(0, isProved: true, now: Self.at(5)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.recycled(0, isProved: true, now: Self.at(5)).isEmpty, "nobody asked for that")
        #expect(table.isOpen(0) && table.leasedCount == 1)
    }

    @Test func nobodyGetsAnEndpointThatAnotherProcessStillHas() {
        var table = LeaseTable(.tenant, endpoints: 1, wait: .seconds(30), idle: .seconds(300), areHeld: true)
        #expect(table.claim(claim(1, ann), now: Self.at(0)).isEmpty)
        #expect(table.tick(now: Self.at(1)).isEmpty)
        #expect(table.claim(claim(2, bob), now: Self.at(20)).isEmpty)
        #expect(table.tick(now: Self.at(31)) == [.refused(ticket: 1)], "its time goes on")
        table.take()
        #expect(table.tick(now: Self.at(32)) == [.recycle(endpoint: 0)], "nobody knows whom it served")
        #expect(table.recycled(0, isProved: true, now: Self.at(33)) == [.granted(ticket: 2, endpoint: 0)])
        table.take()
        #expect(table.isOpen(0), "only what is held is taken")
    }

    @Test func itIsStickyAndRecycledForAnother() {
        var table = table(.tenant, 1)
        #expect(table.claim(claim(1, ann), now: Self.at(0)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.claim(claim(2, ann), now: Self.at(1)) == [.granted(ticket: 2, endpoint: 0)])
        #expect(table.claim(claim(3, bob), now: Self.at(2)).isEmpty)
        #expect(table.released(1, now: Self.at(3)) == .init(endpoint: 0, actions: []))
        // Bob has waited longer than Ann's next request.
        #expect(table.claim(claim(4, ann), now: Self.at(3)).isEmpty)
        #expect(table.released(2, now: Self.at(4)) == .init(endpoint: 0, actions: [.recycle(endpoint: 0)]))
        #expect(table.recycled(0, isProved: true, now: Self.at(5)) == [.granted(ticket: 3, endpoint: 0)])
        #expect(table.released(3, now: Self.at(6)) == .init(endpoint: 0, actions: [.recycle(endpoint: 0)]))
        #expect(table.recycled(0, isProved: true, now: Self.at(7)) == [.granted(ticket: 4, endpoint: 0)])
        #expect(table.released(4, now: Self.at(8)) == .init(endpoint: 0, actions: []))
        #expect(table.released(4, now: Self.at(8)) == .init(endpoint: nil, actions: []), "twice")
        #expect(table.claim(claim(5, ann), now: Self.at(9)) == [.granted(ticket: 5, endpoint: 0)])
    }

    /// Calls of the process are the one person's who has exchanges there.
    @Test func onePersonAtATime() {
        var table = table(.tenant, 1)
        #expect(table.claim(claim(1, ann), now: Self.at(0)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.claim(claim(2, carl), now: Self.at(1)).isEmpty)
        #expect(
            table.released(1, now: Self.at(2))
                == .init(endpoint: 0, actions: [.granted(ticket: 2, endpoint: 0)])
        )
    }

    @Test func sessionsAreOnesOwn() {
        var table = table(.session, 3)
        #expect(table.claim(claim(1, ann, "a"), now: Self.at(0)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.claim(claim(2, ann, "b"), now: Self.at(0)) == [.granted(ticket: 2, endpoint: 1)])
        #expect(table.claim(claim(3, ann, "a"), now: Self.at(0)) == [.granted(ticket: 3, endpoint: 0)])
        // Without a session it is one of its own.
        #expect(table.claim(claim(4, ann), now: Self.at(0)) == [.granted(ticket: 4, endpoint: 2)])
        #expect(table.claim(claim(5, ann), now: Self.at(0)).isEmpty)
        #expect(table.released(4, now: Self.at(1)) == .init(endpoint: 2, actions: [.recycle(endpoint: 2)]))
        // The same name of another person's is another session.
        #expect(table.claim(claim(6, carl, "a"), now: Self.at(1)).isEmpty)
    }

    @Test func whoWaitsTooLongIsRefused() {
        var table = table(.tenant, 1)
        #expect(table.claim(claim(1, ann), now: Self.at(0)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.claim(claim(2, bob), now: Self.at(1)).isEmpty)
        #expect(table.tick(now: Self.at(30)).isEmpty)
        #expect(table.tick(now: Self.at(31)) == [.refused(ticket: 2)])
        #expect(table.waitingCount == 0)
        // One that left waits no longer.
        #expect(table.claim(claim(3, bob), now: Self.at(31)).isEmpty)
        #expect(table.released(3, now: Self.at(32)) == .init(endpoint: nil, actions: []))
        #expect(table.released(1, now: Self.at(33)) == .init(endpoint: 0, actions: []))
        #expect(table.claim(claim(1, ann), now: Self.at(34)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(
            table.claim(claim(1, bob), now: Self.at(34)) == [.refused(ticket: 1)],
            "a ticket is one exchange's"
        )
    }

    @Test func theQueueIsBounded() {
        var table = table(.tenant, 1)
        #expect(table.claim(claim(0, ann), now: Self.at(0)) == [.granted(ticket: 0, endpoint: 0)])
        for ticket in 1...UInt64(LeaseTable.maximumWaiting) {
            #expect(table.claim(claim(ticket, bob), now: Self.at(0)).isEmpty)
        }
        #expect(table.claim(claim(9999, bob), now: Self.at(0)) == [.refused(ticket: 9999)])
    }

    @Test func idleOnesAreGivenUp() {
        var table = table(.tenant, 2)
        #expect(table.claim(claim(1, ann), now: Self.at(0)) == [.granted(ticket: 1, endpoint: 0)])
        #expect(table.claim(claim(2, bob), now: Self.at(0)) == [.granted(ticket: 2, endpoint: 1)])
        #expect(table.tick(now: Self.at(9999)).isEmpty, "both are busy")
        #expect(table.released(1, now: Self.at(10_000)) == .init(endpoint: 0, actions: []))
        #expect(table.tick(now: Self.at(10_299)).isEmpty)
        #expect(table.tick(now: Self.at(10_300)) == [.recycle(endpoint: 0)])
    }

    /// Whatever happens in whatever order: never two tenants on one endpoint without another process between them, and
    /// never two persons at a time.
    @Test func randomWorlds() throws {
        var random = Seeded.printed()
        let people = [ann, bob, carl]
        for _ in 0..<50 {
            let count = Int.random(in: 1...4, using: &random)
            var table = LeaseTable(.tenant, endpoints: count, wait: .seconds(20), idle: .seconds(50))
            var (tickets, next): ([UInt64: Principal], UInt64) = ([:], 1)
            var open: [[UInt64]] = Array(repeating: [], count: count)
            var last: [Principal?] = Array(repeating: nil, count: count)
            var recycling: Set<Int> = []
            for second in 0..<400 as Range<Int64> {
                let now = Self.at(second)
                var actions: [Action] = []
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    let person = people[Int.random(in: 0..<3, using: &random)]
                    tickets[next] = person
                    actions = table.claim(claim(next, person), now: now)
                    next += 1
                case 1:
                    guard let ticket = tickets.keys.min() else { continue }
                    tickets[ticket] = nil
                    for endpoint in open.indices { open[endpoint].removeAll { $0 == ticket } }
                    actions = table.released(ticket, now: now).actions
                case 2:
                    guard let endpoint = recycling.min() else { continue }
                    recycling.remove(endpoint)
                    let isProved = Bool.random(using: &random)
                    if isProved { last[endpoint] = nil }
                    actions = table.recycled(endpoint, isProved: isProved, now: now)
                default: actions = table.tick(now: now)
                }
                for action in actions {
                    switch action {
                    case .granted(let ticket, let endpoint):
                        let person = try #require(tickets[ticket])
                        #expect(!recycling.contains(endpoint))
                        #expect(last[endpoint].map { $0.tenant == person.tenant } ?? true)
                        #expect(open[endpoint].allSatisfy { tickets[$0]?.isSamePerson(as: person) ?? false })
                        open[endpoint].append(ticket)
                        last[endpoint] = person
                    case .refused(let ticket): tickets[ticket] = nil
                    case .recycle(let endpoint):
                        #expect(open[endpoint].isEmpty && recycling.insert(endpoint).inserted)
                    }
                }
            }
        }
    }
}
