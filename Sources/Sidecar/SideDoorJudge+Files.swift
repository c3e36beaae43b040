// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension SideDoorJudge {
    // MARK: variables

    /// The environment as an agent gets it. No value is ever part of a finding.
    package static func variables(_ environment: [String: String]) -> [SideDoor] {
        var doors: [SideDoor] = []
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            if let cure = pointers[name] {
                doors.append(.open(.credentialVariable, "\(name) is set", cure: cure))
            } else if isKey(value) {
                doors.append(
                    .open(
                        .credentialVariable,
                        "\(name) holds what looks like a real key",
                        cure: "give the agent a worthless one; Bulkhead puts the real one in"
                    )
                )
            } else if hasPassword(value) {
                doors.append(
                    .open(
                        .credentialVariable,
                        "\(name) holds an address with a password in it",
                        cure: "point it at Bulkhead, without the store's password"
                    )
                )
            }
        }
        return doors.isEmpty
            ? [.closed(.credentialVariable, "\(environment.count) variables, none of them")] : doors
    }

    /// Variables that lead to a credential by their mere presence.
    private static let pointers: [String: String] = {
        let container = "take the task's or pod's role from the agent's container; Bulkhead alone needs one"
        let file = "take it, and the file, out of the agent's container"
        return [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": container,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": container,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": container,
            "AWS_WEB_IDENTITY_TOKEN_FILE": container,
            "AZURE_CLIENT_SECRET": file,
            "AZURE_CLIENT_CERTIFICATE_PATH": file,
            "AZURE_FEDERATED_TOKEN_FILE": container,
            "GOOGLE_APPLICATION_CREDENTIALS": file,
            "IDENTITY_HEADER": container,
            "KUBECONFIG": file,
            "MSI_SECRET": container,
        ]
    }()

    /// Forms that vendors give their keys: AWS key ids, OpenAI and Anthropic, Google, GitHub, Slack, Hugging Face, and
    /// private keys in PEM.
    private static func isKey(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        if bytes.count == 20, value.hasPrefix("AKIA") || value.hasPrefix("ASIA") {
            return bytes.allSatisfy(ASCII.isAlphanumeric)
        }
        if value.hasPrefix("-----BEGIN"), value.contains("PRIVATE KEY") { return true }
        let prefixes = ["sk-", "AIza", "ghp_", "github_pat_", "xoxb-", "xoxp-", "hf_", "gsk_"]
        return bytes.count >= 24 && prefixes.contains { value.hasPrefix($0) }
    }

    /// `scheme://user:password@host`, with a password that is not empty.
    private static func hasPassword(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        guard let scheme = bytes.indices.first(where: { bytes[$0...].starts(with: "://".utf8) }) else {
            return false
        }
        let authority = bytes[(scheme + 3)...].prefix { $0 != ASCII.slash && $0 != UInt8(ascii: "?") }
        guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return false }
        guard let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":")) else { return false }
        return colon + 1 < at
    }

    // MARK: files

    /// A path that matters, as it is seen from here.
    package struct SeenFile: Equatable, Sendable {
        package var path: String
        package var isReadable = false
        package var isWritable = false
        /// Of a Unix socket: it takes a connection.
        package var connects = false

        package init(path: String) { self.path = path }
    }

    package static func credentialFiles(_ found: [SeenFile]) -> [SideDoor] {
        files(
            .credentialFile,
            found.filter(\.isReadable),
            "can be read",
            cure: "mount it into no container but Bulkhead's (automountServiceAccountToken: false for a pod)",
            closed: "none of \(found.count) usual places holds one"
        )
    }

    package static func containerRuntime(_ found: [SeenFile]) -> [SideDoor] {
        files(
            .containerRuntime,
            found.filter(\.connects),
            "takes connections",
            cure: "mount no runtime's socket into the agent's container",
            closed: "none of \(found.count) usual sockets is here"
        )
    }

    package static func keys(_ found: [SeenFile]) -> [SideDoor] {
        if found.isEmpty { return [unnamed(.bulkheadKey)] }
        return files(
            .bulkheadKey,
            found.filter(\.isReadable),
            "can be read",
            cure: "mount it into Bulkhead's container alone, or let only Bulkhead's user read it (0400)",
            closed: "none of \(found.count) can be read"
        )
    }

    package static func configurationFiles(_ found: [SeenFile]) -> [SideDoor] {
        if found.isEmpty { return [unnamed(.bulkheadFile)] }
        return files(
            .bulkheadFile,
            found.filter(\.isWritable),
            "can be written",
            cure: "mount it read-only, or let it belong to another user than the agent's",
            closed: "none of \(found.count) can be written"
        )
    }

    package static func adminSocket(_ found: SeenFile?) -> [SideDoor] {
        guard let found else { return [.closed(.adminSocket, "none is configured or was named")] }
        return files(
            .adminSocket,
            found.connects ? [found] : [],
            "takes connections",
            cure: "put it into a folder that only Bulkhead's user may enter (0700)",
            closed: found.path
        )
    }

    private static func unnamed(_ name: SideDoor.Name) -> SideDoor {
        .closed(name, "no configuration is to be seen here")
    }

    private static func files(
        _ name: SideDoor.Name,
        _ open: [SeenFile],
        _ finding: String,
        cure: String,
        closed: String
    ) -> [SideDoor] {
        if open.isEmpty { return [.closed(name, closed)] }
        return open.map { .open(name, "\($0.path) \(finding)", cure: cure) }
    }

    // MARK: ports

    /// A socket that listens, from /proc/net/tcp and /proc/net/tcp6.
    package struct ListeningSocket: Equatable, Sendable {
        package var address: IPAddress
        package var port: UInt16
        package var userID: UInt32

        package init(address: IPAddress, port: UInt16, userID: UInt32) {
            self.address = address
            self.port = port
            self.userID = userID
        }
    }

    /// - Parameters:
    ///   - userID: the agent's; its sockets are the agent's own.
    ///   - port: the agent's, where it is known: then it has to be there.
    package static func agentPort(
        _ sockets: [ListeningSocket],
        userID: UInt32,
        port: UInt16?
    ) -> [SideDoor] {
        let own = sockets.filter { $0.userID == userID || $0.port == port }
        let wide = own.filter { !$0.address.isLoopback }
        if let port, !own.contains(where: { $0.port == port }) {
            return [
                SideDoor(
                    .agentPort,
                    .unknown,
                    "nothing listens on port \(port) here",
                    cure: "run this in the agent's container while the agent runs"
                )
            ]
        }
        if wide.isEmpty {
            let ports = own.map { "\($0.port)" }.joined(separator: ", ")
            return [.closed(.agentPort, own.isEmpty ? "none is open" : "on loopback alone: \(ports)")]
        }
        return wide.map { socket in
            SideDoor(
                .agentPort,
                .unknown,
                "\(socket.address) port \(socket.port) is open to all who reach this network",
                cure:
                    "bind it to 127.0.0.1; or, where Bulkhead is in another container, let nobody else reach it, show "
                    + "that from outside (bulkhead doctor --from-outside HOST:\(socket.port)), and say --accept agent-port"
            )
        }
    }
}

