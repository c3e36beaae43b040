// SPDX-License-Identifier: Apache-2.0
import Identity
import JSON
import Runtime
import Sidecar

private let help = """
    usage: bulkhead tenant suspend|resume TENANT (--config FILE | --socket PATH) [--json]
           bulkhead tenant erase  TENANT --store ROUTE --config FILE [--yes] [options]
           bulkhead tenant export TENANT --store ROUTE --config FILE --out FOLDER [options]

    'bulkhead tenant suspend --help' says more of the first two. The others walk all that the tenant has in the store of
    that route, as the route's table says under "contents", with requests that go through the same rewriting as an
    agent's own: nothing of another tenant is reached.
      erase            deletes it, and counts again; without --yes it only says what there is
      export           writes it into a new folder: for each kind of thing a file of JSON lines
      --issuer I --user U
                       whose, where the route keeps users apart
      --name THING=NAME
                       one thing that the store may keep without listing it (mem0: user=ann); as often as needed
      --json           for programs

    Suspend the tenant first: what is written meanwhile may be missed. An erasure that fails may be begun again.
    Exit codes: 0 done, 1 something is left or failed, 2 wrong usage.
    """

/// `bulkhead tenant …`: in or out, and all of one tenant in one store.
func tenantCommand(_ arguments: [String]) -> Int32 {
    if arguments.first == "suspend" || arguments.first == "resume" { return suspensionCommand(arguments) }
    do throws(UsageError) {
        let verb = arguments.first ?? ""
        if verb == "--help" || verb == "-h" || verb == "help" {
            print(help)
            return ExitCode.fine
        }
        guard verb == "erase" || verb == "export" else {
            throw UsageError(message: "say suspend, resume, erase or export", help: help)
        }
        var rest = Array(arguments.dropFirst())
        let operand = rest.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
        if operand != nil { rest.removeFirst() }
        let options = try Options(
            rest,
            flags: ["--json"] + (verb == "erase" ? ["--yes"] : []),
            values: ["--store", "--config", "--issuer", "--user", "--name"]
                + (verb == "export" ? ["--out"] : []),
            help: help
        )
        if options.wantsHelp { return options.printHelp() }
        guard let operand, let tenant = TenantID(operand) else {
            throw UsageError(message: "say which tenant, by its id in the registry", help: help)
        }
        return walk(
            tenant,
            try deed(verb, options),
            try user(options),
            try names(options),
            options,
            try options.required("--store")
        )
    } catch {
        return error.report()
    }
}

private func deed(_ verb: String, _ options: Options) throws(UsageError) -> TenantWalk.Deed {
    if verb == "export" { return .export(folder: try options.required("--out")) }
    return options.has("--yes") ? .erase : .count
}

private func user(_ options: Options) throws(UsageError) -> (issuer: String, subject: String)? {
    switch (options.last("--issuer"), options.last("--user")) {
    case (let issuer?, let subject?): return (issuer, subject)
    case (nil, nil): return nil
    default: throw UsageError(message: "--issuer and --user go together", help: help)
    }
}

private func names(_ options: Options) throws(UsageError) -> [(kind: String, name: String)] {
    var names: [(kind: String, name: String)] = []
    for text in options.all("--name") {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw UsageError(message: "--name wants THING=NAME, such as user=ann", help: help)
        }
        names.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
    }
    return names
}

private func walk(
    _ tenant: TenantID,
    _ deed: TenantWalk.Deed,
    _ user: (issuer: String, subject: String)?,
    _ names: [(kind: String, name: String)],
    _ options: Options,
    _ store: String
) -> Int32 {
    let path: String
    do throws(UsageError) { path = try options.required("--config") } catch { return error.report() }
    do throws(LoadProblems) {
        let loader = try Loader(path: path, environment: environment(), now: Clock.wallTime())
        let report = try TenantWalk(loader, store: store, tenant: tenant, user: user, named: names)
            .run(deed)
        if options.has("--json") {
            printJSON(report, tenant, store)
        } else {
            printLines(report, tenant, store, deed)
        }
        return report.isDone ? ExitCode.fine : ExitCode.bad
    } catch {
        report(error)
        return ExitCode.bad
    }
}

private func printLines(
    _ report: TenantWalk.Report,
    _ tenant: TenantID,
    _ store: String,
    _ deed: TenantWalk.Deed
) {
    print("tenant \(tenant), compartment \(report.compartment), store \(store)")
    for line in report.lines {
        switch deed {
        case .count: print("  \(line.thing): \(line.found)")
        case .erase:
            let left = line.left.map { "\($0) left" } ?? "not counted again"
            let refused = line.refused > 0 ? "\(line.refused) refused, " : ""
            print("  \(line.thing): \(line.found) found, \(line.deleted) deleted, \(refused)\(left)")
        case .export: print("  \(line.thing): \(line.exported) written")
        }
    }
    if !report.failure.isEmpty { print("not finished: \(report.failure)") }
    if deed == .count { print("nothing was deleted; say --yes to delete it") }
}

private func printJSON(_ report: TenantWalk.Report, _ tenant: TenantID, _ store: String) {
    JSONValue.members([
        ("ok", .bool(report.isDone)), ("tenant", .string(tenant.text)), ("store", .string(store)),
        ("compartment", .string(report.compartment)), ("failure", .string(report.failure)),
        (
            "things",
            .array(
                report.lines.map { line in
                    .members([
                        ("thing", .string(line.thing)), ("found", .integer(Int64(line.found))),
                        ("deleted", .integer(Int64(line.deleted))),
                        ("refused", .integer(Int64(line.refused))),
                        ("exported", .integer(Int64(line.exported))),
                        ("left", line.left.map { .integer(Int64($0)) } ?? .null),
                    ])
                }
            )
        ),
    ]).printLine()
}
