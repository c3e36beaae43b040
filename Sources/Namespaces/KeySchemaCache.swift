// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What one worker knows of the keys of tables that routes do not declare. As with owners, a transform that meets a table
/// which is not known notes it and stops; whoever runs it has the store asked and runs it again.
///
/// A table's schema is asked for anew when it is old. What there is none of, is known for one exchange only.
package final class KeySchemaCache {
    package struct Query: Hashable, Sendable {
        /// Route and role: another role may belong to another account, which has other tables.
        package let space: String
        package let table: String
    }

    /// Most that is kept; beyond it all is forgotten and asked for again.
    private static let maximumCount = 4096

    private var known: [Query: (table: StoreResources.Table, until: WallTime)] = [:]
    private var passing: [Query: KeySchema] = [:]
    private var now = WallTime(nanoseconds: 0)
    /// What the last transform would have had to know.
    package private(set) var missing: Query?

    package init() {}

    /// Before a transform.
    package func begin(now: WallTime) {
        self.now = now
        missing = nil
    }

    /// Before an exchange: what others were told is nothing that it may rely on.
    package func forget() {
        if !passing.isEmpty { passing.removeAll() }
    }

    package func removeAll() {
        known.removeAll()
        passing.removeAll()
    }

    /// - Parameter until: when it has to be asked for again.
    package func learn(_ query: Query, _ schema: KeySchema, until: WallTime) {
        if known.count >= Self.maximumCount { known.removeAll() }
        switch schema {
        case .table(let table):
            known[query] = (table, until)
            passing[query] = schema
        case .unknown, .refused:
            known[query] = nil
            passing[query] = schema
        }
    }

    /// Nil when it has to be asked for; it is noted.
    fileprivate func find(_ query: Query) -> KeySchema? {
        if let (table, until) = known[query], now < until { return .table(table) }
        if let schema = passing[query] { return schema }
        if missing == nil { missing = query }
        return nil
    }

    /// By which a request was rewritten, for its answer.
    fileprivate func last(_ query: Query) -> StoreResources.Table? { known[query]?.table }
}

/// The tables of one grant: those that its route declares, and those that the store is asked for.
struct TableFinder {
    let resources: StoreResources
    let schemas: KeySchemaCache
    let space: String
    /// For answers: a schema that is old by now is that of the request all the same.
    var takesOld = false

    /// - Throws: `resource_unknown`, `key_refused`; the first too where the store has to be asked, see
    ///   `KeySchemaCache.missing`.
    func table(named name: String) throws(AdapterFailure) -> StoreResources.Table {
        if let table = resources.table(named: name) { return table }
        guard resources.asks(for: name) else { throw AdapterFailure(.resourceUnknown) }
        let query = KeySchemaCache.Query(space: space, table: name)
        if takesOld, let table = schemas.last(query) { return table }
        switch schemas.find(query) {
        case .table(let table)?: return table
        case .refused?: throw AdapterFailure(.keyRefused)
        case .unknown?, nil: throw AdapterFailure(.resourceUnknown)
        }
    }
}
