// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import JSON

/// What a table says of a service of AWS: how it is signed for, and what its keys are narrowed to, so that the service enforces
/// the compartment by itself.
package struct AdapterAWS: Sendable {
    /// One statement of a session policy, which allows and never denies.
    struct Statement: Sendable {
        var actions: [String]
        /// With `{resource}`, it stands there once for each name that the route gives.
        var resources: [AdapterTemplate]
        /// By operator, the keys and what they are held against.
        var conditions: [(test: String, keys: [(name: String, value: AdapterTemplate)])]
    }

    /// The service's name in signatures.
    package let service: String
    /// The media type of its JSON.
    let documentType: StaticString
    /// By the action that Cedar decides on.
    let policies: [String: [Statement]]

    /// The policy of a session for one action, JSON; nil where the table has none.
    /// - Parameter names: what `{resource}` stands for. An ARN stands for all that the text has before the hole.
    func sessionPolicy(_ action: String, _ compartment: Compartment, _ names: [[UInt8]]) -> [UInt8]? {
        guard let statements = policies[action] else { return nil }
        return SessionPolicy.document(
            statements.map { statement in
                SessionPolicy.statement(
                    statement.actions,
                    statement.resources.flatMap { Self.texts($0, compartment, names) },
                    Self.condition(statement.conditions, compartment, names)
                )
            }
        )
    }

    private static func condition(
        _ conditions: [(test: String, keys: [(name: String, value: AdapterTemplate)])],
        _ compartment: Compartment,
        _ names: [[UInt8]]
    ) -> JSONValue? {
        var tests = JSONObject()
        for (test, keys) in conditions {
            var object = JSONObject()
            for (name, value) in keys {
                let texts = texts(value, compartment, names).map { JSONValue.string($0) }
                _ = object.append(name, texts.count == 1 ? texts[0] : .array(texts))
            }
            _ = tests.append(test, .object(object))
        }
        return conditions.isEmpty ? nil : .object(tests)
    }

    private static func texts(
        _ template: AdapterTemplate,
        _ compartment: Compartment,
        _ names: [[UInt8]]
    ) -> [String] {
        guard let (before, after) = template.split(at: .resource) else {
            return [text(template, compartment)]
        }
        return names.map { name in
            let isWhole = name.starts(with: Array("arn:".utf8))
            return (isWhole ? "" : text(before, compartment)) + String(decoding: name, as: UTF8.self)
                + text(after, compartment)
        }
    }

    private static func text(_ template: AdapterTemplate, _ compartment: Compartment) -> String {
        String(decoding: template.rendered { _, output in output.append(compartment.bytes) }, as: UTF8.self)
    }
}

extension AdapterDecoder {
    /// JSON as each of AWS's protocols calls it.
    private enum WireForm: String, CaseIterable {
        case rest
        case json10 = "json-1.0"
        case json11 = "json-1.1"

        var documentType: StaticString {
            switch self {
            case .rest: "application/json"
            case .json10: "application/x-amz-json-1.0"
            case .json11: "application/x-amz-json-1.1"
            }
        }
    }

    mutating func decodeAWS(_ node: AdapterNode?) {
        guard let node, let section = node.section(["service", "protocol", "policies"]) else { return }
        let service = required(section, "service", node)?.string() ?? ""
        if service.isEmpty || !service.utf8.allSatisfy({ Self.isWord($0) || $0 == UInt8(ascii: "-") }) {
            section["service"]?.note("expected a service such as bedrock")
        }
        let form = section["protocol"].map { $0.choice(WireForm.self) ?? .rest } ?? .rest
        var policies: [String: [AdapterAWS.Statement]] = [:]
        for (action, value) in required(section, "policies", node)?.members() ?? [] {
            policies[action] = (value.list() ?? []).compactMap(decodeStatement)
        }
        aws = AdapterAWS(service: service, documentType: form.documentType, policies: policies)
    }

    private func decodeStatement(_ node: AdapterNode) -> AdapterAWS.Statement? {
        guard let section = node.section(["actions", "resources", "when"]),
            let actions = required(section, "actions", node)?.list()?.compactMap({ $0.string() }),
            let resources = required(section, "resources", node)?.list()?.compactMap(decodePattern)
        else { return nil }
        if actions.isEmpty || resources.isEmpty { node.note("expected at least one action and one resource") }
        // A wildcard would allow what nobody has looked at.
        if actions.contains(where: { $0.contains("*") || !$0.contains(":") }) {
            section["actions"]?.note("expected whole actions such as bedrock:InvokeModel")
        }
        var conditions: [(test: String, keys: [(name: String, value: AdapterTemplate)])] = []
        for (test, keys) in section["when"]?.members() ?? [] {
            let decoded = (keys.members() ?? []).compactMap { name, value in
                decodePattern(value).map { (name, $0) }
            }
            conditions.append((test, decoded))
        }
        return AdapterAWS.Statement(actions: actions, resources: resources, conditions: conditions)
    }

    private func decodePattern(_ node: AdapterNode) -> AdapterTemplate? {
        guard let template = node.template(allowing: [.compartment, .resource]) else { return nil }
        if template.contains(.resource), template.split(at: .resource) == nil {
            return node.expected("{resource} once")
        }
        return template
    }

    /// Every action needs its policy: without one, keys would be narrowed to nothing.
    func notePolicies() {
        guard let aws else { return }
        for (index, operation) in operations.enumerated()
        where !operation.isRefused && !operation.isLocal && aws.policies[operation.action]?.isEmpty ?? true {
            operationNodes[index].note("aws.policies has none for its action, \(operation.action)")
        }
    }
}
