// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Runtime
import Storage
import TLS

/// The table of owners in a Redis server, over one connection: one batch at a time, all of its commands in one write. Whoever
/// comes meanwhile is in the next batch, so what limits the rate is the number of journeys, not of questions.
///
/// Down means refused: nothing waits longer than `timeout`, and after a failure nobody is sent for a while (100 ms, doubled
/// to 5 s), but told so at once. On the control thread only; one call at a time.
final class RedisOwners {
    struct Plan: Sendable {
        let target: ControlClient.Target
        let table: RedisOwnership
        let password: Secret?
        let timeout: Interval
    }

    private struct Link: ~Copyable {
        var stream: ControlStream
        let promise: RedisPromise
    }

    private var plan: Plan
    private let client: ControlClient
    private var link: Link?
    /// Of the table that this process first found: another one has other owners.
    private var mark: [UInt8]?
    private var failures = 0
    private var restsUntil: Instant?
    private var lastNotice = ""
    private(set) var isConnected = false

    private static let restBeginsAt = Interval.milliseconds(100)
    private static let maximumDoublings = 6

    init(_ plan: Plan, _ client: ControlClient) {
        self.plan = plan
        self.client = client
    }

    var hasBegun: Bool { mark != nil }

    func renew(_ plan: Plan) { self.plan = plan }

    // MARK: questions

    func open() async throws(OwnershipFailure) { link = try await connect() }

    func answer(_ queries: [OwnershipQuery]) async throws(OwnershipFailure) -> [OwnershipAnswer?] {
        var answers: [OwnershipAnswer?] = []
        var rest = queries[...]
        while !rest.isEmpty {
            let part = rest.prefix(RedisOwnership.maximumQueries)
            rest = rest.dropFirst(part.count)
            answers += try await ask(part)
        }
        return answers
    }

    /// A server closes what is idle, or was started anew: then it is asked once more over another connection. To claim twice
    /// is to claim once.
    private func ask(
        _ queries: ArraySlice<OwnershipQuery>
    ) async throws(OwnershipFailure) -> [OwnershipAnswer?] {
        if link != nil {
            do throws(OwnershipFailure) { return try await askOnce(queries) } catch {
                guard error.isHangup else { throw failed(error) }
            }
        }
        link = try await connect()
        do throws(OwnershipFailure) { return try await askOnce(queries) } catch { throw failed(error) }
    }

    /// The connection stays only where it may be asked again.
    private func askOnce(
        _ queries: ArraySlice<OwnershipQuery>
    ) async throws(OwnershipFailure) -> [OwnershipAnswer?] {
        guard var link = link.take(), let mark else { throw .resting }
        let promise = link.promise
        var commands = RedisCommands()
        plan.table.ask(queries, promise, into: &commands)
        let replies = try await Self.exchange(&link.stream, commands, Clock.now() + plan.timeout)
        let result: RedisOwnership.Answers
        do throws(RedisFailure) {
            result = try plan.table.answered(queries, replies, mark: mark, promise)
        } catch {
            if error.keepsConnection { self.link = consume link }
            throw .redis(error)
        }
        guard let failure = result.failure else {
            self.link = consume link
            settle()
            return result.answers
        }
        say("\(failure)")
        if failure.keepsConnection { self.link = consume link }
        return result.answers
    }

    /// Forgets a compartment's rows in one space.
    func erase(_ space: [UInt8], _ compartment: [UInt8]) async throws(OwnershipFailure) -> Int {
        if link == nil { link = try await connect() }
        guard var link = link.take() else { throw .resting }
        var (count, found) = (0, 0)
        repeat {
            found = 0
            var cursor = RedisOwnership.listingStart
            repeat {
                var question = RedisCommands()
                plan.table.listRows(space, compartment, from: cursor, into: &question)
                let listed = try rows(try await command(question, &link))
                cursor = listed.next
                found += listed.rows.count
                if listed.rows.isEmpty { continue }
                var deed = RedisCommands()
                plan.table.erase(listed.rows, space, compartment, into: &deed)
                _ = try await command(deed, &link)
            } while cursor != RedisOwnership.listingStart
            count += found
        } while found > 0
        var rest = RedisCommands()
        plan.table.eraseCount(space, compartment, into: &rest)
        _ = try await command(rest, &link)
        self.link = consume link
        return count
    }

    private func command(
        _ commands: borrowing RedisCommands,
        _ link: inout Link
    ) async throws(OwnershipFailure) -> [RedisReply] {
        let replies = try await Self.exchange(&link.stream, commands, Clock.now() + plan.timeout)
        for case .failure(let code) in replies { throw .redis(.server(code)) }
        return replies
    }

