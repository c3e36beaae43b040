// SPDX-License-Identifier: Apache-2.0
package import Identity
import Namespaces
import Runtime

/// Everything of one tenant in one store: counted, written out, or deleted, as the table's `contents` says.
package struct TenantWalk: Sendable {
    package enum Deed: Equatable, Sendable {
        /// Says what there is.
        case count
        case erase
        /// Into a new folder: a file of JSON lines for each kind of thing.
        case export(folder: String)
    }

    /// What became of one kind of things.
    package struct Line: Equatable, Sendable {
        package var thing: String
        package var found = 0
        package var deleted = 0
        /// Those that the store or the table refused to delete.
        package var refused = 0
        package var exported = 0
        /// What is there afterwards; nil where nobody looked.
        package var left: Int?
    }

    package struct Report: Equatable, Sendable {
        package var compartment: String
        package var lines: [Line] = []
        /// Why it was not finished; empty when it was.
        package var failure = ""

        /// Whether all was done, and nothing is left that was to go.
        package var isDone: Bool { failure.isEmpty && lines.allSatisfy { ($0.left ?? 0) == 0 } }
    }

    private let store: TenantStore
    private let named: [String: [String]]

    /// - Parameters:
    ///   - store: the name of a route.
    ///   - user: issuer's name and subject, where the route keeps users apart.
    ///   - named: things that the store may have without listing them: their kind, and what each is called.
    package init(
        _ loader: Loader,
        store: String,
        tenant: TenantID,
        user: (issuer: String, subject: String)?,
        named: [(kind: String, name: String)] = []
    ) throws(LoadProblems) {
        self.store = try TenantStore(loader, store: store, tenant: tenant, user: user)
        let kinds = self.store.adapter.contents.filter(\.isNamed).map(\.name)
        for (kind, _) in named where !kinds.contains(kind) {
            let known =
                kinds.isEmpty ? "lists all that it has" : "takes names of: " + kinds.joined(separator: ", ")
            throw LoadProblems(["no \(kind) can be named: the table of route \(store) \(known)"])
        }
        self.named = Dictionary(grouping: named, by: \.kind).mapValues { $0.map(\.name) }
    }

    /// Tells on standard error how far it is. A failure ends the walk and is part of the report; it may begin again.
    package func run(_ deed: Deed) throws(LoadProblems) -> Report {
        if case .export(let folder) = deed {
            do throws(Files.Failure) { try Files.makeFolder(folder) } catch {
                throw LoadProblems(["\(error)"])
            }
        }
        let (store, named) = (store, named)
        do throws(SystemError) {
            return try ControlLoop.run { loop in
                let walker = TenantWalker(store, deed, named, loop)
                await walker.run()
                return walker.report
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }
}
