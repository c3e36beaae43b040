// SPDX-License-Identifier: Apache-2.0

/// One way by which an agent could pass Bulkhead by, or become it (THREATS 24), and what was found there.
package struct SideDoor: Equatable, Sendable {
    package enum Name: String, CaseIterable, Sendable {
        case store, metadata, internet
        case credentialVariable = "credential-variable"
        case credentialFile = "credential-file"
        case containerRuntime = "container-runtime"
        case privileges
        case bulkheadKey = "bulkhead-key"
        case bulkheadFile = "bulkhead-file"
        case adminSocket = "admin-socket"
        case bulkheadProcess = "bulkhead-process"
        case coreDumps = "core-dumps"
        case agentPort = "agent-port"
        case outside

        /// What is asked.
        package var question: String {
            switch self {
            case .store: "stores cannot be reached but through Bulkhead"
            case .metadata: "the cloud's metadata and credential services cannot be reached"
            case .internet: "the internet cannot be reached"
            case .credentialVariable: "no variable holds a credential"
            case .credentialFile: "no file with a credential can be read"
            case .containerRuntime: "no container runtime takes orders"
            case .privileges: "the agent's user has no privileges"
            case .bulkheadKey: "Bulkhead's keys cannot be read"
            case .bulkheadFile: "Bulkhead's configuration cannot be written"
            case .adminSocket: "Bulkhead's admin socket takes no connection"
            case .bulkheadProcess: "Bulkhead's process cannot be touched"
            case .coreDumps: "Bulkhead's memory ends in no core file"
            case .agentPort: "the agent's port is open to nobody but Bulkhead"
            case .outside: "what must be closed to the outside is"
            }
        }
    }

    package enum State: String, Sendable {
        case closed
        case open
        /// What was tried cannot tell; counts as open until somebody answers for it.
        case unknown
        /// Open or unknown, and somebody answers for it.
        case accepted
    }

    package var name: Name
    package var state: State
    /// What was found, in a few words; never a value of a variable or file.
    package var finding: String
    /// What closes it; empty where it is closed.
    package var cure: String

    package init(_ name: Name, _ state: State, _ finding: String, cure: String = "") {
        self.name = name
        self.state = state
        self.finding = finding
        self.cure = cure
    }

    static func closed(_ name: Name, _ finding: String) -> SideDoor { SideDoor(name, .closed, finding) }

    static func open(_ name: Name, _ finding: String, cure: String) -> SideDoor {
        SideDoor(name, .open, finding, cure: cure)
    }
}

/// A connection attempt to a place that should not answer.
package enum Reach: Equatable, Sendable {
    case nameUnknown
    /// No connection stands; the reason is the system's.
    case unreachable(String)
    /// It answers, and wants something that only Bulkhead has.
    case guarded(String)
    /// It talks TLS under a certificate that is not trusted here, so it was asked nothing.
    case untrusted(String)
    case answers(String)
}

/// A place to try.
package struct Place: Equatable, Sendable {
    /// As the configuration or the command line calls it.
    package var label: String
    package var host: String
    package var port: UInt16

    package init(label: String, host: String, port: UInt16) {
        self.label = label
        self.host = host
        self.port = port
    }

    /// From an absolute URL; the path does not matter.
    package init?(url text: String) {
        guard let url = WebURL(text) else { return nil }
        self.init(label: "", host: url.host, port: url.port)
    }

    /// The host for the left of a colon: IPv6 in brackets.
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    var name: String { label.isEmpty ? text : "\(label) (\(text))" }
}
