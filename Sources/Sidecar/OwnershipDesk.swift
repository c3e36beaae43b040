// SPDX-License-Identifier: Apache-2.0
import Namespaces
import Storage

/// Answers what workers have to know of the owners of ids, from the table.
final class OwnershipDesk {
    private let table: OwnershipTable?

    /// - Parameter path: nil where none is configured; then nobody may ask.
    init(path: String?) throws(StorageError) {
        if let path { table = try OwnershipTable(path: path) } else { table = nil }
    }

    /// In the order of the questions; nil where no table is configured. What is claimed is on the disk when this returns.
    func answer(_ queries: [OwnerCache.Query]) throws(StorageError) -> [OwnerCache.Answer]? {
        guard let table else { return nil }
        var created: [OwnershipTable.Claim] = []
        for query in queries {
            if case .created(let real) = query.ask { created.append(query.claim(real)) }
        }
        var owners = try created.isEmpty ? [] : table.claim(created)[...]
        var answers: [OwnerCache.Answer] = []
        for query in queries {
            switch query.ask {
            case .created: answers.append(.init(owners.removeFirst()))
            case .number(let real): answers.append(.init(try table.owner(of: query.claim(real))))
            case .real(let number):
                let real = try table.real(space: query.space, compartment: query.compartment, number: number)
                answers.append(real.map { .real($0) } ?? .unowned)
            }
        }
        return answers
    }
}

extension OwnerCache.Query {
    fileprivate func claim(_ real: [UInt8]) -> OwnershipTable.Claim {
        OwnershipTable.Claim(space: space, real: real, compartment: compartment)
    }
}

extension OwnerCache.Answer {
    fileprivate init(_ owner: OwnershipTable.Owner) {
        switch owner {
        case .own(let number): self = .number(number)
        case .foreign, .nobody: self = .unowned
        }
    }
}
