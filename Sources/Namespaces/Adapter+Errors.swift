// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

extension Adapter {
    /// Appends the body of an adapter's own refusal, in the protocol's form.
    /// - Parameter path: the request's, as the agent sent it.
    /// - Returns: the status.
    @discardableResult
    package func writeError(
        _ failure: AdapterFailure,
        _ path: borrowing CanonicalPath,
        into output: inout Buffer
    ) -> UInt16 {
        var subject = Buffer()
        if let segment = failure.segment, segment < path.segmentCount {
            path.decodeSegment(at: segment, into: &subject)
        }
        return writeError(
            code: failure.reason.callerCode,
            status: failure.reason.status,
            subject: subject.bytes,
            into: &output
        )
    }

    /// Appends the body of a refusal in the protocol's form: Chroma's `{"error": …, "message": …}` and the like.
    /// - Parameter code: the reason code, the gateway's own (`token_expired`) as well as an adapter's.
    /// - Parameter status: taken unless the table has another for this code.
    /// - Parameter subject: what the caller named and may read again; empty where nothing was.
    /// - Returns: the status.
    @discardableResult
    package func writeError(
        code: String,
        status: UInt16,
        subject: borrowing Span<UInt8> = Span(),
        into output: inout Buffer
    ) -> UInt16 {
        if let native {
            Self.writeNativeError(native, code: code, status: status, into: &output)
            return status
        }
        let wording = errors.codes[code]
        let status = wording?.status ?? status
        var message = Buffer()
        let text = subject.array()
        // Words about a subject need one.
        let own = wording?.message.flatMap { text.isEmpty && $0.contains(.subject) ? nil : $0 }
        (own ?? errors.message).write(into: &message) { hole, output in
            switch hole {
            case .code: output.append(string: code)
            case .subject: output.append(text)
            case .compartment, .tenant, .visible, .name, .message, .status, .value, .resource: break
            }
        }
        let name = wording?.name ?? errorName(status)
        writeError(name: name, message: message.bytes.array(), code: code, status: status, into: &output)
        return status
    }

    /// The table's own answer to an operation that never reaches the store.
    /// - Returns: the status. The type is `errorContentType`.
    package func answer(
        _ mapping: RequestMapping,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) -> UInt16 {
        guard let answer = operations[mapping.operation].answer else {
            preconditionFailure("only a local operation is answered here")
        }
        answer.body.write(into: &output, escaped: true) { _, output in
            output.append(mapping.visible(self, scope))
        }
        return answer.status
    }

    /// The requests that give a compartment what a private store has from the start, in order. The control thread sends
    /// them once before the first request of the compartment; each must be answered with one of its accepted statuses.
    package func provision(_ scope: AdapterScope) -> [ProvisionStep] {
        provisions.map { step in
            func render(_ template: AdapterTemplate) -> [UInt8] {
                template.rendered { _, output in output.append(scope.compartment.bytes) }
            }
            return ProvisionStep(
                method: step.method,
                target: render(step.target),
                body: render(step.body),
                accepted: step.accepted
            )
        }
    }

    func errorName(_ status: UInt16) -> String { errors.names[status] ?? errors.otherwise }

    func writeError(name: String, message: [UInt8], code: String, status: UInt16, into output: inout Buffer) {
        errors.body.write(into: &output, escaped: true) { hole, output in
            switch hole {
            case .name: output.append(string: name)
            case .message: output.append(message)
            case .code: output.append(string: code)
            case .status: output.append(decimal: Int(status))
            case .compartment, .tenant, .visible, .subject, .value, .resource: break
            }
        }
    }
}
