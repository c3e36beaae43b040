// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import JSON
import Namespaces
import Runtime

private let help = """
    usage: bulkhead adapter test FILE [--json]

    Reads the table of an adapter and runs the examples in it: for each, what the store would be sent and what the
    agent would get is compared with what the example says. Nothing is sent.
    """

func adapterCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        guard let command = arguments.first, command != "--help", command != "-h" else {
            if arguments.isEmpty { throw UsageError(message: "adapter wants a command", help: help) }
            print(help)
            return ExitCode.fine
        }
        guard command == "test" else {
            throw UsageError(message: "unknown command \"adapter \(command)\"", help: help)
        }
        let rest = Array(arguments.dropFirst())
        guard let path = rest.first(where: { !$0.hasPrefix("-") }) else {
            let options = try Options(rest, flags: ["--json"], help: help)
            if options.wantsHelp { return options.printHelp() }
            throw UsageError(message: "adapter test wants a FILE", help: help)
        }
        let options = try Options(rest.filter { $0 != path }, flags: ["--json"], help: help)
        if options.wantsHelp { return options.printHelp() }
        return test(path, json: options.has("--json"))
    } catch {
        return error.report()
    }
}

private func test(_ path: String, json: Bool) -> Int32 {
    var problems: [String] = []
    var count = 0
    do {
        let bytes = try Files.read(path, limit: 1 << 20)
        let document = try Configuration.AdapterDocument(bytes.span, file: path)
        do {
            let adapter = try Adapter(document.value)
            count = adapter.examples.count
            for example in adapter.examples {
                let result = adapter.run(example)
                let list = result.differences.map { difference in
                    let name = result.operation.isEmpty ? "" : "\(result.operation): "
                    return (pointer: result.pointer, isKey: false, message: name + difference)
                }
                problems += document.problems(list).list.map(\.description)
            }
            if count == 0 { problems.append("\(path): no examples; write some under \"examples\"") }
        } catch {
            let list = error.list.map { (pointer: $0.pointer, isKey: $0.isKey, message: $0.message) }
            problems += document.problems(list).list.map(\.description)
        }
    } catch let error as Configuration.Problems {
        problems += error.list.map(\.description)
    } catch {
        problems.append("\(error)")
    }
    if json {
        printResult(count, problems)
    } else if problems.isEmpty {
        print("\(path): \(count) examples, all as they say")
    } else {
        for problem in problems { printError(problem) }
    }
    return problems.isEmpty ? ExitCode.fine : ExitCode.bad
}

private func printResult(_ count: Int, _ problems: [String]) {
    var output = Buffer()
    var writer = JSONWriter()
    writer.beginObject(&output)
    writer.key("ok", &output)
    writer.bool(problems.isEmpty, &output)
    writer.key("examples", &output)
    writer.integer(count, &output)
    writer.key("problems", &output)
    writer.beginArray(&output)
    for problem in problems { writer.string(problem, &output) }
    writer.endArray(&output)
    writer.endObject(&output)
    print(output.bytes.string() ?? "")
}
