// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes

/// One exchange as a table's author expects it: `bulkhead adapter test` runs it.
/// In targets and bodies `$compartment` stands for the compartment's code, and `$NAME(ID)` for what the agent sees in the
/// place of the store's id under the rewrite of that name.
package struct AdapterExample: Sendable {
    package struct Message: Sendable {
        /// Of a request to the agent's side or to the store; empty for an answer.
        package var target = ""
        /// Of an answer; 0 for a request, and where it does not matter.
        package var status: UInt16 = 0
        package var headers: [(name: String, value: String)] = []
        package var body: String?
    }

    /// Whose it is.
    package var tenant: String
    package var method: String
    package var request: Message
    /// What goes to the store; nil where it is refused or answered by the table.
    package var sent: Message?
    package var response: Message?
    /// What the agent gets; nil where there is no response to it.
    package var received: Message?
    /// The reason code of the refusal, of the request or of the answer.
    package var refused: String?
    /// Where it stands in the table: a JSON Pointer.
    package var pointer: String
}

extension AdapterDecoder {
    mutating func decodeExample(_ node: AdapterNode) {
        guard let section = node.section(["tenant", "request", "sent", "response", "received", "refused"]),
            let node = required(section, "request", node),
            let request = node.section(["method", "target", "headers", "body"]),
            let method = required(request, "method", node)?.method()
        else { return }
        var example = AdapterExample(
            tenant: section["tenant"]?.string() ?? "acme",
            method: "\(method.name)",
            request: decodeMessage(node, request),
            pointer: node.pointer
        )
        if let sent = section["sent"], let members = sent.section(["target", "body"]) {
            example.sent = decodeMessage(sent, members)
        }
        if let response = section["response"], let members = response.section(["status", "headers", "body"]) {
            example.response = decodeMessage(response, members)
        }
        if let received = section["received"], let members = received.section(["status", "body"]) {
            example.received = decodeMessage(received, members)
        }
        example.refused = section["refused"]?.string()
        if example.sent == nil, example.received == nil, example.refused == nil {
            node.note("expected what comes of it: sent, received or refused")
        }
        examples.append(example)
    }

    private func decodeMessage(_ node: AdapterNode, _ section: [String: AdapterNode])
        -> AdapterExample.Message
    {
        var message = AdapterExample.Message()
        message.target = section["target"]?.string() ?? ""
        message.status = section["status"]?.integer(in: 100...599).map { UInt16($0) } ?? 0
        message.body = section["body"]?.string()
        for (name, value) in section["headers"]?.members() ?? [] {
            message.headers.append((name, value.string() ?? ""))
        }
        return message
    }
}
