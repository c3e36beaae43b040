// SPDX-License-Identifier: Apache-2.0
import Configuration
import JSON
import Sidecar

/// `bulkhead doctor --config F` without a place to look from: what a configuration and its account give away.
/// - Parameter live: whether the account itself is asked, and where in the place of AWS's own endpoints.
func examineAccount(
    _ path: String,
    exports folder: String?,
    live: (asks: Bool, endpoint: String?),
    asksClocks: Bool,
    isJSON: Bool
) -> Int32 {
    do throws(LoadProblems) {
        let configuration = try Configuration.forDoctor(path: path, environment: environment())
        var exports =
            try folder.map { (folder) throws(LoadProblems) in try AccountExports(folder: folder) }
            ?? AccountExports()
        var found = ConfigurationJudge(configuration, ConfigurationJudge.Around(configuration)).judge()
        if live.asks {
            let account = try LiveAccount(configuration, environment: environment(), endpoint: live.endpoint)
            found += try account.ask(&exports)
        }
        found += AccountJudge(configuration, exports).judge()
        if asksClocks { found += try ClockProbe(configuration).ask() }
        isJSON ? printJSON(found) : printLines(found)
        return isFine(found) ? ExitCode.fine : ExitCode.bad
    } catch {
        report(error)
        return ExitCode.usage
    }
}

private func isFine(_ found: [Weakness]) -> Bool {
    found.allSatisfy { $0.state == .fine || $0.state == .meant }
}

private func printLines(_ found: [Weakness]) {
    for weakness in found {
        let name = weakness.name.rawValue
        switch weakness.state {
        case .fine: print("✔ \(name): \(weakness.name.question) (\(weakness.finding))")
        case .wrong: print("✘ \(name): \(weakness.finding)")
        case .unknown: print("? \(name): \(weakness.finding)")
        case .meant: print("~ \(name): \(weakness.finding)")
        }
        if !weakness.fix.isEmpty { print("    → \(weakness.fix)") }
    }
    let wrong = found.count { $0.state == .wrong }
    let unknown = found.count { $0.state == .unknown }
    print(isFine(found) ? "nothing is wrong" : "\(wrong) wrong, \(unknown) that cannot be judged from here")
}

private func printJSON(_ found: [Weakness]) {
    JSONValue.members([
        ("ok", .bool(isFine(found))),
        (
            "findings",
            .array(
                found.map { weakness in
                    .members([
                        ("name", .string(weakness.name.rawValue)),
                        ("state", .string(weakness.state.rawValue)),
                        ("finding", .string(weakness.finding)),
                        ("fix", .string(weakness.fix)),
                    ])
                }
            )
        ),
    ]).printLine()
}
