// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import JSON
import Runtime
import Sidecar

private let whichOne = """
      --config FILE   whose admin.socket is meant; the file need not be right in anything else
      --socket PATH   the socket itself
      --json          the answer as it came
    """

func reloadCommand(_ arguments: [String]) -> Int32 {
    let help = """
        usage: bulkhead reload (--config FILE | --socket PATH) [--json]

        Has the running Bulkhead read its configuration anew, and waits for the outcome. Everything that was changed
        takes effect at once, or nothing does: then this says why, with file, line and column, and exits with 1.

        \(whichOne)
        """
    return ask(arguments, help) { options, admin throws(AdminClient.Failure) in
        let reply = try admin.ask(.post, "/reload")
        return show(reply, options) { answer in
            let problems = answer["problems"]?.array?.compactMap(\.string) ?? []
            for problem in problems { printError(problem) }
            let generation = answer["generation"]?.integer ?? 0
            if problems.isEmpty { print("configuration \(generation) is in force") }
            if !problems.isEmpty {
                printError("nothing was changed; configuration \(generation) stays in force")
            }
        }
    }
}

func statusCommand(_ arguments: [String]) -> Int32 {
    let help = """
        usage: bulkhead status (--config FILE | --socket PATH) [--json]

        What the running Bulkhead says of itself: version, configuration, the last reload, suspended tenants. Exits
        with 1 while it is not ready.

        \(whichOne)
        """
    return ask(arguments, help) { options, admin throws(AdminClient.Failure) in
        let reply = try admin.ask(.get, "/status")
        var isReady = false
        let code = show(reply, options) { answer in
            for member in answer.members {
                let width = answer.members.map(\.name.count).max() ?? 0
                let padding = String(repeating: " ", count: width - member.name.count + 2)
                var text = Buffer()
                member.value.write(into: &text)
                print(member.name + padding + (text.bytes.string() ?? ""))
            }
        }
        if case .object(let answer)? = try? JSONValue.parse(reply.body.span) {
            isReady = answer["ready"] == .bool(true)
        }
        return code == ExitCode.fine && !isReady ? ExitCode.bad : code
    }
}

/// `bulkhead tenant suspend|resume …`.
func suspensionCommand(_ arguments: [String]) -> Int32 {
    let help = """
        usage: bulkhead tenant suspend|resume TENANT (--config FILE | --socket PATH) [--json]

        suspend: every request of the tenant is refused within a second, and what is under way for it is cut; whatever
        the files say, until it is resumed. A file beside the socket keeps that over restarts.

        \(whichOne)
        """
    var rest = arguments
    let operands = rest.prefix { !$0.hasPrefix("-") }
    rest.removeFirst(operands.count)
    return ask(rest, help, operands: Array(operands), ["suspend", "resume"]) {
        options,
        admin throws(AdminClient.Failure) in
        let reply = try admin.ask(.post, "/tenants/\(operands[1])/\(operands[0])")
        return show(reply, options) { answer in
            let isSuspended = answer["suspended"] == .bool(true)
            print("tenant \(operands[1]) is \(isSuspended ? "suspended" : "resumed")")
            if answer["registered"] == .bool(false) { print("note: the registry has no such tenant") }
            if let problem = answer["problem"]?.string { printError("not kept over a restart: \(problem)") }
        }
    }
}

/// Reads the options, finds the socket and runs `body`.
private func ask(
    _ arguments: [String],
    _ help: String,
    operands: [String] = [],
    _ verbs: [String] = [],
    _ body: (Options, AdminClient) throws(AdminClient.Failure) -> Int32
) -> Int32 {
    let options: Options
    let socket: String
    do throws(UsageError) {
        options = try Options(
            arguments,
            flags: ["--json"],
            values: ["--config", "--socket"],
            help: help
        )
        if options.wantsHelp { return options.printHelp() }
        if !verbs.isEmpty, operands.count != 2 || !verbs.contains(operands[0]) {
            throw UsageError(message: "expected \(verbs.joined(separator: " or ")) and a tenant", help: help)
        }
        socket = try adminSocket(options, help)
    } catch {
        return error.report()
    }
    do throws(AdminClient.Failure) {
        return try body(options, AdminClient(socket: socket))
    } catch {
        printError("bulkhead: \(error)")
        return ExitCode.bad
    }
}

private func adminSocket(_ options: Options, _ help: String) throws(UsageError) -> String {
    if let socket = options.last("--socket") { return socket }
    guard let path = options.last("--config") else {
        throw UsageError(message: "--config or --socket is missing", help: help)
    }
    guard let bytes = try? Files.read(path, limit: 1 << 20),
        let socket = Configuration.adminSocket(in: bytes.span, file: path, environment: environment())
    else {
        throw UsageError(
            message: "\(path): no admin.socket can be read from it; say --socket PATH",
            help: help
        )
    }
    return socket
}

/// - Returns: the exit code.
private func show(_ reply: AdminClient.Reply, _ options: Options, _ body: (JSONObject) -> Void) -> Int32 {
    let isFine = reply.status == 200
    let text = String(decoding: reply.body, as: UTF8.self)
    if options.has("--json") {
        print(text, terminator: "")
    } else if case .object(let answer)? = try? JSONValue.parse(reply.body.span) {
        body(answer)
    } else {
        printError("bulkhead: answered \(reply.status): \(text)")
    }
    return isFine ? ExitCode.fine : ExitCode.bad
}
