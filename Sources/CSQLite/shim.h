#pragma once
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast that the importer cannot see: the library copies the bytes.
static inline int bulkhead_sqlite_bind_blob(sqlite3_stmt *statement, int place, const void *bytes, int count) {
    return sqlite3_bind_blob(statement, place, bytes, count, SQLITE_TRANSIENT);
}
