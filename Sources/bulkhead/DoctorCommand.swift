// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import JSON
import Runtime
import Sidecar

private let help = """
    usage: bulkhead doctor --from-agent [--config FILE] [--store HOST:PORT]… [options]
           bulkhead doctor --from-outside HOST:PORT… [--json]
           bulkhead doctor --config FILE [--live [--endpoint URL]] [--exports DIR] [--clock] [--json]

    --from-agent: run it where the agent runs, under the agent's user. Shows each way around Bulkhead, closed or open:
    stores and metadata services that can be reached, credentials in variables and files, Bulkhead's keys, sockets and
    process, privileges, the agent's own port.
      --config FILE       Bulkhead's configuration; says which stores, files and ports there are
      --store PLACE       a store that must not be reached: HOST:PORT, or https://HOST:PORT; may be repeated
      --process N         the agent's process, where the doctor runs beside it (same user, same process and network
                          namespace); its variables and files are looked at then
      --agent-port N      the agent's port; default: that of the configuration's only agent
      --ca FILE           authorities of stores that talk TLS, for asking them (PEM)
      --internet          also: nothing of the internet can be reached
      --accept DOOR       somebody answers for this door being open; may be repeated
    --from-outside: run it where callers are; no place that is named may take a connection.
    --config FILE alone: run it where Bulkhead runs. Says what turns isolation into paper: in the configuration, in the
    files around it, and in the AWS account whose roles and user pools it names.
      --exports DIR       what the AWS command line printed, as *.json: get-role, get-role-policy, get-policy-version,
                          get-account-authorization-details, describe-user-pool-client; without, what depends on them
                          cannot be judged
      --live              also: ask the account itself, with Bulkhead's own keys; nothing is changed there
      --endpoint URL      where every service of AWS is asked, in the place of its own endpoint
      --clock             also: ask STS, authorization servers and issuers what time it is
      --json              for programs

    Exit codes: 0 all closed or fine, 1 something is open, wrong or cannot be judged, 2 wrong usage.
    """

/// `bulkhead doctor`: is there a way around?
func doctorCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        let options = try Options(
            arguments,
            flags: ["--from-agent", "--internet", "--json", "--clock", "--live"],
            values: [
                "--config", "--store", "--process", "--agent-port", "--ca", "--accept", "--from-outside",
                "--exports", "--endpoint",
            ],
            help: help
        )
        if options.wantsHelp { return options.printHelp() }
        if options.last("--endpoint") != nil, !options.has("--live") {
            throw UsageError(message: "--endpoint goes with --live", help: help)
        }
        let accepted = try doors(options.all("--accept"))
        let outside = options.all("--from-outside")
        if let path = options.last("--config"), !options.has("--from-agent"), outside.isEmpty {
            return examineAccount(
                path,
                exports: options.last("--exports"),
                live: (options.has("--live"), options.last("--endpoint")),
                asksClocks: options.has("--clock"),
                isJSON: options.has("--json")
            )
        }
        guard options.has("--from-agent") != !outside.isEmpty else {
            throw UsageError(
                message: "say --from-agent, --from-outside HOST:PORT, or --config FILE",
                help: help
            )
        }
        var request = SideDoorProbe.Request()
        request.environment = environment()
        request.stores = try options.all("--store").map { (text) throws(UsageError) in try store(text) }
        request.authorities = options.last("--ca")
        request.triesInternet = options.has("--internet")
        request.agentPort = try number("--agent-port", options, UInt16.self)
        request.process = try number("--process", options, Int32.self)
        let places = try outside.map { (text) throws(UsageError) in try store(text).place }
        return examine(request, options.last("--config"), places, accepted, isJSON: options.has("--json"))
    } catch {
        return error.report()
    }
}

private func examine(
    _ request: SideDoorProbe.Request,
    _ path: String?,
    _ outside: [Place],
    _ accepted: Set<SideDoor.Name>,
    isJSON: Bool
) -> Int32 {
    do throws(LoadProblems) {
        var request = request
        if let path {
            request.configuration = try Configuration.forDoctor(path: path, environment: request.environment)
        }
        let probe = SideDoorProbe(request)
        let doors = try (outside.isEmpty ? probe.fromAgent() : probe.fromOutside(outside)).map { door in
            guard door.state != .closed, accepted.contains(door.name) else { return door }
            return SideDoor(door.name, .accepted, door.finding)
        }
        isJSON ? printJSON(doors) : printLines(doors)
        return isClosed(doors) ? ExitCode.fine : ExitCode.bad
    } catch {
        report(error)
        return ExitCode.usage
    }
}

private func isClosed(_ doors: [SideDoor]) -> Bool {
    doors.allSatisfy { $0.state == .closed || $0.state == .accepted }
}

// MARK: reading

private func number<Number: FixedWidthInteger>(
    _ name: String,
    _ options: Options,
    _ type: Number.Type
) throws(UsageError) -> Number? {
    guard let text = options.last(name) else { return nil }
    guard let number = Number(text), number > 0 else {
        throw UsageError(message: "\(name) wants a number from 1 to \(Number.max)", help: help)
    }
    return number
}

private func doors(_ names: [String]) throws(UsageError) -> Set<SideDoor.Name> {
    var doors: Set<SideDoor.Name> = []
    for name in names {
        guard let door = SideDoor.Name(rawValue: name) else {
            let known = SideDoor.Name.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(message: "--accept: there is no door \"\(name)\"; they are \(known)", help: help)
        }
        doors.insert(door)
    }
    return doors
}

/// `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`.
private func store(_ text: String) throws(UsageError) -> SideDoorProbe.Store {
    let isSecure = text.hasPrefix("https://")
    let url = isSecure || text.hasPrefix("http://") ? text : "http://\(text)"
    guard let place = Place(url: url) else {
        throw UsageError(message: "\"\(text)\" is no HOST:PORT", help: help)
    }
    return SideDoorProbe.Store(place: place, tls: isSecure ? Configuration.ClientTLS() : nil)
}

// MARK: telling

private func printLines(_ doors: [SideDoor]) {
    for door in doors {
        switch door.state {
        case .closed: print("✔ \(door.name.rawValue): \(door.name.question) (\(door.finding))")
        case .open: print("✘ \(door.name.rawValue): \(door.finding)")
        case .unknown: print("? \(door.name.rawValue): \(door.finding)")
        case .accepted: print("~ \(door.name.rawValue): \(door.finding) (accepted)")
        }
        if !door.cure.isEmpty { print("    → \(door.cure)") }
    }
    let open = doors.count { $0.state == .open }
    let unknown = doors.count { $0.state == .unknown }
    print(
        isClosed(doors) ? "every door is closed" : "\(open) open, \(unknown) that cannot be judged from here"
    )
}

private func printJSON(_ doors: [SideDoor]) {
    JSONValue.members([
        ("ok", .bool(isClosed(doors))),
        (
            "doors",
            .array(
                doors.map { door in
                    .members([
                        ("door", .string(door.name.rawValue)),
                        ("state", .string(door.state.rawValue)),
                        ("finding", .string(door.finding)),
                        ("cure", .string(door.cure)),
                    ])
                }
            )
        ),
    ]).printLine()
}
