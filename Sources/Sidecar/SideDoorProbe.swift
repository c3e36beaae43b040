// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Configuration
import Runtime
import TLS

/// Looks, from where it runs, for ways around Bulkhead: run it where the agent runs, under the agent's user.
package struct SideDoorProbe {
    package struct Store: Sendable {
        package var place: Place
        /// Nil: plain text.
        package var tls: Configuration.ClientTLS?

        package init(place: Place, tls: Configuration.ClientTLS?) {
            self.place = place
            self.tls = tls
        }
    }

    package struct Request: Sendable {
        /// Bulkhead's own, where it is to be seen from here: says which stores, files and ports there are.
        package var configuration: Configuration?
        package var stores: [Store] = []
        package var agentPort: UInt16?
        /// PEM file of authorities for stores that talk TLS.
        package var authorities: String?
        package var triesInternet = false
        /// The agent's, where the doctor runs beside it and not in its container: its variables, its files and its rights
        /// are looked at then. Nil: the doctor's own.
        package var process: Int32?
        package var environment: [String: String] = [:]

        package init() {}
    }

    private let request: Request

    package init(_ request: Request) { self.request = request }

    /// All doors that an agent could try. Takes some seconds where packets are dropped.
    /// - Throws: when the process itself cannot open a socket or a file that was named.
    package func fromAgent() throws(LoadProblems) -> [SideDoor] {
        let agent = try SideDoorProcesses.agent(request.process, environment: request.environment)
        let home = agent.environment["HOME"] ?? "/nonexistent"
        let files = SideDoorFiles(request.configuration, home: home, environment: agent.environment)
        let processes = SideDoorProcesses.serving()
        func seen(_ path: String) -> SideDoorJudge.SeenFile {
            var file = SideDoorJudge.SeenFile(path: path)
            file.isReadable = Surroundings.canRead(agent.root + path)
            file.isWritable = Surroundings.canWrite(agent.root + path)
            return file
        }
        func seenSocket(_ path: String) -> SideDoorJudge.SeenFile {
            var file = SideDoorJudge.SeenFile(path: path)
            file.connects = Surroundings.connects(toSocketAt: agent.root + path)
            return file
        }
        var doors = try network()
        doors += SideDoorJudge.variables(agent.environment)
        doors += SideDoorJudge.credentialFiles(files.credentials.map(seen))
        doors += SideDoorJudge.containerRuntime(files.runtimes.map(seenSocket))
        doors += SideDoorJudge.privileges(userID: agent.userID, capabilities: agent.capabilities)
        doors += SideDoorJudge.keys(files.keys.map(seen))
        doors += SideDoorJudge.configurationFiles(files.configuration.map(seen))
        doors += SideDoorJudge.adminSocket(seenSocket(files.adminSocket))
        doors += SideDoorJudge.process(processes)
        doors += SideDoorJudge.coreDumps(
            processes,
            isPatternWritable: Surroundings.canWrite("/proc/sys/kernel/core_pattern")
        )
        doors += SideDoorJudge.agentPort(
            SideDoorProcesses.listening(),
            userID: agent.userID,
            port: request.agentPort ?? request.configuration?.agentPort
        )
        return doors
    }

    /// Places that must not be reached from here, such as the agent's port from where callers are.
    package func fromOutside(_ places: [Place]) throws(LoadProblems) -> [SideDoor] {
        SideDoorJudge.outside(try reach(places.map { ($0, nil, nil, .seconds(2)) }))
    }

    // MARK: network

    private typealias Attempt = (place: Place, tls: TLSContext?, serverName: String?, patience: Interval)

    private func network() throws(LoadProblems) -> [SideDoor] {
        let stores = request.stores + (request.configuration?.guardedStores ?? [])
        var attempts: [Attempt] = []
        do {
            // Read once, since it may be a pipe.
            let given = try request.authorities.map { try Self.client(trusting: $0) }
            for store in stores {
                let context = try store.tls.map { tls in try given ?? client(for: tls) }
                attempts.append((store.place, context, store.tls?.serverName, .seconds(2)))
            }
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
        var doors = SideDoorJudge.stores(try reach(attempts))
        // One hop away at most: what does not answer at once does not answer.
        doors += SideDoorJudge.metadata(try reach(Self.metadata.map { ($0, nil, nil, .milliseconds(700)) }))
        if request.triesInternet {
            doors += SideDoorJudge.internet(try reach(Self.internet.map { ($0, nil, nil, .seconds(2)) }))
        }
        return doors
    }

    /// A client without a certificate, as an agent is one. Bulkhead's own file of authorities may not be there for the
    /// agent, which is as it should be; then the system's have to do.
    private func client(for tls: Configuration.ClientTLS) throws -> TLSContext {
        var paths = TLSTrust.systemPaths
        if case .file(let path) = tls.ca { paths.insert(path, at: 0) }
        for path in paths where Surroundings.canRead(path) { return try Self.client(trusting: path) }
        throw LoadProblems(["no authorities are here; name a PEM file with --ca"])
    }

    private static func client(trusting path: String) throws -> TLSContext {
        let pem = try Files.read(path, limit: 4 << 20)
        return try TLSContext(
            client: TLSClientOptions(trust: try TLSTrust(authorities: pem.span, named: path))
        )
    }

    private func reach(_ attempts: [Attempt]) throws(LoadProblems) -> [(place: Place, reach: Reach)] {
        if attempts.isEmpty { return [] }
        let result: Swift.Result<[Reach], ResolutionError>
        do throws(SystemError) {
            result = try ControlLoop.run { loop in
                do throws(ResolutionError) {
                    let probe = try ReachProbe(on: loop)
                    var found: [Reach] = []
                    for (place, tls, name, patience) in attempts {
                        found.append(await probe.reach(place, tls: tls, serverName: name, patience: patience))
                    }
                    return .success(found)
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        switch result {
        case .success(let found): return zip(attempts, found).map { ($0.place, $1) }
        case .failure(let error): throw LoadProblems(["\(error)"])
        }
    }

    /// Where clouds tell a machine, a task or a pod who it is.
    private static let metadata: [Place] = [
        Place(label: "instance metadata", host: "169.254.169.254", port: 80),
        Place(label: "instance metadata", host: "fd00:ec2::254", port: 80),
        Place(label: "ECS task role", host: "169.254.170.2", port: 80),
        Place(label: "EKS pod identity", host: "169.254.170.23", port: 80),
        Place(label: "EKS pod identity", host: "fd00:ec2::23", port: 80),
        Place(label: "Alibaba metadata", host: "100.100.100.200", port: 80),
    ]

    private static let internet: [Place] = [
        Place(label: "", host: "1.1.1.1", port: 443), Place(label: "", host: "8.8.8.8", port: 53),
        Place(label: "", host: "2606:4700:4700::1111", port: 443),
    ]
}

extension Configuration {
    /// Every endpoint that an agent must not reach: all but the agents themselves.
    fileprivate var guardedStores: [SideDoorProbe.Store] {
        let agents = agents
        return upstreams.filter { !agents.contains($0.name) }.flatMap { upstream in
            upstream.endpoints.map { endpoint in
                SideDoorProbe.Store(
                    place: Place(label: upstream.name, host: endpoint.hostText, port: endpoint.port),
                    tls: upstream.tls
                )
            }
        }
    }

    /// Where there is one agent with one endpoint.
    fileprivate var agentPort: UInt16? {
        let endpoints = upstreams.filter { agents.contains($0.name) }.flatMap(\.endpoints)
        return endpoints.count == 1 ? endpoints[0].port : nil
    }
}
