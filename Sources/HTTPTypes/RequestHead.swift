// SPDX-License-Identifier: Apache-2.0
import Bytes

/// What a request says before its body. One value for each connection, emptied and filled again.
///
/// An engine fills it in this order: `method` and `version`, `setTarget`, the fields, `resolveAuthority`.
package struct RequestHead: ~Copyable {
    package var method: Method = .get
    package var version: HTTPVersion = .http11
    /// The path and query that everything behind the parser goes by.
    package private(set) var path = CanonicalPath()
    package var fields = Fields()

    private var rawTarget = Buffer()
    private var targetAuthority: Range<Int>?
    private var parsedAuthority = Authority()

    package init() {}

    package mutating func removeAll() {
        method = .get
        version = .http11
        path.removeAll()
        fields.removeAll()
        rawTarget.removeAll()
        targetAuthority = nil
        parsedAuthority.removeAll()
    }

    /// The target as it was sent: for records and for what signs it, never for a decision.
    package var target: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { rawTarget.bytes }
    }

    /// Host and port as they were sent, in lower case; empty for an HTTP/1.0 request without Host.
    package var authority: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { parsedAuthority.text }
    }

    /// The authority without its port; an IPv6 address keeps its brackets.
    package var host: Span<UInt8> {
        @_lifetime(borrow self) borrowing get {
            parsedAuthority.text.extracting(0..<parsedAuthority.hostCount)
        }
    }

    /// From the authority, or nil when it names none. 1...65,535.
    package var port: UInt16? { parsedAuthority.port }

    /// Takes a target in origin form (`/path?query`) or absolute form (`http://host/path?query`).
    /// - Throws: why it is refused; the head is then of no use.
    package mutating func setTarget(_ target: borrowing Span<UInt8>) throws(TargetError) {
        rawTarget.removeAll()
        targetAuthority = nil
        rawTarget.append(target)
        guard !target.isEmpty else { throw TargetError(.empty, at: 0) }
        if target[0] == ASCII.slash { return try path.parse(target) }
        let start = try Self.schemeCount(target)
        var end = start
        while end < target.count, !Self.endsAuthority(target[end]) { end += 1 }
        targetAuthority = start..<end
        let rest = target.extracting(end..<target.count)
        // `http://host?query`: the empty path of an absolute target is `/` (RFC 9110 §4.2.3).
        let isWhole = !rest.isEmpty && rest[0] == ASCII.slash
        do throws(TargetError) {
            if isWhole { return try path.parse(rest) }
            var whole = Buffer()
            whole.append(ASCII.slash)
            whole.append(rest)
            try path.parse(whole.bytes)
        } catch {
            throw TargetError(error.reason, at: error.offset + end - (isWhole ? 0 : 1))
        }
    }

    /// See `CanonicalPath.removeParameters`. The target as it was sent stays what it was.
    package mutating func removeParameters(_ name: borrowing HeaderFolding) -> Bool {
        path.removeParameters(name)
    }

    /// Takes the authority from Host, which must be there once (in HTTP/1.0 it may be absent) and agree with the
    /// target's (RFC 9112 §3.2).
    package mutating func resolveAuthority() throws(TargetError) {
        try parsedAuthority.resolve(
            fields,
            target: targetAuthority,
            of: rawTarget,
            isOptional: version == .http10
        )
    }

    /// Takes an authority that no Host field carries: `:authority` of HTTP/2.
    package mutating func setAuthority(_ authority: borrowing Span<UInt8>) throws(TargetError) {
        try parsedAuthority.parse(authority)
    }

    /// The number of bytes of `http://` or `https://` at the beginning of `target`.
    private static func schemeCount(_ target: borrowing Span<UInt8>) throws(TargetError) -> Int {
        if target.count >= 7, target.extracting(0..<7).equalsIgnoringCase("http://") { return 7 }
        if target.count >= 8, target.extracting(0..<8).equalsIgnoringCase("https://") { return 8 }
        guard ASCII.isLetter(target[0]), let colon = target.firstIndex(of: ASCII.colon),
            colon + 2 < target.count, target[colon + 1] == ASCII.slash, target[colon + 2] == ASCII.slash
        else { throw TargetError(.formNotSupported, at: 0) }
        throw TargetError(.schemeNotSupported, at: 0)
    }

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == ASCII.slash || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
            || byte == UInt8(ascii: "\\")
    }
}

/// What a response says before its body. One value for each connection, emptied and filled again.
package struct ResponseHead: ~Copyable {
    package var status: Status = .ok
    package var version: HTTPVersion = .http11
    package var fields = Fields()

    package init() {}

    package mutating func removeAll() {
        status = .ok
        version = .http11
        fields.removeAll()
    }
}
