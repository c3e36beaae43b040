// SPDX-License-Identifier: Apache-2.0
import Bytes
import Runtime

/// What /proc tells of processes and sockets.
enum SideDoorProcesses {
    /// Every `bulkhead serve` that is to be seen.
    static func serving() -> [SideDoorJudge.ServingProcess] {
        Surroundings.processes().filter(isServing).map { id in
            var process = SideDoorJudge.ServingProcess(id: id)
            process.maySignal = Surroundings.maySignal(id)
            process.showsMemory = Surroundings.canOpen("/proc/\(id)/mem")
            process.showsEnvironment = Surroundings.canRead("/proc/\(id)/environ")
            process.showsFiles = Surroundings.canRead("/proc/\(id)/fd")
            // The kernel gives what stands there to root when the process may not be dumped (proc(5)).
            let user = status(id, "Uid:").flatMap { UInt32($0) }
            process.isDumpable = user != 0 && user != nil && Surroundings.owner(of: "/proc/\(id)/mem") == user
            return process
        }
    }

    /// Whose doors are looked for.
    struct Agent {
        var userID: UInt32
        var capabilities: UInt64
        var environment: [String: String]
        /// What stands in front of a path to reach it as the agent does; empty where the doctor is in its container.
        var root: String
    }

    /// - Parameter id: the agent's process; nil for the doctor's own.
    /// - Throws: when it is not to be seen, or is another user's: then it would be the doctor's doors that are judged.
    static func agent(_ id: Int32?, environment: [String: String]) throws(LoadProblems) -> Agent {
        var agent = Agent(
            userID: Surroundings.userID,
            capabilities: capabilities(id ?? Surroundings.processID),
            environment: environment,
            root: ""
        )
        guard let id else { return agent }
        guard let userID = status(id, "Uid:").flatMap({ UInt32($0) }) else {
            throw LoadProblems(["process \(id) is not to be seen: run the doctor in its process namespace"])
        }
        guard userID == agent.userID, let variables = text("/proc/\(id)/environ") else {
            throw LoadProblems(["process \(id) runs as user \(userID): run the doctor under that user"])
        }
        agent.environment = variables.split(separator: "\0").reduce(into: [:]) { all, variable in
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
        }
        agent.root = "/proc/\(id)/root"
        return agent
    }

    private static func capabilities(_ id: Int32) -> UInt64 {
        status(id, "CapEff:").flatMap { UInt64($0, radix: 16) } ?? 0
    }

    /// Of this network namespace.
    static func listening() -> [SideDoorJudge.ListeningSocket] {
        ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { path in
            text(path).map(SideDoorJudge.ListeningSocket.parse) ?? []
        }
    }

    private static func isServing(_ id: Int32) -> Bool {
        guard let words = text("/proc/\(id)/cmdline")?.split(separator: "\0"), words.count > 1 else {
            return false
        }
        let program = words[0].split(separator: "/").last ?? words[0]
        return program == "bulkhead" && words[1] == "serve"
    }

    /// The first word behind a name in a process's status.
    private static func status(_ id: Int32, _ name: String) -> Substring? {
        let lines = text("/proc/\(id)/status")?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix(name) }
        return line?.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first
    }

    private static func text(_ path: String) -> String? {
        (try? Files.read(path, limit: 4 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }
}
