// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
package import JSON

/// An IAM policy as it stands in an account: a role's trust policy or what it permits. As much of it as is judged.
/// Source: IAM User Guide, "IAM JSON policy elements reference".
package struct IAMDocument: Sendable, Equatable {
    package struct Condition: Sendable, Equatable {
        /// As written: `StringLike`, `ForAllValues:StringEquals`, `Null`.
        package var test: String
        package var key: String
        package var values: [String]

        package var isNull: Bool { test.lowercased() == "null" }

        /// Whether it fails for a key that is missing: no test that excludes, none with `IfExists`, and not `ForAllValues`.
        package var isStrict: Bool {
            let plain = ["stringequals", "stringequalsignorecase", "stringlike", "arnlike", "arnequals"]
            let test = test.lowercased()
            return plain.contains(test) || plain.contains { test == "foranyvalue:\($0)" }
        }
    }

    package struct Statement: Sendable, Equatable {
        package var id: String
        package var isAllow: Bool
        package var actions: [String]
        /// `NotAction`: all but those that are listed.
        package var isInverted: Bool
        /// `*` where there is a `NotResource`.
        package var resources: [String]
        /// Every principal is meant.
        package var isForAnybody: Bool
        package var conditions: [Condition]

        /// Whether it speaks of an action, wildcards in it included. Case does not count in IAM.
        package func speaks(of action: String) -> Bool {
            let text = Array(action.lowercased().utf8)
            return actions.contains { Self.matches(Array($0.lowercased().utf8), text) } != isInverted
        }

        /// Conditions on a key; keys' case does not count.
        package func conditions(on key: String) -> [Condition] {
            conditions.filter { $0.key.lowercased() == key.lowercased() }
        }

        /// Whether the key must be there for the statement to hold: `Null: false`, or a test that a missing key fails.
        package func demands(_ key: String) -> Bool {
            conditions(on: key).contains { condition in
                if condition.isNull { return condition.values.map { $0.lowercased() } == ["false"] }
                return condition.isStrict
            }
        }

        /// `*` is any text, `?` one character. Cost: quadratic at worst, in texts of an account's own.
        private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
            var (place, index) = (0, 0)
            var star: (place: Int, index: Int)?
            while index < text.count {
                if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                    star = (place, index)
                    place += 1
                } else if place < pattern.count,
                    pattern[place] == text[index] || pattern[place] == UInt8(ascii: "?")
                {
                    place += 1
                    index += 1
                } else if let last = star {
                    star = (last.place, last.index + 1)
                    place = last.place + 1
                    index = last.index + 1
                } else {
                    return false
                }
            }
            return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
        }
    }

    package var statements: [Statement]

    /// From JSON, or from a text that holds it, percent-encoded as IAM's own answers have it.
    /// - Returns: nil for what is no policy.
    package init?(_ value: JSONValue) {
        var value = value
        if let text = value.string {
            var plain = Buffer()
            guard PercentEncoding.decode(text.utf8Span.span, into: &plain),
                let parsed = try? JSONValue.parse(plain.bytes)
            else { return nil }
            value = parsed
        }
        guard let statements = value.object?["Statement"] else { return nil }
        let list = statements.array ?? [statements]
        self.statements = list.compactMap(Statement.init)
        if self.statements.count != list.count { return nil }
    }
}

extension IAMDocument.Statement {
    init?(_ value: JSONValue) {
        guard let object = value.object, let effect = object["Effect"]?.string else { return nil }
        id = object["Sid"]?.string ?? ""
        isAllow = effect == "Allow"
        actions = Self.texts(object["Action"] ?? object["NotAction"])
        resources = object["NotResource"] != nil ? ["*"] : Self.texts(object["Resource"])
        isInverted = object["NotAction"] != nil
        let principal = object["Principal"]
        isForAnybody =
            principal?.string == "*" || Self.texts(principal?.object?["AWS"]).contains("*")
            || object["NotPrincipal"] != nil
        var conditions: [IAMDocument.Condition] = []
        for (test, keys) in object["Condition"]?.object?.members ?? [] {
            for (key, values) in keys.object?.members ?? [] {
                conditions.append(.init(test: test, key: key, values: Self.texts(values)))
            }
        }
        self.conditions = conditions
    }

    /// One text or several; what else stands there (`true`) as it is written.
    private static func texts(_ value: JSONValue?) -> [String] {
        guard let value else { return [] }
        return (value.array ?? [value]).map { item in
            switch item {
            case .string(let text): text
            case .bool(let flag): flag ? "true" : "false"
            case .integer(let number): "\(number)"
            case .null, .number, .array, .object: ""
            }
        }
    }
}
