// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Runtime
import Sidecar

private let help = """
    usage: bulkhead explain --config FILE --token T --path P [options]

      --method M        default GET
      --listener L      default the first one
      --host H          default localhost
      --header 'N: V'   a further header; may be repeated
      --json            for programs

    Says who that request would be, which route, operation and policies apply, inside which compartment it would
    go, and how it would be rewritten. Issuers' keys are fetched; nothing is sent to an upstream. Exit code 1 when
    the request would be refused.
    """

func explainCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        let options = try Options(
            arguments,
            flags: ["--json"],
            values: ["--config", "--token", "--path", "--method", "--listener", "--host", "--header"],
            help: help
        )
        if options.wantsHelp { return options.printHelp() }
        var request = Explainer.Request()
        request.path = try options.required("--path")
        request.method = options.last("--method") ?? "GET"
        request.host = options.last("--host") ?? "localhost"
        request.listener = options.last("--listener")
        request.token = options.last("--token")
        request.fields = options.all("--header")
        return explain(request, try options.required("--config"), isJSON: options.has("--json"))
    } catch {
        return error.report()
    }
}

private func explain(_ request: Explainer.Request, _ path: String, isJSON: Bool) -> Int32 {
    do throws(LoadProblems) {
        let loader = try Loader(path: path, environment: environment(), now: Clock.wallTime())
        let explanation = try Explainer(loader).explain(request)
        if isJSON {
            printJSON(explanation)
        } else {
            let width = explanation.facts.map { $0.name.count }.max() ?? 0
            for (name, value) in explanation.facts {
                print(name + String(repeating: " ", count: width - name.count + 2) + value)
            }
        }
        return explanation.isAllowed ? ExitCode.fine : ExitCode.bad
    } catch {
        report(error)
        return ExitCode.bad
    }
}

private func printJSON(_ explanation: Explainer.Explanation) {
    var output = Buffer()
    var writer = JSONWriter()
    writer.beginObject(&output)
    writer.key("allowed", &output)
    writer.bool(explanation.isAllowed, &output)
    for (name, value) in explanation.facts where name != "header" {
        writer.key(name.utf8Span.span, &output)
        writer.string(value, &output)
    }
    writer.key("headers", &output)
    writer.beginArray(&output)
    for (name, value) in explanation.facts where name == "header" { writer.string(value, &output) }
    writer.endArray(&output)
    writer.endObject(&output)
    print(output.bytes.string() ?? "")
}
