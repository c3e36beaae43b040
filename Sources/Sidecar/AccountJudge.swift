// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
package import Configuration

/// Holds what an account says against what a configuration relies on. Pure.
package struct AccountJudge: Sendable {
    private let configuration: Configuration
    private let exports: AccountExports

    package init(_ configuration: Configuration, _ exports: AccountExports) {
        self.configuration = configuration
        self.exports = exports
    }

    package func judge() -> [Weakness] {
        var found: [Weakness] = []
        for issuer in configuration.identity.issuers where issuer.profile == .cognito {
            found += clients(issuer)
        }
        for credential in configuration.credentials {
            guard case .sts(let sts) = credential.kind else { continue }
            for arn in sts.allRoles { found += role(arn, sts, credential.name) }
        }
        return found
    }

    // MARK: Cognito

    /// A user who may write the attribute of his tenant is of whatever tenant he likes, at his next token.
    private func clients(_ issuer: Configuration.Issuer) -> [Weakness] {
        let claims = [issuer.claims.tenant, issuer.claims.tier, issuer.claims.user].compactMap(\.self)
        return issuer.audiences.map { id in
            guard let client = exports.clients[id] else {
                return Weakness(
                    .cognitoAttribute,
                    .unknown,
                    "issuer \(issuer.name): nothing is known of client \(id)",
                    fix:
                        "aws cognito-idp describe-user-pool-client --user-pool-id POOL --client-id \(id) > client.json"
                )
            }
            let writable = claims.filter { client.writes.contains($0) }
            guard writable.isEmpty else {
                return Weakness(
                    .cognitoAttribute,
                    .wrong,
                    "issuer \(issuer.name): users of client \(id) may write \(writable.joined(separator: ", "))",
                    fix:
                        "take it out of the client's WriteAttributes (update-user-pool-client); let administrators set it"
                )
            }
            return Weakness(.cognitoAttribute, .fine, "issuer \(issuer.name), client \(id)")
        }
    }

    // MARK: roles

    private func role(_ arn: String, _ sts: Configuration.STS, _ credential: String) -> [Weakness] {
        let name = arn.split(separator: "/").last.map(String.init) ?? arn
        let role = exports.roles[name] ?? AccountExports.Role()
        let place = "credential \(credential), role \(name)"
        return trust(role, sts, place, name) + duration(role, sts, place, name)
            + permissions(role, sts, place, name)
    }

    private func trust(
        _ role: AccountExports.Role,
        _ sts: Configuration.STS,
        _ place: String,
        _ name: String
    ) -> [Weakness] {
        guard let trust = role.trust else {
            return [
                Weakness(
                    .trustTags,
                    .unknown,
                    "\(place): its trust policy is not known",
                    fix: "aws iam get-role --role-name \(name) > \(name).json"
                )
            ]
        }
        let takes = trust.statements.filter {
            $0.isAllow && ($0.speaks(of: "sts:AssumeRole") || $0.speaks(of: "sts:AssumeRoleWithWebIdentity"))
        }
        let tags = [sts.tags.tenant, sts.tags.tier, sts.tags.user].compactMap(\.self)
        var found: [Weakness] = []
        for statement in takes {
            let missing = tags.filter { !statement.demands("aws:RequestTag/\($0)") }
            if missing.isEmpty { continue }
            let condition = missing.map { "\"aws:RequestTag/\($0)\": \"false\"" }.joined(separator: ", ")
            found.append(
                Weakness(
                    .trustTags,
                    .wrong,
                    "\(place): \(Self.name(statement)) is taken without the tags \(missing.joined(separator: ", "))",
                    fix: "add the condition \"Null\": {\(condition)}: others hold for a tag that is missing"
                )
            )
        }
        if found.isEmpty { found.append(Weakness(.trustTags, .fine, place)) }
        for statement in takes where statement.isForAnybody {
            found.append(
                Weakness(
                    .trustPrincipal,
                    .wrong,
                    "\(place): \(Self.name(statement)) lets anybody take it",
                    fix: "name the role under which Bulkhead runs as the Principal"
                )
            )
        }
        return found
    }

    private func duration(
        _ role: AccountExports.Role,
        _ sts: Configuration.STS,
        _ place: String,
        _ name: String
    ) -> [Weakness] {
        // `get-account-authorization-details` does not say it; what is not asked for beyond the least is no question.
        guard let maximum = role.maximumSeconds else { return [] }
        let asked = sts.duration.nanoseconds / 1_000_000_000
        if asked <= maximum {
            return [Weakness(.roleDuration, .fine, "\(place): \(asked) s of \(maximum) s")]
        }
        return [
            Weakness(
                .roleDuration,
                .wrong,
                "\(place): lives \(maximum) s at most, and \"duration\" asks for \(asked) s: every request is refused",
                fix:
                    "aws iam update-role --role-name \(name) --max-session-duration \(asked), or a shorter duration"
            )
        ]
    }

    private static func name(_ statement: IAMDocument.Statement) -> String {
        statement.id.isEmpty ? "a statement" : "statement \(statement.id)"
    }

    // MARK: permissions

    private func permissions(
        _ role: AccountExports.Role,
        _ sts: Configuration.STS,
        _ place: String,
        _ name: String
    ) -> [Weakness] {
        let policies = role.policies + exports.policies
        guard !policies.isEmpty else {
            return [
                Weakness(
                    .rolePermissions,
                    .unknown,
                    "\(place): what it permits is not known",
                    fix: "aws iam get-role-policy --role-name \(name) --policy-name P > P.json for each that "
                        + "list-role-policies names; get-policy-version for those that are attached"
                )
            ]
        }
        var found: [Weakness] = []
        for policy in policies {
            for statement in policy.document.statements where statement.isAllow {
                let judge = StatementJudge(
                    statement,
                    place: "\(place): policy \(policy.name), \(Self.name(statement))",
                    isNarrowed: sts.narrows
                )
                found += judge.leadingKeys() + judge.listings() + judge.keys()
            }
        }
        for name in [Weakness.Name.leadingKeys, .listPrefix, .keyPrefix]
        where !found.contains(where: { $0.name == name }) {
            found.append(Weakness(name, .fine, place))
        }
        return found
    }
}
