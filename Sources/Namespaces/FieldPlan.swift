// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What becomes of one header.
package enum FieldDecision: Hashable, Sendable {
    /// It goes on as it stands.
    case pass
    /// It does not go on: not declared, or the engine's own (framing, hop by hop, Host), which it writes afresh.
    case drop
    /// Its value is that range of `FieldPlan.values`.
    case replace(ByteRange)
    /// In a request: the virtual session id takes its place. In a response: the client's own does, if it is the
    /// virtual one, else the header is dropped.
    case session
    /// The verified user's id takes its place.
    case user
}

/// Decisions for all headers of one message, in their order. Kept by the worker and filled again and again.
package struct FieldPlan: ~Copyable {
    package fileprivate(set) var decisions: [FieldDecision] = []
    package fileprivate(set) var values = Buffer()
    /// The request must say `Accept-Encoding: identity`, since the answer is going to be read; the client's own is
    /// dropped.
    package fileprivate(set) var addsIdentityCoding = false

    package init() {}

    mutating func restart(addsIdentityCoding: Bool) {
        decisions.removeAll(keepingCapacity: true)
        values.removeAll()
        self.addsIdentityCoding = addsIdentityCoding
    }

    mutating func append(_ decision: FieldDecision) { decisions.append(decision) }

    /// Appends the decision to replace a value by what `write` appends.
    mutating func replace<E: Error>(_ write: (inout Buffer) throws(E) -> Void) throws(E) {
        let start = values.count
        try write(&values)
        decisions.append(.replace(ByteRange(start: start, count: values.count - start)))
    }
}
