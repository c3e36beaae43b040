// SPDX-License-Identifier: Apache-2.0
import Bytes
import Runtime
import Synchronization
import Testing

/// An actor on a loop, as the control plane is.
private actor Resident {
    let loop: ControlLoop
    init(_ loop: ControlLoop) { self.loop = loop }
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func echoOnce() async throws -> [UInt8] {
        let listener = try Socket.listen(on: loopback, sharedPort: false)
        guard let address = listener.localAddress() else { return [] }
        let server = try AsyncSocket(listener, on: loop)
        let deadline = Clock.now() + .seconds(10)
        let client = try await AsyncSocket.connect(to: address, on: loop, deadline: deadline)
        let accepted = try await server.accept()
        var out = Buffer()
        out.append("hello")
        try await client.write(&out, deadline: deadline)
        var received = Buffer()
        while received.count < 5 {
            if try await accepted.read(into: &received, limit: 64, deadline: deadline) == 0 { break }
        }
        return received.bytes.array()
    }

    func readWithDeadline() async throws -> Bool {
        let listener = try Socket.listen(on: loopback, sharedPort: false)
        guard let address = listener.localAddress() else { return false }
        let client = try await AsyncSocket.connect(
            to: address,
            on: loop,
            deadline: Clock.now() + .seconds(10)
        )
        var buffer = Buffer()
        do {
            _ = try await client.read(into: &buffer, limit: 10, deadline: Clock.now() + .milliseconds(20))
            return false
        } catch {
            return error == .timedOut
        }
    }

    func resolve(_ name: String) async throws -> Resolution {
        try await Resolver(on: loop).resolve(name, port: 80, deadline: Clock.now() + .seconds(10))
    }
}

@Suite struct ControlLoopTests {
    /// Runs `body` on a loop of its own thread and hands its result back.
    private func onLoop<R: Sendable>(_ body: @escaping @Sendable (isolated Resident) async throws -> R)
        async throws -> R
    {
        let loop = try ControlLoop()
        let thread = try Runtime.Thread(name: "loop") { loop.run() }
        let resident = Resident(loop)
        let result = await Result(catching: { try await body(resident) })
        loop.stop()
        thread.join()
        return try result.get()
    }

    @Test func socketsSuspendInsteadOfBlocking() async throws {
        #expect(try await onLoop { try await $0.echoOnce() } == Array("hello".utf8))
    }

    @Test func deadlinesEndAWait() async throws {
        #expect(try await onLoop { try await $0.readWithDeadline() })
    }

    @Test func hostsFileIsAsked() async throws {
        let resolution = try await onLoop { try await $0.resolve("localhost") }
        #expect(resolution.addresses.contains { $0.isLoopback && $0.port == 80 })
    }

    @Test func numericNamesNeedNoServer() async throws {
        let resolution = try await onLoop { try await $0.resolve("127.0.0.9") }
        #expect(resolution.addresses == [SocketAddress(.internet([127, 0, 0, 9], port: 80))])
    }
}

extension Result where Failure == any Error {
    init(catching body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
