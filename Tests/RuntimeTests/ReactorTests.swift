// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc
import Runtime
import Testing

@Suite struct ReactorTests {
    @Test func dropsEventsOfAClosedDescriptor() throws {
        var reactor = try Reactor()
        let listener = try Socket.listen(on: loopback, sharedPort: false)
        let bound = listener.localAddress()
        let address = try #require(bound)
        let client = try Socket.connect(to: address)
        try reactor.add(client.raw)
        let stale = reactor.key(of: client.raw)
        // The event is in the kernel's queue when the descriptor is taken out and put in again.
        reactor.remove(client.raw)
        try reactor.add(client.raw)
        #expect(reactor.descriptor(of: stale) == nil)
        #expect(reactor.descriptor(of: reactor.key(of: client.raw)) == client.raw)
    }

    @Test func wakesFromAnotherThread() throws {
        var reactor = try Reactor()
        let mailbox = Mailbox<Int>(waker: reactor.waker)
        let thread = try Runtime.Thread(name: "sender") {
            for value in 0..<1000 { mailbox.send(value) }
        }
        var received: [Int] = []
        while received.count < 1000 {
            let now = Clock.now()
            reactor.wait(until: now + .seconds(10), now: now)
            let event = reactor.nextEvent()
            #expect(event?.descriptor == nil)
            received += mailbox.drain()
        }
        thread.join()
        #expect(received == Array(0..<1000))
    }

    @Test func sharedPortTakesSeveralListeners() throws {
        let first = try Socket.listen(on: loopback, sharedPort: true)
        let bound = first.localAddress()
        let address = try #require(bound)
        let second = try Socket.listen(on: address, sharedPort: true)
        let again = second.localAddress()
        #expect(again == address)
        #expect(throws: SystemError.self) { _ = try Socket.listen(on: address, sharedPort: false) }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func addressesRoundTrip(_ host: String) throws {
        let address = try #require(SocketAddress(numeric: host, port: 8443))
        #expect(address.host == host)
        #expect(address.isLoopback)
        #expect(SocketAddress(numeric: "localhost", port: 1) == nil)
    }
}

let loopback = SocketAddress(.internet([127, 0, 0, 1], port: 0))
