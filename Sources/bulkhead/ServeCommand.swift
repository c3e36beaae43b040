// SPDX-License-Identifier: Apache-2.0
import Runtime
import Sidecar

func serveCommand(_ arguments: [String]) -> Int32 {
    let options: Options
    let path: String
    do throws(UsageError) {
        options = try Options(
            arguments,
            values: ["--config"],
            help: """
                usage: bulkhead serve --config FILE

                Serves until SIGTERM or SIGINT; then no connection is taken any more and what is under way ends.
                Standard error says what happens; the access log goes where the configuration says.
                """
        )
        if options.wantsHelp { return options.printHelp() }
        path = try options.required("--config")
    } catch {
        return error.report()
    }
    do throws(LoadProblems) {
        let loader = try Loader(path: path, environment: environment(), now: Clock.wallTime())
        let sidecar = try Sidecar(loader)
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

func report(_ problems: LoadProblems) {
    for line in problems.lines { printError(line) }
}
