// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What a table of owners is asked.
package enum OwnershipQuery: Equatable, Sendable {
    /// Writes down whose a new id is, where it was nobody's.
    case claim(OwnershipTable.Claim)
    case owner(OwnershipTable.Claim)
    /// The real id behind a compartment's number.
    case real(space: [UInt8], compartment: [UInt8], number: Int64)
}

package enum OwnershipAnswer: Equatable, Sendable {
    case owner(OwnershipTable.Owner)
    /// Nil for a number that the compartment was never shown.
    case real([UInt8]?)
}

/// The table of owners as it lies in a Redis or Valkey server, for a fleet: the commands, and what their replies mean.
/// No socket is here.
///
/// Two hashes: of each space, the owner of each real id; of each space and compartment, the real id of each number. A claim
/// is one script, which the server runs alone, so the first owner wins over the whole fleet. A row never changes and has no
/// end. A mark that the first one wrote tells that the rows are still there: each batch asks for it.
package struct RedisOwnership: Sendable, Equatable {
    private let prefix: String
    private let user: String
    private let database: Int
    package let demands: RedisDemands

    /// More than this is asked in several batches.
    package static let maximumQueries = 1000

    /// A claim: the row that is there, or else a new one, with the next number of the compartment. Numbers stay far below
    /// what the script's own (2^53) can hold.
    private static let claimScript = """
        local known = redis.call('HGET', KEYS[1], ARGV[1])
        if known then return known end
        local number = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'last', 1))
        redis.call('HSET', KEYS[2], number, ARGV[1])
        local row = number .. ':' .. ARGV[2]
        redis.call('HSET', KEYS[1], ARGV[1], row)
        return row
        """

    /// - Parameters:
    ///   - prefix: what stands before every key.
    ///   - user: empty for the server's default user.
    package init(prefix: String, user: String, database: Int, demands: RedisDemands) {
        self.prefix = prefix
        self.user = user
        self.database = database
        self.demands = demands
    }

    // MARK: keys

    private func ownersKey(_ space: [UInt8]) -> [UInt8] { Array("\(prefix)owners:".utf8) + space }

    /// The length keeps space and compartment apart.
    private func numbersKey(_ space: [UInt8], _ compartment: [UInt8]) -> [UInt8] {
        Array("\(prefix)numbers:\(space.count):".utf8) + space + [ASCII.colon] + compartment
    }

    private var markKey: [UInt8] { Array("\(prefix)mark".utf8) }

    // MARK: a new connection

    /// Says who asks, and asks the server about itself.
    /// - Parameter password: empty for none.
    package func greet(password: borrowing Span<UInt8>, into output: inout RedisCommands) {
        if !password.isEmpty {
            output.append(user.isEmpty ? ["AUTH"] : ["AUTH", user], secret: password)
        }
        output.append("SELECT", "\(database)")
        output.append("INFO")
        output.append("CONFIG", "GET", "*append*")
    }

    package func greeted(_ replies: [RedisReply]) throws(RedisFailure) -> RedisPromise {
        guard replies.count >= 3 else { throw .unexpected }
        for reply in replies.dropLast(2) {
            switch reply {
            case .text: break
            case .failure(let code): throw .server(code)
            case .integer, .bytes, .absent, .list: throw .unexpected
            }
        }
        var info: [UInt8] = []
        switch replies[replies.count - 2] {
        case .bytes(let text): info = text
        case .failure("NOPERM"): throw .unfit(.hidden)
        case .failure(let code): throw .server(code)
        case .text, .integer, .absent, .list: throw .unexpected
        }
        return try RedisPromise(info, settings: Self.settings(replies[replies.count - 1]), demands)
    }

    /// Nil where the server does not say.
    private static func settings(_ reply: RedisReply) -> [String: String]? {
        guard case .list(let items) = reply, items.count.isMultiple(of: 2) else { return nil }
        var settings: [String: String] = [:]
        for index in stride(from: 0, to: items.count, by: 2) {
            guard case .bytes(let name) = items[index], case .bytes(let value) = items[index + 1] else {
                return nil
            }
            settings[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        return settings
    }

    /// Reads the mark of the table, and sees that promises can be kept.
    /// - Parameter fresh: random bytes for a new mark, where there was none; empty to look first.
    package func mark(
        fresh: borrowing Span<UInt8>,
        _ promise: RedisPromise,
        into output: inout RedisCommands
    ) {
        // The first who comes makes it, whoever else tries.
        if !fresh.isEmpty {
            output.append(Array("SET".utf8), markKey, Array(Hex.encode(fresh).utf8), Array("NX".utf8))
        }
        output.append(Array("GET".utf8), markKey)
        appendBarrier(promise, isFirst: true, into: &output)
    }

    /// - Returns: nil where there is none.
    package func marked(
        _ replies: [RedisReply],
        isNew: Bool,
        _ promise: RedisPromise
    ) throws(RedisFailure) -> [UInt8]? {
        var replies = replies[...]
        if isNew, case .failure(let code)? = replies.popFirst() { throw .server(code) }
        guard let mark = replies.popFirst() else { throw .unexpected }
        try checkBarrier(replies, promise, isFirst: true)
        switch mark {
        case .bytes(let mark): return mark
        case .absent: return nil
        case .failure(let code): throw .server(code)
        case .text, .integer, .list: throw .unexpected
        }
    }

    /// A write of no meaning and then the waits: so they also speak of rows that others wrote before and were told
    /// nothing of. Where every write is on the disk before it can be read there is nothing to wait for. The write is one
    /// that a server without memory takes as well, since what is there can still be read then.
    /// - Parameter isFirst: whether the key that is written to may not be there yet.
    private func appendBarrier(
        _ promise: RedisPromise,
        isFirst: Bool = false,
        into output: inout RedisCommands
    ) {
        guard promise.waits else { return }
        if isFirst { output.append("SET", "\(prefix)barrier", "1", "NX") }
        output.append("EXPIRE", "\(prefix)barrier", "1000000000")
        promise.appendWaits(into: &output)
    }

    private func checkBarrier(
        _ replies: ArraySlice<RedisReply>,
        _ promise: RedisPromise,
        isFirst: Bool = false
    ) throws(RedisFailure) {
        guard promise.waits else { return }
        // Whether the first could be written shows at the second.
        var replies = isFirst ? replies.dropFirst() : replies
        switch replies.popFirst() {
        case .integer(1)?: try promise.check(replies)
        case .failure(let code)?: throw .server(code)
        case .text, .integer, .bytes, .absent, .list, nil: throw .unexpected
        }
    }

    // MARK: questions

    package func ask(
        _ queries: ArraySlice<OwnershipQuery>,
        _ promise: RedisPromise,
        into output: inout RedisCommands
    ) {
        output.append(Array("GET".utf8), markKey)
        for query in queries {
            switch query {
            case .claim(let claim):
                output.append(
                    Array("EVAL".utf8),
                    Array(Self.claimScript.utf8),
                    Array("2".utf8),
                    ownersKey(claim.space),
                    numbersKey(claim.space, claim.compartment),
                    claim.real,
                    claim.compartment
                )
            case .owner(let claim): output.append(Array("HGET".utf8), ownersKey(claim.space), claim.real)
            case .real(let space, let compartment, let number):
                output.append(
                    Array("HGET".utf8),
                    numbersKey(space, compartment),
                    Array("\(number)".utf8)
                )
            }
        }
        appendBarrier(promise, into: &output)
    }

    /// What became of one batch.
    package struct Answers: Equatable, Sendable {
        /// In the order of the questions; nil where the server failed.
        package var answers: [OwnershipAnswer?]
        /// The first failure.
        package var failure: RedisFailure?

        package init(answers: [OwnershipAnswer?], failure: RedisFailure? = nil) {
            self.answers = answers
            self.failure = failure
        }
    }

    /// - Parameter mark: the table's, as it was when the connection was made.
    /// - Throws: where nothing of the batch may be believed.
    package func answered(
        _ queries: ArraySlice<OwnershipQuery>,
        _ replies: [RedisReply],
        mark: [UInt8],
        _ promise: RedisPromise
    ) throws(RedisFailure) -> Answers {
        guard replies.count > queries.count else { throw .unexpected }
        switch replies[0] {
        case .bytes(mark): break
        case .failure(let code): throw .server(code)
        case .text, .integer, .absent, .list, .bytes: throw .replaced
        }
        try checkBarrier(replies[(queries.count + 1)...], promise)
        var result = Answers(answers: [])
        for (query, reply) in zip(queries, replies.dropFirst()) {
            do throws(RedisFailure) {
                result.answers.append(try Self.answer(query, reply))
            } catch {
                result.answers.append(nil)
                result.failure = result.failure ?? error
            }
        }
        return result
    }

    private static func answer(
        _ query: OwnershipQuery,
        _ reply: RedisReply
    ) throws(RedisFailure) -> OwnershipAnswer {
        var row: [UInt8]?
        switch reply {
        case .bytes(let bytes): row = bytes
        case .absent: row = nil
        case .failure(let code): throw .server(code)
        case .text, .integer, .list: throw .unexpected
        }
        switch query {
        case .real: return .real(row)
        case .owner(let claim):
            return .owner(try row.map { row throws(RedisFailure) in try owner(row, claim) } ?? .nobody)
        case .claim(let claim):
            guard let row else { throw .unexpected }
            return .owner(try owner(row, claim))
        }
    }

    /// `number:compartment`; an erased one has neither.
    private static func owner(
        _ row: [UInt8],
        _ claim: OwnershipTable.Claim
    ) throws(RedisFailure) -> OwnershipTable.Owner {
        guard let colon = row.firstIndex(of: ASCII.colon), let number = RedisReply.integer(row[..<colon])
        else { throw .unexpected }
        guard number > 0, row[(colon + 1)...].elementsEqual(claim.compartment) else { return .foreign }
        return .own(number: number)
    }

    // MARK: erasing

    /// Where a listing begins, and where it has ended.
    package static let listingStart = Array("0".utf8)

    /// Asks for some of a compartment's rows. What is there all the time of a listing, from its start until it is there
    /// again, is told at least once, also when rows are deleted meanwhile; one answer may hold none (Redis: SCAN).
    package func listRows(
        _ space: [UInt8],
        _ compartment: [UInt8],
        from cursor: [UInt8],
        into output: inout RedisCommands
    ) {
        output.append(
            Array("HSCAN".utf8),
            numbersKey(space, compartment),
            cursor,
            Array("COUNT".utf8),
            Array("500".utf8)
        )
    }

    /// Numbers and real ids, and where the listing goes on.
    package func rows(
        _ reply: RedisReply?
    ) throws(RedisFailure) -> (rows: [(number: [UInt8], real: [UInt8])], next: [UInt8]) {
        if case .failure(let code)? = reply { throw .server(code) }
        guard case .list(let parts)? = reply, parts.count == 2, case .bytes(let next) = parts[0],
            case .list(let items) = parts[1], items.count.isMultiple(of: 2)
        else { throw .unexpected }
        var rows: [(number: [UInt8], real: [UInt8])] = []
        for index in stride(from: 0, to: items.count, by: 2) {
            guard case .bytes(let number) = items[index], case .bytes(let real) = items[index + 1] else {
                throw .unexpected
            }
            if number != Array("last".utf8) { rows.append((number, real)) }
        }
        return (rows, next)
    }

    /// The ids stay taken, by nobody: a worker may remember whose they were, so no other may ever have them.
    package func erase(
        _ rows: [(number: [UInt8], real: [UInt8])],
        _ space: [UInt8],
        _ compartment: [UInt8],
        into output: inout RedisCommands
    ) {
        output.append([Array("HSET".utf8), ownersKey(space)] + rows.flatMap { [$0.real, Array("0:".utf8)] })
        output.append([Array("HDEL".utf8), numbersKey(space, compartment)] + rows.map(\.number))
    }

    /// What is left of a compartment without rows.
    package func eraseCount(_ space: [UInt8], _ compartment: [UInt8], into output: inout RedisCommands) {
        output.append(Array("DEL".utf8), numbersKey(space, compartment))
    }
}
