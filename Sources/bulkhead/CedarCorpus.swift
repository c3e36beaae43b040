// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import Runtime

/// Runs every case of a folder in the format of cedar-integration-tests, one level of folders in it included.
/// Paths inside a case are relative to the folder's parent.
func cedarCorpus(_ arguments: [String]) throws(CedarFailure) -> Int32 {
    let given = try CedarArguments(arguments, operand: true)
    guard let folder = given.operand else { return given.options.printHelp() }
    var cases: [String] = []
    for name in try names(in: folder) {
        if isCase(name) {
            cases.append(name)
        } else if Files.isFolder("\(folder)/\(name)") {
            cases += try names(in: "\(folder)/\(name)").filter(isCase).map { "\(name)/\($0)" }
        }
    }
    guard !cases.isEmpty else { throw .bad("\(folder): no cases here") }
    var failures: [(name: String, messages: [String])] = []
    for name in cases {
        let messages = run(name, in: folder)
        if !messages.isEmpty { failures.append((name, messages)) }
    }
    if given.options.has("--json") {
        JSONValue.members([
            ("passed", .integer(Int64(cases.count - failures.count))),
            ("failed", .integer(Int64(failures.count))),
            (
                "failures",
                .array(
                    failures.map { failure in
                        .members([
                            ("case", .string(failure.name)),
                            ("messages", .array(failure.messages.map { .string($0) })),
                        ])
                    }
                )
            ),
        ]).printLine()
    } else {
        for failure in failures {
            print(failure.name)
            for message in failure.messages { print("  \(message)") }
        }
        print("\(cases.count - failures.count) passed, \(failures.count) failed")
    }
    return failures.isEmpty ? ExitCode.fine : ExitCode.bad
}

private func isCase(_ name: String) -> Bool {
    name.hasSuffix(".json") && !name.hasSuffix(".entities.json") && !name.hasSuffix(".cedarschema.json")
}

private func run(_ name: String, in folder: String) -> [String] {
    do throws(CedarFailure) {
        let path = "\(folder)/\(name)"
        let json = try CedarFiles.json(path)
        let one = try CedarFiles.reading(path) { () throws(DataError) in
            try ConformanceCase(json) { (file) throws(DataError) in
                do throws(CedarFailure) { return try CedarFiles.text("\(folder)/../\(file)") } catch {
                    throw DataError("", "\(error)")
                }
            }
        }
        return one.failures()
    } catch {
        return ["\(error)"]
    }
}

private func names(in folder: String) throws(CedarFailure) -> [String] {
    do throws(Files.Failure) { return try Files.list(folder) } catch { throw .bad(error.description) }
}
