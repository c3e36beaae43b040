// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

extension Configuration {
    /// Which requests a route takes: those that fit one of the hosts, one of the paths and one of the methods.
    package struct Match: Sendable, Equatable {
        /// Default: any host.
        package var hosts: [HostPattern] = [.any]
        /// Default: `/**`.
        package var paths: [PathPattern] = [.any]
        /// Default: every method that Bulkhead knows.
        package var methods = MethodSet.all

        package init() {}
    }

    package struct MethodSet: OptionSet, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package init(_ method: Method) { rawValue = 1 << UInt16(method.rawValue) }

        package static let all = MethodSet(supported.map(MethodSet.init))

        /// CONNECT and TRACE go nowhere (THREATS 19).
        static let supported: [Method] = [.get, .head, .post, .put, .patch, .delete, .options]
    }

    package enum HostPattern: Hashable, Sendable {
        /// A name or an address as it stands in an authority, without port, in lower case.
        case exact(String)
        /// `*.example.com`: the text from the dot on.
        case suffix(String)
        case any

        /// - Parameter host: without port, in any case.
        package func matches(_ host: borrowing Span<UInt8>) -> Bool {
            switch self {
            case .any: true
            case .exact(let name): Self.equals(host, name)
            case .suffix(let tail):
                host.count > tail.utf8.count
                    && Self.equals(host.extracting((host.count - tail.utf8.count)..<host.count), tail)
            }
        }

        private static func equals(_ host: borrowing Span<UInt8>, _ name: String) -> Bool {
            let bytes = name.utf8Span.span
            guard host.count == bytes.count else { return false }
            for index in host.indices where ASCII.lowercased(host[index]) != bytes[index] { return false }
            return true
        }
    }

    /// A path in canonical form with holes: `{name}` is one segment, a trailing `/**` a slash and all behind it.
    package struct PathPattern: Hashable, Sendable {
        package enum Segment: Hashable, Sendable {
            /// In canonical form: escapes only where they are needed.
            case literal([UInt8])
            /// Any one segment. The name is for people; two that differ in it alone are the same pattern.
            case parameter
        }

        package enum Tail: Hashable, Sendable {
            /// The last segment ends the path.
            case end
            /// One slash ends it.
            case slash
            /// A slash and anything, or nothing, behind it.
            case rest
        }

        package var segments: [Segment]
        package var tail: Tail

        package init(segments: [Segment], tail: Tail) {
            self.segments = segments
            self.tail = tail
        }

        package static let any = PathPattern(segments: [], tail: .rest)

        /// - Parameter path: in canonical form (`HTTPTypes.CanonicalPath`), without query.
        /// Cost: one pass over the path, no allocation.
        package func matches(_ path: borrowing Span<UInt8>) -> Bool {
            var index = 0
            for segment in segments {
                guard index < path.count, path[index] == ASCII.slash else { return false }
                let end = path.firstIndex(of: ASCII.slash, from: index + 1) ?? path.count
                guard end > index + 1 else { return false }
                if case .literal(let bytes) = segment,
                    !path.extracting((index + 1)..<end).equals(bytes.span)
                {
                    return false
                }
                index = end
            }
            switch tail {
            case .end: return index == path.count
            case .slash: return index + 1 == path.count && path[index] == ASCII.slash
            case .rest: return index < path.count && path[index] == ASCII.slash
            }
        }
    }
}

extension Configuration.Match {
    static func decode(_ section: inout YAML.Section) -> Self {
        var match = Self()
        section.read("hosts", into: &match.hosts) { value in
            value.list(count: 1...256)?.compactMap { $0.hostPattern() }
        }
        section.read("paths", into: &match.paths) { value in
            // Places are counted on, so what is wrong leaves a stand-in.
            value.list(count: 1...256)?.map { $0.pathPattern() ?? .any }
        }
        section.read("methods", into: &match.methods) { value in
            value.list(count: 1...16)?.reduce(into: []) { methods, item in
                let known = Configuration.MethodSet.supported.map { ("\($0.name)", $0) }
                let refused = ["CONNECT": "goes nowhere here", "TRACE": "goes nowhere here"]
                guard let method = item.choice(known, refused: refused) else { return }
                methods.insert(.init(method))
            }
        }
        return match
    }
}

extension YAML.Value {
    fileprivate func hostPattern() -> Configuration.HostPattern? {
        guard let text = string(count: 1...255) else { return nil }
        let suffix = text.hasPrefix("*.") ? text.dropFirst(2) : nil
        if let suffix, HostText.isName(suffix) { return .suffix("." + suffix.lowercased()) }
        if suffix == nil, HostText.host(text[...]) != nil { return .exact(text.lowercased()) }
        noteExpected("a host such as chroma.local or *.example.com, without port")
        return nil
    }

    fileprivate func pathPattern() -> Configuration.PathPattern? {
        guard let text = string(count: 1...2048) else { return nil }
        guard text.hasPrefix("/") else {
            noteExpected("a path that begins with /")
            return nil
        }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var pattern = Configuration.PathPattern(segments: [], tail: .end)
        switch parts.last {
        case "**": pattern.tail = .rest
        case "": pattern.tail = .slash
        case .some, nil: break
        }
        if pattern.tail != .end { parts.removeLast() }
        for part in parts {
            guard let segment = segment(part) else { return nil }
            pattern.segments.append(segment)
        }
        guard pattern.segments.count <= CanonicalPath.maximumSegments else {
            note("more than \(CanonicalPath.maximumSegments) segments match no request")
            return nil
        }
        return pattern
    }

    private func segment(_ part: Substring) -> Configuration.PathPattern.Segment? {
        if part.hasPrefix("{") && part.hasSuffix("}") {
            guard YAML.isName(String(part.dropFirst().dropLast())) else {
                note("\"\(part)\": expected {name}")
                return nil
            }
            return .parameter
        }
        guard !part.contains("{"), !part.contains("}"), !part.contains("*") else {
            note("\"\(part)\": a segment is text or {name}; /** stands only at the end")
            return nil
        }
        var path = CanonicalPath()
        do throws(TargetError) {
            try path.parse(Array("/\(part)".utf8).span)
        } catch {
            note("\"\(part)\": no request has such a segment (\(error.reason.code))")
            return nil
        }
        guard !path.hasQuery, path.segmentCount == 1 else {
            note("\"\(part)\": expected one segment of a path, without query")
            return nil
        }
        return .literal(path.segment(at: 0).array())
    }
}
