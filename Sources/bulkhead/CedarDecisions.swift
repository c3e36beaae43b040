// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import JSON

/// Exit code 0 for allow, 1 for deny, so that scripts can ask.
func cedarAuthorize(_ arguments: [String]) throws(CedarFailure) -> Int32 {
    let given = try CedarArguments(
        arguments,
        values: ["--policies", "--entities", "--schema", "--links", "--request"]
    )
    if given.options.wantsHelp { return given.options.printHelp() }
    _ = try given.required("--policies")
    let schema = try given.options.last("--schema").map { (path) throws(CedarFailure) in
        try CedarFiles.schema(path)
    }
    var (policies, _) = try CedarFiles.policies(given.options.all("--policies"))
    if let path = given.options.last("--links") {
        let json = try CedarFiles.json(path)
        for link in try CedarFiles.reading(path, { () throws(DataError) in try ValueReader().links(json) }) {
            try CedarFiles.add(&policies) { (set) throws(SyntaxError) in try set.add(link) }
        }
    }
    let store = try CedarFiles.store(try given.required("--entities"), schema)
    let path = try given.required("--request")
    let json = try CedarFiles.json(path)
    let request = try CedarFiles.reading(path) { () throws(DataError) in
        let request = try ValueReader().request(json, schema)
        try schema?.validate(request)
        return request
    }
    let decision = Authorizer(policies).authorize(request, store)
    report(decision, asJSON: given.options.has("--json"))
    return decision.allowed ? ExitCode.fine : ExitCode.bad
}

private func report(_ decision: Decision, asJSON: Bool) {
    let reasons = decision.reasons.sorted()
    let errors = decision.errors.sorted { $0.policy < $1.policy }
    if asJSON {
        JSONValue.members([
            ("decision", .string(decision.allowed ? "allow" : "deny")),
            ("reason", .array(reasons.map { .string($0.string) })),
            (
                "errors",
                .array(
                    errors.map { failure in
                        .members([
                            ("policy", .string(failure.policy.string)),
                            ("message", .string(failure.error.description)),
                        ])
                    }
                )
            ),
        ]).printLine()
        return
    }
    print(decision.allowed ? "ALLOW" : "DENY")
    for reason in reasons { print("  because of \(reason)") }
    if reasons.isEmpty { print("  because no policy permits it") }
    for failure in errors { print("  error in \(failure.policy): \(failure.error)") }
}

func cedarValidate(_ arguments: [String], review: Bool) throws(CedarFailure) -> Int32 {
    let given = try CedarArguments(arguments, values: ["--schema", "--policies", "--entities"])
    if given.options.wantsHelp { return given.options.printHelp() }
    let schema = try CedarFiles.schema(try given.required("--schema"))
    _ = try given.required("--policies")
    let (policies, sources) = try CedarFiles.policies(given.options.all("--policies"))
    if let path = given.options.last("--entities") { _ = try CedarFiles.store(path, schema) }
    let validator = Validator(schema)
    let findings =
        review
        ? validator.review(policies, sources: sources) : validator.validate(policies, sources: sources)
    let errors = findings.count { $0.severity == .error }
    if given.options.has("--json") {
        JSONValue.members([
            ("ok", .bool(errors == 0)),
            (
                "findings",
                .array(
                    findings.map { finding in
                        .members([
                            ("policy", .string(finding.policy.string)),
                            ("severity", .string(finding.severity.rawValue)),
                            ("location", finding.location.map { .string($0.description) } ?? .null),
                            ("message", .string(finding.message)),
                        ])
                    }
                )
            ),
        ]).printLine()
    } else {
        for finding in findings { print(finding) }
        print("\(policies.written.count) policies: \(errors) errors, \(findings.count - errors) warnings")
    }
    return errors == 0 ? ExitCode.fine : ExitCode.bad
}
