// SPDX-License-Identifier: Apache-2.0
import Namespaces
import Runtime
import Storage

/// Why a table of owners did not answer.
enum OwnershipFailure: Error, CustomStringConvertible {
    case file(StorageError)
    case fetch(FetchError)
    case redis(RedisFailure)
    /// It failed a moment ago, and is asked again in a moment.
    case resting
    /// None is configured.
    case absent

    var description: String {
        switch self {
        case .file(let error): error.description
        case .fetch(let error): error.description
        case .redis(let failure): failure.description
        case .resting: "it failed a moment ago"
        case .absent: "none is configured"
        }
    }

    /// The connection ended without an answer, so another may be tried at once.
    var isHangup: Bool {
        guard case .fetch(.network(let error)) = self else { return false }
        if case .timedOut = error { return false }
        return true
    }

    /// The server is not one that can keep what is demanded, and trying again changes nothing.
    var isUnfit: Bool { if case .redis(.unfit) = self { true } else { false } }
}

/// Answers what workers have to know of the owners of ids, from the table, wherever that is. Asked by one at a time.
final class OwnershipDesk {
    private enum Table {
        case none
        case file(OwnershipTable)
        case redis(RedisOwners)
    }

    private let table: Table

    /// - Parameter plan: nil where none is configured; then nobody may ask.
    init(_ plan: OwnershipPlan?, _ client: ControlClient) throws(StorageError) {
        table =
            switch plan {
            case nil: .none
            case .file(let path)?: .file(try OwnershipTable(path: path))
            case .redis(let plan)?: .redis(RedisOwners(plan, client))
            }
    }

    /// Whether it has answered once, or is a file, which was opened.
    var hasBegun: Bool { if case .redis(let owners) = table { owners.hasBegun } else { true } }

    /// Nil for a table that is not on the network.
    var isConnected: Bool? { if case .redis(let owners) = table { owners.isConnected } else { nil } }

    /// From the next connection on: another password, other authorities.
    func renew(_ plan: OwnershipPlan?) {
        if case .redis(let owners) = table, case .redis(let plan)? = plan { owners.renew(plan) }
    }

    /// Connects, where that is due.
    func open() async throws(OwnershipFailure) {
        if case .redis(let owners) = table { try await owners.open() }
    }

    /// In the order of the questions; nil for one that failed. What is claimed is durable when this returns.
    func answer(
        _ queries: [OwnerCache.Query]
    ) async throws(OwnershipFailure) -> [OwnerCache.Answer?] {
        // An answer of a store names what it has just made in several places: first it is written down.
        let order = queries.indices.filter(queries.isClaim) + queries.indices.filter { !queries.isClaim($0) }
        let asked = order.map { queries[$0].question }
        let found: [OwnershipAnswer?]
        switch table {
        case .none: throw .absent
        case .file(let table):
            do throws(StorageError) { found = try Self.ask(asked, table) } catch { throw .file(error) }
        case .redis(let owners): found = try await owners.answer(asked)
        }
        var answers = [OwnerCache.Answer?](repeating: nil, count: queries.count)
        for (place, answer) in zip(order, found) { answers[place] = answer.map(OwnerCache.Answer.init) }
        return answers
    }

    private static func ask(
        _ queries: [OwnershipQuery],
        _ table: OwnershipTable
    ) throws(StorageError) -> [OwnershipAnswer] {
        var claims: [OwnershipTable.Claim] = []
        for case .claim(let claim) in queries { claims.append(claim) }
        var answers = try claims.isEmpty ? [] : table.claim(claims).map(OwnershipAnswer.owner)
        for query in queries {
            switch query {
            case .claim: break
            case .owner(let claim): answers.append(.owner(try table.owner(of: claim)))
            case .real(let space, let compartment, let number):
                answers.append(.real(try table.real(space: space, compartment: compartment, number: number)))
            }
        }
        return answers
    }

    /// Forgets all that a compartment owns; its ids stay taken, by nobody.
    /// - Returns: how many there were.
    func erase(spaces: [[UInt8]], compartment: [UInt8]) async throws(OwnershipFailure) -> Int {
        switch table {
        case .none: throw .absent
        case .file(let table):
            do throws(StorageError) {
                var count = 0
                for space in spaces { count += try table.erase(space: space, compartment: compartment) }
                return count
            } catch {
                throw .file(error)
            }
        case .redis(let owners):
            var count = 0
            for space in spaces { count += try await owners.erase(space, compartment) }
            return count
        }
    }
}

extension [OwnerCache.Query] {
    fileprivate func isClaim(_ place: Int) -> Bool {
        if case .created = self[place].ask { true } else { false }
    }
}

extension OwnerCache.Query {
    fileprivate var question: OwnershipQuery {
        switch ask {
        case .created(let real): .claim(claim(real))
        case .number(let real): .owner(claim(real))
        case .real(let number): .real(space: space, compartment: compartment, number: number)
        }
    }

    private func claim(_ real: [UInt8]) -> OwnershipTable.Claim {
        OwnershipTable.Claim(space: space, real: real, compartment: compartment)
    }
}

extension OwnerCache.Answer {
    fileprivate init(_ answer: OwnershipAnswer) {
        switch answer {
        case .owner(.own(let number)): self = .number(number)
        case .real(let id?): self = .real(id)
        case .owner(.foreign), .owner(.nobody), .real(nil): self = .unowned
        }
    }
}