extension SideDoorJudge.ListeningSocket {
    /// The listening sockets in the text of /proc/net/tcp or /proc/net/tcp6; lines of another form are passed over.
    package static func parse(_ table: String) -> [Self] {
        table.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: " ")
            // 0A is LISTEN (include/net/tcp_states.h).
            guard columns.count > 7, columns[3] == "0A", let userID = UInt32(columns[7]) else { return nil }
            let local = columns[1].split(separator: ":")
            guard local.count == 2, let port = UInt16(local[1], radix: 16),
                let address = address(local[0])
            else { return nil }
            return Self(address: address, port: port, userID: userID)
        }
    }

    /// Words of 32 bits, each in the machine's order, which is little-endian wherever Bulkhead runs.
    private static func address(_ digits: Substring) -> IPAddress? {
        var words: [UInt64] = []
        var rest = digits
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            words.append(UInt64(word.byteSwapped))
            rest = rest.dropFirst(8)
        }
        switch words.count {
        case 1: return .v4(UInt32(words[0]))
        // An IPv4 address in IPv6's form (RFC 4291 §2.5.5.2).
        case 4 where words[0] == 0 && words[1] == 0 && words[2] == 0xFFFF: return .v4(UInt32(words[3]))
        case 4: return .v6(high: words[0] << 32 | words[1], low: words[2] << 32 | words[3])
        default: return nil
        }
    }
}