    private func rows(
        _ replies: [RedisReply]
    ) throws(OwnershipFailure) -> (rows: [(number: [UInt8], real: [UInt8])], next: [UInt8]) {
        do throws(RedisFailure) { return try plan.table.rows(replies.first) } catch { throw .redis(error) }
    }

    // MARK: the connection

    private func connect() async throws(OwnershipFailure) -> Link {
        if let restsUntil, Clock.now() < restsUntil { throw .resting }
        do throws(OwnershipFailure) {
            let link = try await greet(Clock.now() + plan.timeout)
            settle()
            return link
        } catch {
            throw failed(error)
        }
    }

    private func greet(_ deadline: Instant) async throws(OwnershipFailure) -> Link {
        var stream = ControlStream(
            try await dial(deadline),
            session: plan.target.tls.map { TLSSession(client: $0, serverName: plan.target.serverName) }
        )
        do throws(FetchError) { try await stream.open(deadline) } catch { throw .fetch(error) }
        var hello = RedisCommands()
        if let password = plan.password {
            plan.table.greet(password: password.bytes, into: &hello)
        } else {
            plan.table.greet(password: Span(), into: &hello)
        }
        let replies = try await Self.exchange(&stream, hello, deadline)
        stream.output.wipe()
        let promise: RedisPromise
        do throws(RedisFailure) { promise = try plan.table.greeted(replies) } catch { throw .redis(error) }
        let found = try await findMark(&stream, promise, deadline)
        if let mark, mark != found { throw .redis(.replaced) }
        mark = found
        return Link(stream: stream, promise: promise)
    }

    private func dial(_ deadline: Instant) async throws(OwnershipFailure) -> AsyncSocket {
        do throws(FetchError) { return try await client.connect(plan.target, deadline) } catch {
            throw .fetch(error)
        }
    }

    private func findMark(
        _ stream: inout ControlStream,
        _ promise: RedisPromise,
        _ deadline: Instant
    ) async throws(OwnershipFailure) -> [UInt8] {
        var entropy = EntropyPool()
        let fresh: [16 of UInt8] = entropy.block()
        for isNew in [false, true] {
            var question = RedisCommands()
            plan.table.mark(fresh: isNew ? fresh.span : Span(), promise, into: &question)
            let replies = try await Self.exchange(&stream, question, deadline)
            do throws(RedisFailure) {
                if let mark = try plan.table.marked(replies, isNew: isNew, promise) { return mark }
            } catch {
                throw .redis(error)
            }
        }
        throw .redis(.unexpected)
    }

    /// Writes commands, reads as many replies.
    private static func exchange(
        _ stream: inout ControlStream,
        _ commands: borrowing RedisCommands,
        _ deadline: Instant
    ) async throws(OwnershipFailure) -> [RedisReply] {
        let count = commands.count
        stream.output.reserve(commands.bytes.count)
        stream.output.append(commands.bytes.bytes)
        do throws(FetchError) { try await stream.flush(deadline) } catch { throw .fetch(error) }
        var replies: [RedisReply] = []
        while replies.count < count {
            if let reply = try next(&stream) {
                replies.append(reply)
            } else {
                try await fill(&stream, deadline)
            }
        }
        return replies
    }

    private static func next(_ stream: inout ControlStream) throws(OwnershipFailure) -> RedisReply? {
        do throws(RedisFailure) {
            guard let (reply, byteCount) = try RedisReply.parse(stream.input.bytes) else { return nil }
            stream.input.consume(byteCount)
            return reply
        } catch {
            throw .redis(error)
        }
    }

    private static func fill(
        _ stream: inout ControlStream,
        _ deadline: Instant
    ) async throws(OwnershipFailure) {
        do throws(FetchError) {
            guard try await stream.read(deadline) else { throw .network(.ended) }
        } catch {
            throw .fetch(error)
        }
    }

    // MARK: how it fares

    private func settle() {
        if !isConnected { say(lastNotice.isEmpty ? "" : "it answers again") }
        isConnected = true
        lastNotice = ""
        failures = 0
        restsUntil = nil
    }

    private func failed(_ error: OwnershipFailure) -> OwnershipFailure {
        if case .resting = error { return error }
        say("\(error)")
        if case .redis(let failure) = error, failure.keepsConnection { return error }
        link = nil
        isConnected = false
        let now = Clock.now()
        let rest = Self.restBeginsAt.nanoseconds << min(failures, Self.maximumDoublings)
        // Not all of a fleet at once: the clock's last digits are as good as chance here.
        restsUntil = now + Interval(nanoseconds: rest / 4 * 3 + now.nanoseconds % (rest / 4))
        failures += 1
        return error
    }

    /// Once for each change.
    private func say(_ text: String) {
        guard !text.isEmpty, text != lastNotice else { return }
        lastNotice = text
        notice("ownership: \(plan.target.authority): \(text)")
    }
}
