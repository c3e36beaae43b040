// SPDX-License-Identifier: Apache-2.0
import AWS

/// What one statement of a role's permissions lets through.
struct StatementJudge {
    let statement: IAMDocument.Statement
    let place: String
    /// Each session has a policy of its own besides.
    let isNarrowed: Bool

    init(_ statement: IAMDocument.Statement, place: String, isNarrowed: Bool) {
        self.statement = statement
        self.place = place
        self.isNarrowed = isNarrowed
    }

    private static let items = [
        "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Scan", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem",
    ]
    private static let lists = ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]

    /// `ForAllValues` holds for no value at all: a Scan names no key.
    func leadingKeys() -> [Weakness] {
        guard Self.items.contains(where: statement.speaks) else { return [] }
        let conditions = statement.conditions(on: "dynamodb:LeadingKeys")
        let bound = conditions.filter { !$0.isNull }
        if bound.isEmpty {
            guard !isNarrowed else { return [] }
            return [
                wrong(
                    .leadingKeys,
                    "reaches every item, and no session policy narrows it",
                    "session_policy: true, or the condition ForAllValues:StringLike on dynamodb:LeadingKeys"
                )
            ]
        }
        if bound.contains(where: { $0.test.lowercased().hasPrefix("foranyvalue:") }) {
            return [
                wrong(
                    .leadingKeys,
                    "one key of its own among many is enough (ForAnyValue)",
                    "ForAllValues:StringLike, and \"Null\": {\"dynamodb:LeadingKeys\": \"false\"} beside it"
                )
            ]
        }
        if statement.demands("dynamodb:LeadingKeys") { return [] }
        return [
            wrong(
                .leadingKeys,
                "its condition on dynamodb:LeadingKeys holds for a request that names no key, such as Scan",
                "add the condition \"Null\": {\"dynamodb:LeadingKeys\": \"false\"}"
            )
        ]
    }

    func listings() -> [Weakness] {
        guard Self.lists.contains(where: statement.speaks) else { return [] }
        let conditions = statement.conditions(on: "s3:prefix").filter { !$0.isNull }
        if conditions.isEmpty {
            guard !isNarrowed else { return [] }
            return [
                wrong(
                    .listPrefix,
                    "lists the whole bucket, and no session policy narrows it",
                    "session_policy: true, or the condition StringLike on s3:prefix"
                )
            ]
        }
        let strict = conditions.filter(\.isStrict)
        if strict.isEmpty {
            return [
                wrong(
                    .listPrefix,
                    "its condition \(conditions[0].test) on s3:prefix holds for a listing without a prefix",
                    "StringLike: {\"s3:prefix\": [\"tenant/*\"]}"
                )
            ]
        }
        let bare = strict.flatMap(\.values).filter { !Self.endsWithSlash($0) }
        guard let first = bare.first else { return [] }
        return [
            wrong(
                .listPrefix,
                "lists under \"\(first)\", which is the beginning of other tenants' names too",
                "end it with a slash before the *: \"\(Self.withoutStar(first))/*\""
            )
        ]
    }

    /// `bucket/${aws:PrincipalTag/tenant}*` is `tenant2/…` too.
    func keys() -> [Weakness] {
        var found: [Weakness] = []
        guard ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"].contains(where: statement.speaks) else {
            return []
        }
        for resource in statement.resources where resource.contains(":s3:::") || resource == "*" {
            if resource == "*" || resource.hasSuffix(":s3:::*") {
                if !isNarrowed { found.append(everything(resource)) }
                continue
            }
            let path = resource.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard path.count == 2 else { continue }
            let key = String(path[1])
            if key.contains("}*") || key.contains("}?") {
                let fixed = resource.replacing("}*", with: "}/*").replacing("}?", with: "}/?")
                found.append(
                    wrong(
                        .keyPrefix,
                        "\(resource) is the beginning of other tenants' keys too",
                        "a slash behind the name: \(fixed)"
                    )
                )
            } else if key == "*", !isNarrowed {
                found.append(everything(resource))
            }
        }
        return found
    }

    private func everything(_ resource: String) -> Weakness {
        wrong(
            .keyPrefix,
            "reaches every key of \(resource), and no session policy narrows it",
            "session_policy: true, or a resource for each tenant"
        )
    }

    private func wrong(_ name: Weakness.Name, _ finding: String, _ fix: String) -> Weakness {
        Weakness(name, .wrong, "\(place): \(finding)", fix: fix)
    }

    private static func withoutStar(_ text: String) -> String {
        text.hasSuffix("*") ? String(text.dropLast()) : text
    }

    private static func endsWithSlash(_ text: String) -> Bool { withoutStar(text).hasSuffix("/") }
}
