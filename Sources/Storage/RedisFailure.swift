// SPDX-License-Identifier: Apache-2.0

/// Why a table of owners in Redis does not answer. Nothing that the server said is in it but the name of its error.
package enum RedisFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// No RESP2.
    case malformed
    case tooLarge
    /// By the name of the server's error.
    case server(String)
    /// Another kind of reply than the command has, or a row that Bulkhead did not write.
    case unexpected
    /// It cannot keep what is demanded of it: why, and what to change.
    case unfit(Reason)
    /// Fewer replicas have it than are demanded, or its log is not on the disk.
    case notDurable
    /// What was there before is not there any more, or this is another server's table.
    case replaced

    package var description: String {
        switch self {
        case .malformed: "what it says is not RESP2"
        case .tooLarge: "a reply is larger than it may be"
        case .unexpected: "its reply is none to what was asked, or its rows are not Bulkhead's"
        case .unfit(let reason): reason.rawValue
        case .notDurable: "a claim is not yet where it has to be (ownership.durability, ownership.replicas)"
        case .replaced:
            "the table has lost its rows, or is another: restore it, or start Bulkhead anew if that is meant"
        case .server(let code): "\(code): " + Self.meaning(code)
        }
    }

    package enum Reason: String, Sendable {
        case evicts =
            "it throws rows away when its memory is full (maxmemory-policy allkeys-…), and with them who owns what: set noeviction"
        case forgets =
            "what it was told is not on its disk when it answers: set appendonly yes, appendfsync always and no-appendfsync-on-rewrite no, use a server with WAITAOF (7.2), or write what else is enough (ownership.durability)"
        case hidden =
            "it does not say how it keeps its rows (INFO, CONFIG GET): allow both to the user, or write ownership.durability: memory"
    }

    private static func meaning(_ code: String) -> String {
        switch code {
        case "READONLY": "it is a replica, or has become one"
        case "LOADING": "it still reads its data"
        case "NOAUTH", "WRONGPASS": "it wants another user or password"
        case "NOPERM": "the user may not do what a table of owners needs"
        case "MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN", "TRYAGAIN":
            "it is part of a cluster; name one node, with a hash tag in ownership.prefix whose slot it has"
        case "OOM": "it has no memory left"
        case "MISCONF": "it cannot write to its disk"
        case "MASTERDOWN": "it has lost its primary"
        case "NOREPLICAS": "it has fewer replicas than it wants itself"
        case "BUSY": "a script of somebody's runs on it"
        default: "it refuses the command"
        }
    }

    /// Whether the same connection may be asked again: what fails is the work, not who is asked.
    package var keepsConnection: Bool {
        switch self {
        case .server(let code): ["OOM", "MISCONF", "BUSY", "NOREPLICAS"].contains(code)
        case .notDurable: true
        case .malformed, .tooLarge, .unexpected, .unfit, .replaced: false
        }
    }
}
