// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What is demanded of a server before a claim may be told to anybody.
package struct RedisDemands: Equatable, Sendable {
    /// On its disk.
    package var isOnDisk: Bool
    /// In the memory of so many replicas.
    package var replicas: Int
    /// How long it may take. Milliseconds.
    package var patienceMs: Int

    package init(isOnDisk: Bool, replicas: Int, patienceMs: Int) {
        self.isOnDisk = isOnDisk
        self.replicas = replicas
        self.patienceMs = patienceMs
    }
}

/// How what is demanded is made sure of, on one server: said by its own account of itself when it is connected to.
package struct RedisPromise: Equatable, Sendable {
    /// The server answers no write before it is on the disk; without, WAITAOF waits for that.
    let waitsForDisk: Bool
    let replicas: Int
    let patienceMs: Int

    /// - Parameters:
    ///   - info: the text of INFO.
    ///   - settings: names and values of CONFIG GET; nil where it may not be asked.
    /// - Throws: `.unfit` where the server cannot keep it; `.server` where it cannot just now.
    init(
        _ info: [UInt8],
        settings: [String: String]?,
        _ demands: RedisDemands
    ) throws(RedisFailure) {
        let facts = Self.facts(info)
        guard let role = facts["role"], let policy = facts["maxmemory_policy"] else { throw .unfit(.hidden) }
        if facts["loading"] == "1" { throw .server("LOADING") }
        if role != "master" { throw .server("READONLY") }
        // Rows have no end, so what only throws away rows with one keeps them.
        guard policy == "noeviction" || policy.hasPrefix("volatile-") else { throw .unfit(.evicts) }
        replicas = demands.replicas
        patienceMs = demands.patienceMs
        guard demands.isOnDisk else {
            waitsForDisk = false
            return
        }
        if let settings, settings["appendonly"] == "yes", settings["appendfsync"] == "always",
            settings["no-appendfsync-on-rewrite"] == "no"
        {
            waitsForDisk = false
        } else if facts["aof_enabled"] == "1", Self.hasWaitAOF(facts["redis_version"] ?? "") {
            waitsForDisk = true
        } else {
            throw .unfit(settings == nil && facts["aof_enabled"] != "0" ? .hidden : .forgets)
        }
    }

    /// Since 7.2, and in Valkey, which calls itself 7.2 there.
    private static func hasWaitAOF(_ version: String) -> Bool {
        let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        guard numbers.count == 2 else { return false }
        return numbers[0] > 7 || (numbers[0] == 7 && numbers[1] >= 2)
    }

    /// Lines `name:value`.
    private static func facts(_ info: [UInt8]) -> [String: String] {
        var facts: [String: String] = [:]
        for line in info.split(whereSeparator: { $0 == ASCII.carriageReturn || $0 == ASCII.lineFeed }) {
            guard let colon = line.firstIndex(of: ASCII.colon) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            facts[name] = String(decoding: line[line.index(after: colon)...], as: UTF8.self)
        }
        return facts
    }

    /// Whether anything must be waited for after a write.
    var waits: Bool { waitsForDisk || replicas > 0 }

    /// Commands that answer when everything that was written before is where it has to be.
    func appendWaits(into output: inout RedisCommands) {
        if waitsForDisk { output.append("WAITAOF", "1", "0", "\(patienceMs)") }
        if replicas > 0 { output.append("WAIT", "\(replicas)", "\(patienceMs)") }
    }

    /// - Throws: `.notDurable`.
    func check(_ replies: ArraySlice<RedisReply>) throws(RedisFailure) {
        var replies = replies
        if waitsForDisk {
            switch replies.popFirst() {
            case .list(let counts)?:
                guard case .integer(let local)? = counts.first else { throw .unexpected }
                if local < 1 { throw .notDurable }
            case .failure(let code)?: throw .server(code)
            case .text, .integer, .bytes, .absent, nil: throw .unexpected
            }
        }
        if replicas > 0 {
            switch replies.popFirst() {
            case .integer(let count)?: if count < Int64(replicas) { throw .notDurable }
            case .failure(let code)?: throw .server(code)
            case .text, .list, .bytes, .absent, nil: throw .unexpected
            }
        }
    }
}

/// Commands on their way, and how many replies there will be: one for each.
package struct RedisCommands: ~Copyable {
    package private(set) var count = 0
    package var bytes = Buffer()

    package init() {}

    mutating func append(_ words: [UInt8]...) { append(words) }

    mutating func append(_ words: String...) { append(words.map { Array($0.utf8) }) }

    mutating func append(_ words: [[UInt8]]) {
        bytes.append(UInt8(ascii: "*"))
        bytes.append(decimal: words.count)
        bytes.append("\r\n")
        for word in words { appendWord(word.span) }
        count += 1
    }

    /// A command whose last word is a secret: no copy of it stays anywhere but in `bytes`.
    mutating func append(_ words: [String], secret: borrowing Span<UInt8>) {
        // Room for all of it at once, so that it never moves.
        bytes.reserve(secret.count + 256)
        bytes.append(UInt8(ascii: "*"))
        bytes.append(decimal: words.count + 1)
        bytes.append("\r\n")
        for word in words { appendWord(word.utf8Span.span) }
        appendWord(secret)
        count += 1
    }

    private mutating func appendWord(_ word: borrowing Span<UInt8>) {
        bytes.append(UInt8(ascii: "$"))
        bytes.append(decimal: word.count)
        bytes.append("\r\n")
        bytes.append(word)
        bytes.append("\r\n")
    }
}
