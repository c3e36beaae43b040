// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// One prepared statement. Bind its parameters in their order, step through its rows, reset; `run` does all of it.
@safe
final class Statement {
    private let raw: OpaquePointer
    private let sql: StaticString
    private let database: Database

    enum Value {
        case bytes([UInt8])
        case integer(Int64)
    }

    /// Takes over the library's object.
    init(_ raw: OpaquePointer, _ sql: StaticString, _ database: Database) {
        unsafe self.raw = raw
        self.sql = sql
        self.database = database
    }

    deinit {
        // Safe because nobody else has it.
        unsafe sqlite3_finalize(raw)
    }

    /// Runs the statement to its end, or to its first row if `row` is given.
    /// - Returns: what `row` makes of the first row; nil when there is none.
    @discardableResult
    func run<Result>(
        _ values: [Value],
        row: (borrowing Row) -> Result
    ) throws(StorageError) -> Result? {
        defer {
            // Safe because resetting is allowed in every state; its code repeats the step's.
            unsafe sqlite3_reset(raw)
            unsafe sqlite3_clear_bindings(raw)
        }
        for (index, value) in values.enumerated() {
            let code =
                switch value {
                case .integer(let number): unsafe sqlite3_bind_int64(raw, Int32(index + 1), number)
                case .bytes(let bytes):
                    // Safe because the library copies the bytes during the call.
                    unsafe bulkhead_sqlite_bind_blob(raw, Int32(index + 1), bytes, Int32(bytes.count))
                }
            if code != SQLITE_OK { throw database.failure(sql, code) }
        }
        let code = unsafe sqlite3_step(raw)
        switch code {
        case SQLITE_ROW: return row(unsafe Row(raw))
        case SQLITE_DONE: return nil
        default: throw database.failure(sql, code)
        }
    }

    func run(_ values: [Value]) throws(StorageError) { try run(values) { _ in } }
}

/// The row that a statement stands at.
@safe
struct Row: ~Copyable {
    private let raw: OpaquePointer

    fileprivate init(_ raw: OpaquePointer) { unsafe self.raw = raw }

    func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(raw, column) }

    func bytes(_ column: Int32) -> [UInt8] {
        let start = unsafe sqlite3_column_blob(raw, column)
        // Safe because the library says how many bytes stand there, until the next step.
        return unsafe Array(
            UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(raw, column)))
        )
    }
}
