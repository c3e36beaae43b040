// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

extension Configuration {
    /// One combination of patterns under which a route takes requests.
    package struct Rule: Sendable, Equatable {
        /// Index into `Configuration.routes`.
        package var route: Int
        package var host: HostPattern
        package var path: PathPattern
        package var methods: MethodSet
        /// Index into `Match.paths`, for messages.
        var pathIndex: Int

        /// - Parameters:
        ///   - host: without port.
        ///   - path: in canonical form, without query.
        package func matches(
            host: borrowing Span<UInt8>,
            path: borrowing Span<UInt8>,
            method: Method
        ) -> Bool {
            methods.contains(.init(method)) && self.host.matches(host) && self.path.matches(path)
        }
    }

    /// The rules of a listener's routes, the more specific before the less specific: the first that matches is
    /// the route of a request. The host counts first (a name before `*.suffix`, a longer suffix before a shorter
    /// one, anything last), then the path, then the methods.
    package func rules(of listener: Listener) -> [Rule] {
        var rules: [Rule] = []
        for (index, route) in routes.enumerated() where listener.routes.contains(route.name) {
            for host in route.match.hosts {
                for (pathIndex, path) in route.match.paths.enumerated() {
                    rules.append(
                        Rule(
                            route: index,
                            host: host,
                            path: path,
                            methods: route.match.methods,
                            pathIndex: pathIndex
                        )
                    )
                }
            }
        }
        return rules.sorted { $0.comesBefore($1) }
    }
}

/// How what one pattern matches relates to what another does.
enum PatternRelation {
    case equal, narrower, wider, disjoint
    /// Some in common, and some of its own on each side.
    case crossing
}

extension Configuration.Rule {
    /// Whether there is a request that both would take and neither is the better for.
    func conflicts(with other: Self) -> Bool {
        guard host.relation(to: other.host) == .equal, !methods.isDisjoint(with: other.methods) else {
            return false
        }
        switch path.relation(to: other.path) {
        case .disjoint, .narrower, .wider: return false
        case .crossing: return true
        case .equal:
            return !methods.isStrictSubset(of: other.methods) && !methods.isStrictSuperset(of: other.methods)
        }
    }

    /// An order in which everything narrower comes first; between the unrelated it is the file's.
    func comesBefore(_ other: Self) -> Bool {
        if host.rank != other.host.rank { return host.rank < other.host.rank }
        let left = path.ranks
        let right = other.path.ranks
        if left != right { return left.lexicographicallyPrecedes(right) }
        let counts = (methods.rawValue.nonzeroBitCount, other.methods.rawValue.nonzeroBitCount)
        if counts.0 != counts.1 { return counts.0 < counts.1 }
        return (route, pathIndex) < (other.route, other.pathIndex)
    }
}

extension Configuration.HostPattern {
    /// The smaller the more specific; a name is at most 253 bytes long.
    fileprivate var rank: Int {
        switch self {
        case .exact: 0
        case .suffix(let tail): 1000 - tail.utf8.count
        case .any: 1001
        }
    }

    func relation(to other: Self) -> PatternRelation {
        switch (self, other) {
        case (.any, .any): .equal
        case (.any, .exact), (.any, .suffix): .wider
        case (.exact, .any), (.suffix, .any): .narrower
        case (.exact(let left), .exact(let right)): left == right ? .equal : .disjoint
        case (.exact(let name), .suffix(let tail)): name.hasSuffix(tail) ? .narrower : .disjoint
        case (.suffix(let tail), .exact(let name)): name.hasSuffix(tail) ? .wider : .disjoint
        case (.suffix(let left), .suffix(let right)):
            if left == right {
                .equal
            } else if left.hasSuffix(right) {
                .narrower
            } else {
                right.hasSuffix(left) ? .wider : .disjoint
            }
        }
    }
}

extension Configuration.PathPattern {
    fileprivate var ranks: [Int] {
        let inner = segments.map { segment in
            switch segment {
            case .literal: 0
            case .parameter: 1
            }
        }
        return inner + [tail == .rest ? 3 : 2]
    }

    func relation(to other: Self) -> PatternRelation {
        var isNarrower = false
        var isWider = false
        for (left, right) in zip(segments, other.segments) {
            switch (left, right) {
            case (.parameter, .parameter): break
            case (.literal, .parameter): isNarrower = true
            case (.parameter, .literal): isWider = true
            case (.literal(let left), .literal(let right)):
                if left != right { return .disjoint }
            }
        }
        if segments.count == other.segments.count {
            switch (tail, other.tail) {
            case (.end, .end), (.slash, .slash), (.rest, .rest): break
            case (.slash, .rest): isNarrower = true
            case (.rest, .slash): isWider = true
            case (.end, .slash), (.end, .rest), (.slash, .end), (.rest, .end): return .disjoint
            }
        } else if segments.count > other.segments.count {
            guard other.tail == .rest else { return .disjoint }
            isNarrower = true
        } else {
            guard tail == .rest else { return .disjoint }
            isWider = true
        }
        switch (isNarrower, isWider) {
        case (false, false): return .equal
        case (true, false): return .narrower
        case (false, true): return .wider
        case (true, true): return .crossing
        }
    }
}
