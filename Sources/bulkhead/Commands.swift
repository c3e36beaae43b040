// SPDX-License-Identifier: Apache-2.0
import Glibc
import Runtime
import Sidecar

/// Exit codes: 0 fine, 1 the thing asked about is bad, 2 wrong usage (DESIGN §11).
enum ExitCode {
    static let fine: Int32 = 0
    static let bad: Int32 = 1
    static let usage: Int32 = 2
}

private let help = """
    bulkhead \(Version.text): tenancy in front of agent services that nobody may change

    usage: bulkhead <command> [options]

      serve    --config FILE                              serve until SIGTERM
      reload   --config FILE [--json]                     have the running one read its configuration anew
      status   --config FILE [--json]                     what the running one says of itself
      tenant   suspend|resume TENANT --config FILE [--json]
                                                          shut a tenant out at once, or let it in again
      tenant   erase|export TENANT --store ROUTE --config FILE …
                                                          delete or write out all that it has in one store
      check    --config FILE [--json]                     say everything that is wrong with a configuration
      explain  --config FILE --token T --path P [--method M] [--listener L] [--host H] [--header 'N: V']… [--json]
                                                          who, decision, policies, grant, rewritten request;
                                                          nothing is sent
      adapter  test FILE [--json]                         run the examples that stand in an adapter's table
      audit    verify FILE… [--json]                      whether an audit log is whole
      namespace encode|decode …                           the code of a compartment, and whose one is
      doctor   --from-agent [--config FILE] [--store HOST:PORT]… [--json]
                                                          run where the agent runs: is there a way around?
      doctor   --config FILE [--exports DIR] [--json]     run where Bulkhead runs: what turns isolation into paper?
      cedar    authorize|validate|check|format|translate|corpus …
                                                          the policy language on its own
      version  [--json]

    'bulkhead <command> --help' says more. Exit codes: 0 fine, 1 the thing asked about is bad, 2 wrong usage.
    """

func run(_ arguments: [String]) -> Int32 {
    guard let command = arguments.first else {
        printError(help)
        return ExitCode.usage
    }
    let rest = Array(arguments.dropFirst())
    switch command {
    case "serve": return serveCommand(rest)
    case "reload": return reloadCommand(rest)
    case "status": return statusCommand(rest)
    case "tenant": return tenantCommand(rest)
    case "check": return checkCommand(rest)
    case "explain": return explainCommand(rest)
    case "adapter": return adapterCommand(rest)
    case "audit": return auditCommand(rest)
    case "namespace": return namespaceCommand(rest)
    case "doctor": return doctorCommand(rest)
    case "cedar": return cedarCommand(rest)
    case "version", "--version": return versionCommand(rest)
    case "help", "--help", "-h":
        print(help)
        return ExitCode.fine
    default:
        printError("bulkhead: unknown command \"\(command)\"; 'bulkhead help' lists them")
        return ExitCode.usage
    }
}

func versionCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        let options = try Options(arguments, flags: ["--json"], help: "usage: bulkhead version [--json]")
        if options.wantsHelp { return options.printHelp() }
        print(options.has("--json") ? "{\"version\":\"\(Version.text)\"}" : "bulkhead \(Version.text)")
        return ExitCode.fine
    } catch {
        return error.report()
    }
}

func printError(_ text: String) {
    let line = Array((text + "\n").utf8)
    writeStandardError(line.span)
}

func exit(code: Int32) -> Never {
    // Null flushes every stream.
    fflush(nil)
    Glibc.exit(code)
}
