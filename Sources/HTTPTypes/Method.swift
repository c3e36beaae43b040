// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The methods that Bulkhead knows. Every other one is refused where it is parsed; CONNECT and TRACE are known
/// so that they can be refused by name (THREATS 19), and no request ever carries them further.
/// Source: RFC 9110 §9.
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, patch, delete, options, connect, trace

    /// Nil for any other spelling: methods are case-sensitive.
    /// Cost: one switch on the length and one comparison.
    package init?(_ name: borrowing Span<UInt8>) {
        let candidate: Method
        switch name.count {
        case 3: candidate = name[0] == UInt8(ascii: "G") ? .get : .put
        case 4: candidate = name[0] == UInt8(ascii: "P") ? .post : .head
        case 5: candidate = name[0] == UInt8(ascii: "P") ? .patch : .trace
        case 6: candidate = .delete
        case 7: candidate = name[0] == UInt8(ascii: "O") ? .options : .connect
        default: return nil
        }
        guard name.equals(candidate.name) else { return nil }
        self = candidate
    }

    package var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        }
    }

    /// Whether repeating the request changes nothing more than sending it once (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect: false
        }
    }

    /// Whether the request asks only to read (RFC 9110 §9.2.1).
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .patch, .delete, .connect: false
        }
    }
}

/// The two versions that HTTP/1 heads are written in, and the one that has frames instead.
package enum HTTPVersion: UInt8, Sendable {
    case http10, http11, http2
}

/// How long a message's body is, before any protocol frames it.
package enum BodyLength: Equatable, Sendable {
    /// There is no body, and none is announced.
    case none
    /// In bytes; may be zero, which is announced.
    case fixed(Int)
    /// It ends when its sender says so.
    case unknown
}
