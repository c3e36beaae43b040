// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc

/// What memory this process has, and may have.
package enum Memory {
    /// Resident bytes. Cost: three system calls.
    package static var resident: Int {
        guard let text = try? Files.read("/proc/self/statm", limit: 4096) else { return 0 }
        let pages = text.split(separator: ASCII.space).dropFirst().first.flatMap(number)
        return (pages ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    }

    /// What the system lets the control group of this process have; nil where that is not bounded.
    package static var limit: Int? {
        for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
            guard let text = try? Files.read(path, limit: 4096) else { continue }
            // "max", and what version 1 writes for it, are no bounds.
            guard let limit = number(text.filter { $0 > ASCII.space }[...]), limit < 1 << 50 else {
                return nil
            }
            return limit
        }
        return nil
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: text, as: UTF8.self))
    }
}
