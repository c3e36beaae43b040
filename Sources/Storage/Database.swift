// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc

/// Why the database could not do its work. No value of a row is in it.
package struct StorageError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let operation: StaticString
    package let reason: String

    package var description: String { "\(path): \(operation): \(reason)" }

    package static func == (left: StorageError, right: StorageError) -> Bool {
        left.path == right.path && left.reason == right.reason
    }
}

/// One SQLite database in one file, for one thread. What a transaction has written when it returns is on the disk: the
/// log is synced at each commit (`synchronous=FULL` with WAL).
@safe
final class Database {
    let path: String
    private let raw: OpaquePointer

    /// How long another process may hold the file: an old Bulkhead that drains while the new one begins.
    private static let busyMilliseconds: Int32 = 2000

    /// Opens the file, made with mode 0600 if absent.
    init(path: String) throws(StorageError) {
        self.path = path
        // Made here, so that nobody else may ever read it; the library gives the same mode to the log beside it.
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            // Safe because strerror's text is copied before another call can replace it.
            throw StorageError(path: path, operation: "open", reason: unsafe String(cString: strerror(errno)))
        }
        Glibc.close(descriptor)
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            // Safe because closing nil is allowed, and the text is static.
            unsafe sqlite3_close_v2(handle)
            throw StorageError(
                path: path,
                operation: "open",
                reason: unsafe String(cString: sqlite3_errstr(code))
            )
        }
        unsafe raw = handle
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        try execute("PRAGMA journal_mode=WAL")
        try execute("PRAGMA synchronous=FULL")
        try execute("PRAGMA trusted_schema=OFF")
    }

    deinit {
        // Safe because every statement of this database holds it, so none is left.
        unsafe sqlite3_close_v2(raw)
    }

    /// Runs statements that give no rows that matter.
    func execute(_ sql: StaticString) throws(StorageError) {
        // Safe because a static string ends in NUL.
        let code = unsafe sqlite3_exec(
            raw,
            UnsafeRawPointer(sql.utf8Start).assumingMemoryBound(to: CChar.self),
            nil,
            nil,
            nil
        )
        if code != SQLITE_OK { throw failure(sql, code) }
    }

    func prepare(_ sql: StaticString) throws(StorageError) -> Statement {
        var statement: OpaquePointer?
        // Safe because the static string is as long as said.
        let code = unsafe sqlite3_prepare_v3(
            raw,
            UnsafeRawPointer(sql.utf8Start).assumingMemoryBound(to: CChar.self),
            Int32(sql.utf8CodeUnitCount),
            UInt32(SQLITE_PREPARE_PERSISTENT),
            &statement,
            nil
        )
        guard code == SQLITE_OK, let statement = unsafe statement else { throw failure(sql, code) }
        return unsafe Statement(statement, sql, self)
    }

    /// Runs `body` in one transaction: all that it wrote is on the disk when this returns, or nothing of it is kept.
    func transaction<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        // Immediate: whoever will write must not find out in the middle that another does.
        try execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            try? execute("ROLLBACK")
            throw error
        }
    }

    func failure(_ operation: StaticString, _ code: Int32) -> StorageError {
        // Safe because the library's text for a code is static.
        StorageError(path: path, operation: operation, reason: unsafe String(cString: sqlite3_errstr(code)))
    }
}
