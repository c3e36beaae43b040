// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Why a process could not do what it was started for; read when it has ended.
final class Failure: Sendable {
    private let lines = Mutex<[String]>([])

    func note(_ line: String) { lines.withLock { $0.append(line) } }

    var problems: [String] { lines.withLock { $0 } }
}
