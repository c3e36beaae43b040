// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Runtime
import Sidecar

func checkCommand(_ arguments: [String]) -> Int32 {
    let options: Options
    let path: String
    do throws(UsageError) {
        options = try Options(
            arguments,
            flags: ["--json"],
            values: ["--config"],
            help: """
                usage: bulkhead check --config FILE [--json]

                Reads the configuration and everything that it names (tenants, adapters, policies, keys, certificates)
                and says all that is wrong, as file:line:column: message. Opens no socket.
                """
        )
        if options.wantsHelp { return options.printHelp() }
        path = try options.required("--config")
    } catch {
        return error.report()
    }
    do throws(LoadProblems) {
        let loader = try Loader(path: path, environment: environment(), now: Clock.wallTime())
        try loader.checkFiles()
        if options.has("--json") {
            print("{\"ok\":true,\"problems\":[]}")
        } else {
            print("\(path): fine")
            for line in loader.summary { print("  \(line)") }
        }
        return ExitCode.fine
    } catch {
        if options.has("--json") { printProblems(error.lines) } else { report(error) }
        return ExitCode.bad
    }
}

private func printProblems(_ lines: [String]) {
    var output = Buffer()
    var writer = JSONWriter()
    writer.beginObject(&output)
    writer.key("ok", &output)
    writer.bool(false, &output)
    writer.key("problems", &output)
    writer.beginArray(&output)
    for line in lines { writer.string(line, &output) }
    writer.endArray(&output)
    writer.endObject(&output)
    print(output.bytes.string() ?? "")
}
