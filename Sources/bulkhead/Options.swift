// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a command line.
struct UsageError: Error {
    let message: String
    let help: String

    func report() -> Int32 {
        printError("bulkhead: \(message)\n\(help)")
        return ExitCode.usage
    }
}

/// The options of one command: `--name value`, `--name=value`, and flags.
struct Options {
    private let help: String
    private var flags: Set<String> = []
    private var values: [String: [String]] = [:]

    init(
        _ arguments: [String],
        flags known: [String] = [],
        values valued: [String] = [],
        help: String
    ) throws(UsageError) {
        self.help = help
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" {
                flags.insert("--help")
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            if known.contains(argument) {
                flags.insert(argument)
            } else if valued.contains(parts[0]) {
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                    throw UsageError(message: "\(argument) wants a value", help: help)
                }
                values[parts[0], default: []].append(value)
            } else {
                throw UsageError(message: "unknown option \"\(argument)\"", help: help)
            }
        }
    }

    var wantsHelp: Bool { flags.contains("--help") }

    func printHelp() -> Int32 {
        print(help)
        return ExitCode.fine
    }

    func has(_ flag: String) -> Bool { flags.contains(flag) }
    func all(_ name: String) -> [String] { values[name] ?? [] }
    func last(_ name: String) -> String? { values[name]?.last }

    func required(_ name: String) throws(UsageError) -> String {
        guard let value = last(name) else { throw UsageError(message: "\(name) is missing", help: help) }
        return value
    }
}
