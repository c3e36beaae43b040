// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import Configuration
import Runtime

/// Policies are parsed, and validated against their schema where there is one: a policy that could never apply, or
/// reads what is not there, is a mistake in the place where it costs least (DESIGN §6).
extension Loader {
    static func loadPolicies(
        _ configuration: Configuration,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> PolicySet {
        var sources: [Source] = []
        for path in configuration.policy.files {
            for file in policyFiles(path, files, &problems) {
                if let text = text(of: file, files, &problems) {
                    sources.append(Source(name: file, text: text))
                }
            }
        }
        guard let policies = parse(sources, &problems) else { return PolicySet() }
        checkRoles(policies, configuration, &problems)
        if let path = configuration.policy.schema, let schema = loadSchema(path, files, &problems) {
            let findings = Validator(schema).validate(policies, sources: sources)
            problems += findings.filter { $0.severity == .error }.map(\.description)
        }
        return policies
    }

    /// Who writes policies chooses among the roles that a credential offers, and can name no other (`@role`).
    private static func checkRoles(
        _ policies: PolicySet,
        _ configuration: Configuration,
        _ problems: inout [String]
    ) {
        var known: Set<String> = []
        for credential in configuration.credentials {
            if case .sts(let sts) = credential.kind { known.formUnion(sts.namedRoles.keys) }
        }
        for policy in policies.written {
            guard let role = policy.annotation("role")?.string else { continue }
            let place = (policy.location.map { "\($0): " } ?? "") + "policy \(policy.id): "
            if policy.effect == .forbid {
                problems.append(place + "@role is for a permit: a forbid lets nothing through")
            } else if !known.contains(role) {
                let offered = known.sorted().joined(separator: ", ")
                problems.append(
                    place
                        + "no credential offers the role \"\(role)\": write it into \"named_roles\" of one of "
                        + "kind aws-sts" + (offered.isEmpty ? "" : ", or take one that is there: \(offered)")
                )
            }
        }
    }

    /// A file itself, or the policies of a folder, not those of folders in it.
    private static func policyFiles(
        _ path: String,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> [String] {
        guard Files.isFolder(path) else { return [path] }
        let folder = path.hasSuffix("/") ? path : path + "/"
        do throws(Files.Failure) {
            let policies = try files.list(path).filter { $0.hasSuffix(".cedar") }.map { folder + $0 }
            if policies.isEmpty { problems.append("\(path): holds no *.cedar file") }
            return policies
        } catch {
            problems.append("\(error)")
            return []
        }
    }

    private static func text(
        of file: String,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> String? {
        do throws(Files.Failure) {
            let bytes = try files.read(file, limit: 4 << 20)
            if let text = bytes.span.string() { return text }
            problems.append("\(file): is not UTF-8")
        } catch {
            problems.append("\(error)")
        }
        return nil
    }

    private static func parse(_ sources: [Source], _ problems: inout [String]) -> PolicySet? {
        do throws(SyntaxError) {
            return try PolicySet(sources, naming: .annotated)
        } catch {
            problems.append("\(error)")
            return nil
        }
    }

    private static func loadSchema(
        _ path: String,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> Schema? {
        guard let text = text(of: path, files, &problems) else { return nil }
        do throws(SyntaxError) {
            return try Schema(Source(name: path, text: text))
        } catch {
            problems.append("\(error)")
            return nil
        }
    }
}
