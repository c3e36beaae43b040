// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Namespaces

private let help = """
    usage: bulkhead namespace encode --tenant T [--issuer I --user U] [--json]
           bulkhead namespace decode --code CODE [--json]

    encode says the code of a compartment: what stands in front of a tenant's keys, or of one user's where the route's
    scope is the user. decode says whose compartment a code is; what follows the code is the key.
    """

func namespaceCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        let command = arguments.first ?? ""
        if command == "--help" || command == "-h" {
            print(help)
            return ExitCode.fine
        }
        let options = try Options(
            Array(arguments.dropFirst()),
            flags: ["--json"],
            values: ["--tenant", "--issuer", "--user", "--code"],
            help: help
        )
        if options.wantsHelp { return options.printHelp() }
        switch command {
        case "encode": return try encode(options)
        case "decode": return decode(try options.required("--code"), json: options.has("--json"))
        default: throw UsageError(message: "namespace wants encode or decode", help: help)
        }
    } catch {
        return error.report()
    }
}

private func encode(_ options: Options) throws(UsageError) -> Int32 {
    let tenant = try options.required("--tenant")
    let issuer = options.last("--issuer") ?? ""
    let user = options.last("--user") ?? ""
    if issuer.isEmpty != user.isEmpty {
        throw UsageError(
            message: "--issuer and --user belong together: a user is one of an issuer's",
            help: help
        )
    }
    do throws(CompartmentError) {
        let scope: CompartmentScope = user.isEmpty ? .tenant : .user
        let compartment = try Compartment(scope: scope, tenant: tenant, issuer: issuer, user: user)
        show([("code", compartment.text), ("scope", "\(scope)")], first: true, json: options.has("--json"))
        return ExitCode.fine
    } catch {
        printError("no compartment: \(error)")
        return ExitCode.bad
    }
}

private func decode(_ text: String, json: Bool) -> Int32 {
    let bytes = Array(text.utf8)
    guard let description = CompartmentDescription(at: bytes.span) else {
        printError("no code of a compartment begins \"\(text)\"")
        return ExitCode.bad
    }
    var lines = [("scope", "\(description.scope)"), ("tenant", words(description.tenant))]
    if let issuer = description.issuer { lines.append(("issuer", words(issuer))) }
    if let user = description.user { lines.append(("user", words(user))) }
    lines.append(("key", String(decoding: bytes[description.count...], as: UTF8.self)))
    show(lines, first: false, json: json)
    return ExitCode.fine
}

private func words(_ part: CompartmentPart) -> String {
    switch part {
    case .readable(let id): String(decoding: id, as: UTF8.self)
    case .digest(let text): "(digest \(String(decoding: text, as: UTF8.self)))"
    }
}

/// - Parameter first: whether the first value alone is the answer for people.
private func show(_ lines: [(String, String)], first: Bool, json: Bool) {
    if !json {
        if first { return print(lines[0].1) }
        for (name, value) in lines { print("\(name): \(value)") }
        return
    }
    var output = Buffer()
    var writer = JSONWriter()
    writer.beginObject(&output)
    for (name, value) in lines {
        let key = Array(name.utf8)
        writer.key(key.span, &output)
        writer.string(value, &output)
    }
    writer.endObject(&output)
    print(output.bytes.string() ?? "")
}
