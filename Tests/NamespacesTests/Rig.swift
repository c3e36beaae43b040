// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import HTTPTypes
import JSON
import Namespaces
import TestSupport
import Testing

/// The shipped tables, and exchanges through them without a network.
enum Rig {
    static let idKey = Secret(copying: Array("an id key for tests, 32 bytes....".utf8).span)

    static func adapter(_ name: String) throws -> Adapter {
        try compile(
            Repository.text("Config/adapters/\(name).yaml"),
            file: "\(name).yaml"
        )
    }

    /// - Throws: `Configuration.Problems`, as `bulkhead check` would show them.
    static func compile(_ text: String, file: String = "t.yaml") throws(Configuration.Problems) -> Adapter {
        let document = try Configuration.AdapterDocument(text.utf8Span.span, file: file)
        do throws(AdapterProblems) {
            return try Adapter(document.value)
        } catch {
            throw document.problems(error.list.map { ($0.pointer, $0.isKey, $0.message) })
        }
    }

    static func scope(_ adapter: Adapter, _ tenant: String) throws -> AdapterScope {
        let compartment = try Compartment(scope: .tenant, tenant: tenant)
        return AdapterScope(adapter, compartment: compartment, tenant: tenant.utf8Span.span, idKey: idKey)
    }
}

/// One request as a store or an agent would get it, or why it was refused.
struct Sent: Equatable, CustomStringConvertible {
    var operation = ""
    var target = ""
    var fields: [String] = []
    var body = ""
    var refused: AdapterReason?
    /// What the caller is answered when nothing goes out.
    var answer = ""
    var status: UInt16 = 0

    var description: String {
        refused.map { "\($0.rawValue) \(status) \(answer)" } ?? "\(operation) \(target) \(body) \(answer)"
    }
}

/// One answer as the agent would get it.
struct Received: Equatable {
    var status: UInt16 = 0
    var body = ""
    var fields: [String] = []
    var refused: AdapterReason?
}

/// One exchange, step by step as the gateway goes.
struct Exchange {
    let adapter: Adapter
    let scope: AdapterScope
    let method: HTTPTypes.Method
    let target: String
    var fields: [(String, String)] = []
    var body: String?
    private(set) var mapping: RequestMapping?

    init(
        _ adapter: Adapter,
        _ scope: AdapterScope,
        _ method: HTTPTypes.Method,
        _ target: String,
        fields: [(String, String)] = [],
        body: String? = nil
    ) {
        self.adapter = adapter
        self.scope = scope
        self.method = method
        self.target = target
        self.body = body
        self.fields = fields
        if body != nil, !fields.contains(where: { $0.0.lowercased() == "content-type" }) {
            self.fields.append(("Content-Type", "application/json"))
        }
    }

    mutating func send() throws -> Sent {
        var path = CanonicalPath()
        try path.parse(target.utf8Span.span)
        var sent = Sent()
        do throws(AdapterFailure) {
            try pass(path, &sent)
        } catch {
            var output = Buffer()
            sent.refused = error.reason
            sent.status = adapter.writeError(error, path, into: &output)
            sent.answer = output.bytes.string() ?? "no text"
        }
        return sent
    }

    private mutating func pass(_ path: borrowing CanonicalPath, _ sent: inout Sent) throws(AdapterFailure) {
        let head = Self.head(fields)
        let operation = try adapter.match(method, path, head)
        sent.operation = adapter.operations[operation].name
        var output = Buffer()
        var mapping = try adapter.rewriteTarget(operation, path, scope, into: &output)
        sent.target = output.bytes.string() ?? "no text"
        var plan = FieldPlan()
        let length: BodyLength = body.map { .fixed($0.utf8.count) } ?? .none
        try adapter.planRequest(&mapping, head, length: length, scope, into: &plan)
        sent.fields = Self.apply(plan, head)
        if plan.addsIdentityCoding { sent.fields.append("accept-encoding: identity") }
        output.removeAll()
        switch adapter.requestBody(mapping) {
        case .none: break
        case .opaque, .events: sent.body = body ?? ""
        case .json:
            try adapter.transformRequest(&mapping, (body ?? "").utf8Span.span, scope, into: &output)
            sent.body = output.bytes.string() ?? "no text"
        }
        self.mapping = mapping
        if adapter.operations[operation].isLocal {
            output.removeAll()
            sent.status = adapter.answer(mapping, scope, into: &output)
            sent.answer = output.bytes.string() ?? "no text"
        }
    }

    /// - Parameter body: the store's.
    func receive(
        _ status: UInt16,
        _ body: String,
        fields: [(String, String)] = [("content-type", "application/json")],
        authority: String = "store:8000"
    ) throws -> Received {
        var path = CanonicalPath()
        try path.parse(target.utf8Span.span)
        let mapping = try #require(mapping)
        var received = Received(status: status)
        var plan = FieldPlan()
        var output = Buffer()
        let head = Self.head(fields)
        let length: BodyLength = body.isEmpty ? .none : .fixed(body.utf8.count)
        do throws(AdapterFailure) {
            let bodyPlan = try adapter.planResponse(
                mapping,
                status: status,
                head,
                length: length,
                authority: authority.utf8Span.span,
                scope,
                into: &plan
            )
            received.fields = Self.apply(plan, head)
            switch bodyPlan {
            case .none: break
            case .opaque: received.body = body
            case .events:
                var mapping = mapping
                guard var transform = BodyTransform(responseTo: mapping, isEvents: true, adapter) else {
                    break
                }
                let text = Array(body.utf8)
                try transform.feed(text.span, isFinal: true, &mapping, scope, into: &output)
                received.body = output.bytes.string() ?? "no text"
            case .json(let maximum):
                precondition(body.utf8.count <= maximum)
                let text = body.utf8Span.span
                received.status = try adapter.transformResponse(
                    mapping,
                    status: status,
                    text,
                    path,
                    scope,
                    into: &output
                )
                received.body = output.bytes.string() ?? "no text"
            }
        } catch {
            received = Received(refused: error.reason)
        }
        return received
    }

    static func head(_ fields: [(String, String)]) -> Fields {
        var head = Fields()
        for (name, value) in fields {
            do throws(FieldError) {
                try head.append(name: name.utf8Span.span, value: value.utf8Span.span)
            } catch {
                preconditionFailure("a test's own header")
            }
        }
        return head
    }

    private static func apply(_ plan: borrowing FieldPlan, _ head: borrowing Fields) -> [String] {
        var lines: [String] = []
        for index in head.indices {
            let name = (head.name(at: index).string() ?? "").lowercased()
            switch plan.decisions[index] {
            case .pass: lines.append("\(name): \(head.value(at: index).string() ?? "")")
            case .drop: break
            case .replace(let range):
                lines.append("\(name): \(plan.values.bytes.extracting(range).string() ?? "")")
            case .session: lines.append("\(name): <session>")
            case .user: lines.append("\(name): <user>")
            }
        }
        return lines
    }
}
