// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Namespaces
import Runtime

/// One walk through a tenant's compartment under way, on its own loop.
final class TenantWalker {
    /// One thing that is there.
    private struct Item {
        /// What its listing says of it.
        var told: JSONValue
        /// What fills holes: its own fields, and those of the things above.
        var values: [String: JSONValue]
        /// Whether the store told of it, not whoever gave the command.
        var isListed = true
    }

    private let store: TenantStore
    private let deed: TenantWalk.Deed
    /// What things are called that the store may not list, by kind.
    private let named: [String: [String]]
    private let loop: ControlLoop
    private(set) var report: TenantWalk.Report
    private var isFirst = true

    /// Things of one kind below one thing: more than this is no answer of a store that pages rightly.
    private static let maximumItems = 10_000_000
    /// Rows of one thing that is read whole.
    private static let maximumRows = 1_000_000_000

    init(_ store: TenantStore, _ deed: TenantWalk.Deed, _ named: [String: [String]], _ loop: ControlLoop) {
        self.store = store
        self.deed = deed
        self.named = named
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
            let caller = TenantStore.Caller(
                client: client,
                owners: try TenantStore.Owners(store.ownership, client)
            )
            for thing in store.adapter.contents { try await walk(thing, [:], caller) }
            guard deed == .erase else { return }
            // Again while that helps: a store may show less than it has, and the next of it when those are gone.
            var deleted = 0
            while true {
                for index in report.lines.indices { report.lines[index].left = 0 }
                for thing in store.adapter.contents { try await recount(thing, [:], caller) }
                let all = report.lines.reduce(0) { $0 + $1.deleted }
                guard report.failure.isEmpty, !report.isDone, all > deleted else { break }
                deleted = all
                isFirst = false
                for thing in store.adapter.contents { try await walk(thing, [:], caller) }
            }
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
        _ values: [String: JSONValue],
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) {
        let place = line(thing)
        let items = try await list(thing, values, caller)
        // Nobody can tell a store that has none from one that does not list them.
        if thing.isNamed, items.isEmpty, isFirst { throw .unlisted(thing: thing.name) }
        report.lines[place].found += items.count
        for item in items {
            if case .export(let folder) = deed {
                try write(item.told, to: "\(folder)/\(thing.name).jsonl", item.values)
                if let export = thing.export { try await self.export(export, thing, item, folder, caller) }
                report.lines[place].exported += 1
            }
            for inner in thing.contents { try await walk(inner, item.values, caller) }
            if deed == .erase, let delete = thing.delete {
                try await self.delete(delete, thing, item.values, caller)
            }
            progress(place)
        }
    }

    /// What is refused is told at the end, and does not keep the rest: a name that the table cannot say in a path, chosen
    /// by an agent, must not save everything that comes after it.
    private func delete(
        _ request: ContentsRequest,
        _ thing: AdapterContents,
        _ values: [String: JSONValue],
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) {
        let place = line(thing)
        do throws(TenantStoreError) {
            let (status, _) = try await store.ask(request, values, of: thing, on: caller)
            // Gone already is gone.
            guard status < 300 || status == 404 else { throw .status(thing: thing.name, status) }
            report.lines[place].deleted += 1
        } catch {
            guard error.isRefusal else { throw error }
            report.lines[place].refused += 1
            if report.failure.isEmpty { report.failure = "\(thing.name) not deleted: \(error)" }
        }
    }

    /// Counts what is there after all. What cannot be deleted itself, such as a container that every tenant has, does not
    /// count; what is in it does.
    private func recount(
        _ thing: AdapterContents,
        _ values: [String: JSONValue],
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) {
        guard thing.canDelete else { return }
        let items = try await list(thing, values, caller)
        // Of what only a name told nobody knows whether it is still there; what is in it does count.
        let listed = items.count(where: \.isListed)
        if thing.delete != nil {
            report.lines[line(thing)].left = (report.lines[line(thing)].left ?? 0) + listed
        }
        for item in items {
            for inner in thing.contents { try await recount(inner, item.values, caller) }
        }
    }

