// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Crypto
internal import HTTPTypes

/// What came of an example.
package struct AdapterExampleResult: Sendable {
    package var pointer: String
    package var operation = ""
    /// What is not as the example says; empty when all is.
    package var differences: [String] = []
}

extension Adapter {
    /// Runs an example of the table as a request and its answer would be.
    package func run(_ example: AdapterExample) -> AdapterExampleResult {
        var result = AdapterExampleResult(pointer: example.pointer)
        do throws(ExampleProblem) {
            var run = try ExampleRun(self, example)
            try run.send()
            result.operation = run.operation
            result.differences = run.differences
        } catch {
            result.differences = [error.text]
        }
        return result
    }
}

/// An example that cannot be run at all.
private struct ExampleProblem: Error {
    var text: String
}

private struct ExampleRun: ~Copyable {
    let adapter: Adapter
    let example: AdapterExample
    let scope: AdapterScope
    var path = CanonicalPath()
    var operation = ""
    var differences: [String] = []

    init(_ adapter: Adapter, _ example: AdapterExample) throws(ExampleProblem) {
        self.adapter = adapter
        self.example = example
        // Examples are the same each time: their ids are sealed under a key that everybody knows.
        let label: StaticString = "bulkhead examples of adapters"
        let key = Secret(copying: label.bytes)
        do throws(CompartmentError) {
            let compartment = try Compartment(scope: .tenant, tenant: example.tenant)
            let tenant = Array(example.tenant.utf8)
            scope = AdapterScope(
                adapter,
                compartment: compartment,
                tenant: tenant.span,
                idKey: key,
                owners: OwnerCache(echoes: true),
                // Which resources there are, each route says for itself.
                resources: StoreResources(names: ["*"])
            )
        } catch {
            throw ExampleProblem(text: "\"\(example.tenant)\" cannot be a tenant's id")
        }
    }

    mutating func send() throws(ExampleProblem) {
        let target = Array(fill(example.request.target).utf8)
        do throws(TargetError) {
            try path.parse(target.span)
        } catch {
            throw ExampleProblem(text: "the edge refuses the target before any table sees it: \(error)")
        }
        var mapping: RequestMapping?
        do throws(AdapterFailure) {
            mapping = try pass()
        } catch {
            return compare("refused", error.reason.rawValue, example.refused)
        }
        guard let mapping, let response = example.response else {
            if example.refused != nil { differences.append("it is not refused") }
            return
        }
        do throws(AdapterFailure) {
            try receive(mapping, response)
        } catch {
            return compare("refused", error.reason.rawValue, example.refused)
        }
        if example.refused != nil { differences.append("the answer is not refused") }
    }

    /// - Returns: nil where nothing goes to the store.
    private mutating func pass() throws(AdapterFailure) -> RequestMapping? {
        let bytes = Array(example.method.utf8)
        guard let method = Method(bytes.span) else { throw AdapterFailure(.operationUnknown) }
        let body = example.request.body.map { Array(fill($0).utf8) }
        let fields = fields(example.request.headers, hasBody: body != nil)
        let index = try adapter.match(method, path, fields)
        operation = adapter.operations[index].name
        var output = Buffer()
        var mapping = try adapter.rewriteTarget(index, path, scope, into: &output)
        var target = output.bytes.string() ?? ""
        output.removeAll()
        var plan = FieldPlan()
        let length: BodyLength = body.map { .fixed($0.count) } ?? .none
        try adapter.planRequest(&mapping, fields, length: length, scope, into: &plan)
        if case .json = adapter.requestBody(mapping) {
            let whole = body ?? []
            try adapter.transformRequest(&mapping, whole.span, scope, into: &output)
            if mapping.isAlternative {
                var other = Buffer()
                _ = try adapter.rewriteTarget(index, path, scope, alternative: true, into: &other)
                target = other.bytes.string() ?? ""
            }
        } else if let body {
            output.append(body)
        }
        if adapter.operations[index].isLocal {
            output.removeAll()
            let status = adapter.answer(mapping, scope, into: &output)
            received(status, output.bytes.string() ?? "")
            return nil
        }
        if let sent = example.sent {
            if !sent.target.isEmpty { compare("sent target", target, fill(sent.target)) }
            if let body = sent.body { compare("sent body", output.bytes.string() ?? "", fill(body)) }
        }
        return mapping
    }

