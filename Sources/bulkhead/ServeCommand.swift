// SPDX-License-Identifier: Apache-2.0
import Configuration
import Glibc
import Runtime
import Sidecar

func serveCommand(_ arguments: [String]) -> Int32 {
    let options: Options
    let path: String
    do throws(UsageError) {
        options = try Options(
            arguments,
            flags: ["--take-over"],
            values: ["--config"],
            help: """
                usage: bulkhead serve --config FILE [--take-over]

                Serves until SIGTERM or SIGINT; then no connection is taken any more and what is under way ends.
                Standard error says what happens; the access log goes where the configuration says. Sockets that
                systemd opened (LISTEN_FDS) are used where a listener has their address.

                --take-over   takes the place of the Bulkhead that answers at admin.socket: gets its listening sockets,
                              becomes ready, then has it stop. No connection is refused, no request is dropped. Where
                              none answers it is a start like any other.
                """
        )
        if options.wantsHelp { return options.printHelp() }
        path = try options.required("--config")
    } catch {
        return error.report()
    }
    do throws(LoadProblems) {
        let loader = try Loader(path: path, environment: environment(), now: Clock.wallTime())
        let sidecar = try makeSidecar(loader, takesOver: options.has("--take-over"))
        for (name, address) in sidecar.addresses { printError("bulkhead: \(name) listens on \(address)") }
        if !loader.hasConfiguredKeys {
            printError(
                "bulkhead: no keys.current is configured: handles end, and sealed ids change, with this process"
            )
        }
        try sidecar.run()
        return ExitCode.fine
    } catch {
        report(error)
        return ExitCode.bad
    }
}

private func makeSidecar(_ loader: Loader, takesOver: Bool) throws(LoadProblems) -> Sidecar {
    guard takesOver else {
        let inherited = InheritedSockets(environment: environment(), process: getpid())
        return try Sidecar(loader, inherited: inherited)
    }
    guard let socket = loader.configuration.admin.socket else {
        throw LoadProblems(["--take-over needs admin.socket in the configuration"])
    }
    let inherited: InheritedSockets?
    do throws(AdminClient.Failure) {
        inherited = try AdminClient(socket: socket).takeSockets()
    } catch {
        throw LoadProblems(["\(error)"])
    }
    guard let inherited else { return try Sidecar(loader) }
    return try Sidecar(loader, inherited: inherited, replacing: socket)
}

func report(_ problems: LoadProblems) {
    for line in problems.lines { printError(line) }
}