    private func list(
        _ thing: AdapterContents,
        _ values: [String: JSONValue],
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) -> [Item] {
        var limit = AdapterContents.pageCount
        var items: [Item]
        while true {
            do throws(TenantStoreError) {
                items = try await pages(thing, values, of: limit, caller)
                break
            } catch {
                // From the start: pages that are counted are others then.
                guard error.isOfSize, thing.list.isPaged, limit > 1 else { throw error }
                limit /= 2
            }
        }
        for name in named[thing.name] ?? [] {
            let all = values.merging(thing.values(named: name)) { _, new in new }
            if !items.contains(where: { $0.values == all }) {
                items.append(Item(told: .string(name), values: all, isListed: false))
            }
        }
        return items
    }

    private func pages(
        _ thing: AdapterContents,
        _ values: [String: JSONValue],
        of limit: Int,
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) -> [Item] {
        var items: [Item] = []
        var offset = 0
        while true {
            let (status, body) = try await store.ask(
                thing.list,
                values,
                of: thing,
                offset: offset,
                limit: limit,
                on: caller
            )
            // A compartment that was never used is not there. Of what may not be listed, that tells nothing.
            if status == 404, !thing.isNamed { return items }
            guard status < 300 else { throw .status(thing: thing.name, status) }
            guard let answer = Self.parse(body), let page = thing.listed(in: answer) else {
                throw .shape(thing: thing.name)
            }
            for told in page where thing.includes(told) {
                guard let own = thing.values(of: told) else { throw .shape(thing: thing.name) }
                items.append(Item(told: told, values: values.merging(own) { _, new in new }))
            }
            offset += page.count
            guard offset <= Self.maximumItems else { throw .shape(thing: thing.name) }
            if !thing.list.isPaged || page.count < limit { return items }
        }
    }

    private func export(
        _ export: AdapterContents.Export,
        _ thing: AdapterContents,
        _ item: Item,
        _ folder: String,
        _ caller: TenantStore.Caller
    ) async throws(TenantStoreError) {
        let path = "\(folder)/\(thing.name).content.jsonl"
        var values = item.values
        var request = export.first
        var limit = AdapterContents.pageCount
        var rows = 0
        while true {
            let (status, body): (UInt16, [UInt8])
            do throws(TenantStoreError) {
                (status, body) = try await store.ask(
                    request,
                    values,
                    of: thing,
                    offset: rows,
                    limit: limit,
                    on: caller
                )
            } catch {
                // Only where no page has come yet: what was written cannot be asked for in other pages.
                guard error.isOfSize, export.isInPages, rows == 0, limit > 1 else { throw error }
                limit /= 2
                continue
            }
            guard status < 300 else { throw .status(thing: thing.name, status) }
            guard let answer = Self.parse(body) else { throw .shape(thing: thing.name) }
            guard export.isInPages else { return try write(answer, to: path, item.values) }
            guard let count = export.rowCount(in: answer) else { throw .shape(thing: thing.name) }
            if count > 0 || rows == 0 { try write(answer, to: path, item.values) }
            if rows / 10_000 != (rows + count) / 10_000 {
                notice("\(thing.name): \(rows + count) in it so far")
            }
            rows += count
            guard rows <= Self.maximumRows else { throw .shape(thing: thing.name) }
            guard let next = export.next else {
                if count < limit { return }
                continue
            }
            guard let cursor = export.cursor(in: answer) else { return }
            values["cursor"] = cursor
            request = next
            guard count == 0 else { continue }
            // It ends by itself where this fails.
            if let end = export.end { _ = try? await store.ask(end, values, of: thing, on: caller) }
            return
        }
    }

    private static func parse(_ body: [UInt8]) -> JSONValue? {
        try? JSONValue.parse(body.span, maximumDepth: 128, maximumBytes: TenantStore.maximumBytes)
    }

    /// One line: which thing it belongs to, and what the store said of it.
    private func write(
        _ value: JSONValue,
        to path: String,
        _ values: [String: JSONValue]
    ) throws(TenantStoreError) {
        var of = JSONObject()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { _ = of.append(name, value) }
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

extension AdapterContents {
    /// Whether it, or anything in it, is deleted by itself.
    fileprivate var canDelete: Bool { delete != nil || contents.contains(where: \.canDelete) }
}