    private mutating func receive(
        _ mapping: RequestMapping,
        _ response: AdapterExample.Message
    ) throws(AdapterFailure) {
        var plan = FieldPlan()
        let status = response.status == 0 ? 200 : response.status
        let body = response.body.map { Array(fill($0).utf8) } ?? []
        let fields = fields(response.headers, hasBody: !body.isEmpty)
        let authority = Array("store".utf8)
        let bodyPlan = try adapter.planResponse(
            mapping,
            status: status,
            fields,
            length: body.isEmpty ? .none : .fixed(body.count),
            authority: authority.span,
            scope,
            into: &plan
        )
        var output = Buffer()
        var final = status
        switch bodyPlan {
        case .none: break
        case .opaque: output.append(body)
        case .json:
            final = try adapter.transformResponse(
                mapping,
                status: status,
                body.span,
                path,
                scope,
                into: &output
            )
        case .events:
            var mapping = mapping
            guard var transform = BodyTransform(responseTo: mapping, isEvents: true, adapter) else { break }
            try transform.feed(body.span, isFinal: true, &mapping, scope, into: &output)
        }
        received(final, output.bytes.string() ?? "")
    }

    // MARK: comparing

    private mutating func received(_ status: UInt16, _ body: String) {
        guard let expected = example.received else { return }
        if expected.status != 0 { compare("received status", "\(status)", "\(expected.status)") }
        if let text = expected.body { compare("received body", body, fill(text)) }
    }

    private mutating func compare(_ what: String, _ actual: String, _ expected: String?) {
        if actual != expected {
            differences.append("\(what) is \(actual), expected \(expected ?? "none")")
        }
    }

    /// The text with `$compartment` and `$NAME(ID)` filled in.
    private func fill(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let behind = rest[rest.index(after: dollar)...]
            if behind.hasPrefix("compartment") {
                let code = scope.compartment.bytes
                result += code.span.string() ?? ""
                rest = behind.dropFirst("compartment".count)
            } else if let (visible, end) = sealed(behind) {
                result += visible
                rest = rest[end...]
            } else {
                result += "$"
                rest = behind
            }
        }
        return result + rest
    }

    private func sealed(_ text: Substring) -> (String, String.Index)? {
        guard let open = text.firstIndex(of: "("), let close = text[open...].firstIndex(of: ")"),
            let rewrite = adapter.rewrites.firstIndex(where: { $0.name == text[..<open] })
        else { return nil }
        var output = Buffer()
        let real = Array(text[text.index(after: open)..<close].utf8)
        var mapping = RequestMapping(operation: 0)
        do throws(AdapterFailure) {
            switch adapter.rewrites[rewrite].kind {
            case .own: try adapter.outbound(rewrite, real.span, scope, mapping, into: &output)
            case .digest: try adapter.inbound(rewrite, real.span, scope, &mapping, into: &output)
            default: return nil
            }
        } catch {
            return nil
        }
        return (output.bytes.string() ?? "", text.index(after: close))
    }

    private func fields(_ headers: [(name: String, value: String)], hasBody: Bool) -> Fields {
        var fields = Fields()
        var all = headers
        if hasBody, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            all.append(("content-type", "\(adapter.documentType)"))
        }
        for (name, value) in all {
            let (name, value) = (Array(name.utf8), Array(value.utf8))
            // What the edge would refuse is no header.
            do throws(FieldError) { try fields.append(name: name.span, value: value.span) } catch { continue }
        }
        return fields
    }
}
