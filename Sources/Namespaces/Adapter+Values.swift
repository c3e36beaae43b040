// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One value, from the agent's view to the store's and back, wherever it stands.
extension Adapter {
    /// Whether ids leave here sealed and come back later, so that their key must outlive a restart.
    package var sealsIDs: Bool {
        rewrites.contains { if case .own = $0.kind { true } else { false } }
    }

    /// Appends what the store is to see in the place of `value`, a decoded text.
    func inbound(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        _ mapping: inout RequestMapping,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        switch rewrites[rewrite].kind {
        case .pin:
            let names = scope.rendered[rewrite].visible
            for choice in names.indices where value.equals(names[choice]) {
                mapping.named(rewrite, choice)
                output.append(scope.rendered[rewrite].value)
                return
            }
            throw AdapterFailure(.tenantForeign)
        case .own:
            guard let sealer = scope.sealer else { preconditionFailure("a scope of another adapter") }
            switch sealer.open(value, into: &output) {
            case .done: break
            case .malformed: throw AdapterFailure(.idMalformed)
            case .unknown: throw AdapterFailure(.idUnknown)
            }
        case .prefix:
            output.append(scope.rendered[rewrite].value)
            output.append(copying: value)
        case .name:
            if UUIDText.parse(value) != nil { throw AdapterFailure(.idUnknown) }
            output.append(copying: value)
        case .screen: output.append(copying: value)
        }
    }

    /// Appends what the agent is to see in the place of `value`, a decoded text.
    func outbound(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        _ mapping: RequestMapping,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        switch rewrites[rewrite].kind {
        case .pin:
            guard value.equals(scope.rendered[rewrite].value) else {
                throw AdapterFailure(.foreignObject)
            }
            output.append(mapping.visible(rewrite, scope))
        case .own:
            guard let sealer = scope.sealer else { preconditionFailure("a scope of another adapter") }
            guard sealer.seal(value, into: &output) else { throw AdapterFailure(.responseInvalid) }
        case .prefix:
            let prefix = scope.rendered[rewrite].value
            guard value.hasPrefix(prefix) else { throw AdapterFailure(.foreignObject) }
            output.append(value.extracting(prefix.count..<value.count))
        case .name: output.append(copying: value)
        case .screen:
            if Self.tells(value, scope) {
                output.append(string: errors.hidden)
            } else {
                output.append(copying: value)
            }
        }
    }

    /// Whether a text for people holds a UUID, this compartment's code, or any code where a word begins.
    static func tells(_ text: borrowing Span<UInt8>, _ scope: AdapterScope) -> Bool {
        if UUIDText.occurs(in: text) { return true }
        let code = scope.compartment.bytes
        var inWord = false
        for index in text.indices {
            let isFirst = !inWord
            inWord = ASCII.isAlphanumeric(text[index])
            let rest = text.extracting(index..<text.count)
            if rest.hasPrefix(code) { return true }
            if isFirst, CompartmentDescription(at: rest) != nil { return true }
        }
        return false
    }
}

extension Buffer {
    /// Appends a span that the caller only borrows.
    mutating func append(copying span: borrowing Span<UInt8>) { append(span.extracting(0..<span.count)) }
}
