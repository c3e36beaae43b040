// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
package import Identity
import JSON
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

    /// - Parameters:
    ///   - store: the name of a route.
    ///   - user: issuer's name and subject, where the route keeps users apart.
    package init(
        _ loader: Loader,
        store: String,
        tenant: TenantID,
        user: (issuer: String, subject: String)?
    ) throws(LoadProblems) {
        self.store = try TenantStore(loader, store: store, tenant: tenant, user: user)
    }

    /// Tells on standard error how far it is. A failure ends the walk and is part of the report; it may begin again.
    package func run(_ deed: Deed) throws(LoadProblems) -> Report {
        if case .export(let folder) = deed {
            do throws(Files.Failure) { try Files.makeFolder(folder) } catch {
                throw LoadProblems(["\(error)"])
            }
        }
        let store = store
        do throws(SystemError) {
            return try ControlLoop.run { loop in
                let walker = Walker(store, deed, loop)
                await walker.run()
                return walker.report
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }
}

/// One walk under way, on its own loop.
private final class Walker {
    private struct Caller {
        let client: ControlClient
        let owners: TenantStore.Owners
    }

    private let store: TenantStore
    private let deed: TenantWalk.Deed
    private let loop: ControlLoop
    private(set) var report: TenantWalk.Report

    /// Things of one kind below one thing: more than this is no answer of a store that pages rightly.
    private static let maximumItems = 10_000_000

    init(_ store: TenantStore, _ deed: TenantWalk.Deed, _ loop: ControlLoop) {
        self.store = store
        self.deed = deed
        self.loop = loop
        report = TenantWalk.Report(
            compartment: String(decoding: store.compartment.bytes, as: UTF8.self)
        )
    }

    func run() async {
        do throws(TenantStoreError) {
            let client: ControlClient
            do throws(ResolutionError) {
                client = ControlClient(loop: loop, resolver: try Resolver(on: loop))
            } catch {
                throw .fetch(.resolution(error))
            }
            let caller = Caller(client: client, owners: try TenantStore.Owners(store.ownership, client))
            for thing in store.adapter.contents { try await walk(thing, [:], caller) }
            guard deed == .erase else { return }
            for index in report.lines.indices { report.lines[index].left = 0 }
            for thing in store.adapter.contents { try await recount(thing, [:], caller) }
            // Whose they were is forgotten last: without it nothing of the compartment can be found.
            if store.adapter.remembersOwners, report.isDone {
                let count = try await caller.owners.erase(store)
                report.lines.append(TenantWalk.Line(thing: "id", found: count, deleted: count, left: 0))
            }
        } catch {
            report.failure = error.description
        }
    }

    private func line(_ thing: AdapterContents) -> Int {
        if let index = report.lines.firstIndex(where: { $0.thing == thing.name }) { return index }
        report.lines.append(TenantWalk.Line(thing: thing.name))
        return report.lines.count - 1
    }

    private func walk(
        _ thing: AdapterContents,
        _ values: [String: String],
        _ caller: Caller
    ) async throws(TenantStoreError) {
        let place = line(thing)
        let items = try await list(thing, values, caller)
        report.lines[place].found += items.count
        for item in items {
            guard let own = thing.values(of: item) else { throw .shape(thing: thing.name) }
            let all = values.merging(own) { _, new in new }
            if case .export(let folder) = deed {
                try write(item, to: "\(folder)/\(thing.name).jsonl", all)
                if let export = thing.export { try await self.export(export, thing, all, folder, caller) }
                report.lines[place].exported += 1
            }
            for inner in thing.contents { try await walk(inner, all, caller) }
            if deed == .erase, let delete = thing.delete {
                let (status, _) = try await store.ask(
                    delete,
                    all,
                    offset: 0,
                    caller.owners,
                    on: caller.client
                )
                // Gone already is gone.
                guard status < 300 || status == 404 else { throw .status(thing: thing.name, status) }
                report.lines[place].deleted += 1
            }
            progress(place)
        }
    }

    /// Counts what is there after all. What cannot be deleted itself, such as a container that every tenant has, does not
    /// count; what is in it does.
    private func recount(
        _ thing: AdapterContents,
        _ values: [String: String],
        _ caller: Caller
    ) async throws(TenantStoreError) {
        let items = try await list(thing, values, caller)
        if thing.delete != nil {
            report.lines[line(thing)].left = (report.lines[line(thing)].left ?? 0) + items.count
        }
        for item in items {
            guard let own = thing.values(of: item) else { throw .shape(thing: thing.name) }
            for inner in thing.contents {
                try await recount(inner, values.merging(own) { _, new in new }, caller)
            }
        }
    }

    private func list(
        _ thing: AdapterContents,
        _ values: [String: String],
        _ caller: Caller
    ) async throws(TenantStoreError) -> [JSONValue] {
        var items: [JSONValue] = []
        while true {
            let (status, body) = try await store.ask(
                thing.list,
                values,
                offset: items.count,
                caller.owners,
                on: caller.client
            )
            // A compartment that was never used is not there.
            if status == 404 { return items }
            guard status < 300 else { throw .status(thing: thing.name, status) }
            guard let answer = Self.parse(body), let page = thing.items(in: answer) else {
                throw .shape(thing: thing.name)
            }
            items += page
            guard items.count <= Self.maximumItems else { throw .shape(thing: thing.name) }
            if !thing.list.isPaged || page.count < AdapterContents.pageCount { return items }
        }
    }

    private func export(
        _ request: AdapterContents.Request,
        _ thing: AdapterContents,
        _ values: [String: String],
        _ folder: String,
        _ caller: Caller
    ) async throws(TenantStoreError) {
        var offset = 0
        while true {
            let (status, body) = try await store.ask(
                request,
                values,
                offset: offset,
                caller.owners,
                on: caller.client
            )
            guard status < 300 else { throw .status(thing: thing.name, status) }
            guard let answer = Self.parse(body) else { throw .shape(thing: thing.name) }
            try write(answer, to: "\(folder)/\(thing.name).content.jsonl", values)
            guard request.isPaged else { return }
            guard let count = thing.rowCount(in: answer) else { throw .shape(thing: thing.name) }
            offset += count
            if count < AdapterContents.pageCount { return }
        }
    }

    private static func parse(_ body: [UInt8]) -> JSONValue? {
        try? JSONValue.parse(body.span, maximumDepth: 128, maximumBytes: TenantStore.maximumBytes)
    }

    /// One line: which thing it belongs to, and what the store said of it.
    private func write(
        _ value: JSONValue,
        to path: String,
        _ values: [String: String]
    ) throws(TenantStoreError) {
        var of = JSONObject()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { _ = of.append(name, .string(value)) }
        var line = JSONObject()
        _ = line.append("of", .object(of))
        _ = line.append("value", value)
        var output = Buffer()
        JSONValue.object(line).write(into: &output)
        output.append(ASCII.lineFeed)
        do throws(Files.Failure) { try Files.append(output.bytes, to: path) } catch { throw .file(error) }
    }

    private func progress(_ place: Int) {
        let line = report.lines[place]
        let done = line.deleted + line.exported
        if done % 100 == 0, done > 0 { notice("\(line.thing): \(done) so far") }
    }
}
