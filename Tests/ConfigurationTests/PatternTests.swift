// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import TestSupport
import Testing

@Suite struct PatternTests {
    private func configuration(_ matches: [String]) throws -> Configuration {
        var text = base.replacing(
            "routes: [agent]",
            with: "routes: [agent, \(matches.indices.map { "r\($0)" }.joined(separator: ", "))]"
        )
        var routes = ""
        for (index, match) in matches.enumerated() {
            routes +=
                "  - {name: r\(index), adapter: a, resource: 'Agent::\"a\"', upstream: agent, match: \(match)}\n"
        }
        text = text.replacing("keys:", with: routes + "keys:")
        return try decode(text)
    }

    @Test(arguments: [
        ("/", "/", true), ("/", "/a", false), ("/a", "/a", true), ("/a", "/a/", false), ("/a", "/ab", false),
        ("/a", "/", false), ("/a/", "/a/", true), ("/a/", "/a", false), ("/a/", "/a/b", false),
        ("/a/**", "/a", false), ("/a/**", "/a/", true), ("/a/**", "/a/b/c", true), ("/a/**", "/ab", false),
        ("/**", "/", true), ("/**", "/a/b/", true), ("/{x}", "/a", true), ("/{x}", "/", false),
        ("/{x}", "/a/b", false), ("/{x}/", "/a/", true), ("/{x}/b", "/a/b", true), ("/{x}/b", "//b", false),
        ("/a/{x}/**", "/a/b/", true), ("/a/{x}/**", "/a/", false), ("/%7e", "/~", true),
        ("/a%2fb", "/a%2Fb", true), ("/a%2fb", "/a/b", false), ("/{x}", "/a%2Fb", true),
    ])
    func paths(_ pattern: String, _ path: String, _ expected: Bool) throws {
        let route = try configuration(["{paths: [\"\(pattern)\"]}"]).routes[2]
        #expect(route.match.paths[0].matches(Array(path.utf8).span) == expected)
    }

    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "A.B", true), ("a.b", "xa.b", false), ("a.b", "a.b.", false),
        ("*.b", "a.b", true), ("*.b", "x.A.B", true), ("*.b", "b", false), ("*.b", ".b", false),
        ("*.b", "ab", false),
        ("10.0.0.1", "10.0.0.1", true), ("[::1]", "[::1]", true),
    ])
    func hosts(_ pattern: String, _ host: String, _ expected: Bool) throws {
        let route = try configuration(["{hosts: [\"\(pattern)\"]}"]).routes[2]
        #expect(route.match.hosts[0].matches(Array(host.utf8).span) == expected)
    }

    @Test func theMostSpecificRouteWins() throws {
        let configuration = try configuration([
            "{paths: [\"/a/**\"]}", "{paths: [\"/a/{x}\"]}", "{paths: [/a/b]}",
            "{paths: [/a/b], methods: [PUT]}",
            "{hosts: [\"*.h\"]}", "{hosts: [\"*.g.h\"]}", "{hosts: [f.g.h], paths: [\"/z/**\"]}",
        ])
        let rules = configuration.rules(of: configuration.listeners[0])
        let winner = { (host: String, path: String, method: Method) in
            rules.first {
                $0.matches(host: Array(host.utf8).span, path: Array(path.utf8).span, method: method)
            }
            .map { configuration.routes[$0.route].name }
        }
        #expect(winner("x", "/a/b", .get) == "r2")
        #expect(winner("x", "/a/b", .put) == "r3")
        #expect(winner("x", "/a/c", .put) == "r1")
        #expect(winner("x", "/a/c/d", .put) == "r0")
        #expect(winner("x", "/q", .get) == "agent")
        #expect(winner("x.h", "/a/b", .get) == "r4")
        #expect(winner("f.g.h", "/a/b", .get) == "r5")
        #expect(winner("f.g.h", "/z/b", .get) == "r6")
        #expect(winner("x", "/a", .trace) == nil)
    }

    /// Against all short paths over a small alphabet: what `check` lets stand together has, for every request
    /// that several routes would take, one that the others' order cannot change.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func whatMayStandTogetherHasOneWinner(_ seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let pieces = ["a", "b", "{x}"]
        let tails = ["", "/", "/**"]
        let universe = paths(upTo: 3)
        var accepted = 0
        for round in 0..<150 {
            let patterns = (0..<2).map { _ in
                let segments = (0..<Int.random(in: 0...2, using: &random)).map { _ in
                    pieces.randomElement(using: &random)!
                }
                let tail = segments.isEmpty ? "/**" : tails.randomElement(using: &random)!
                return segments.map { "/" + $0 }.joined() + tail
            }
            let matches = patterns.map { "{hosts: [h], paths: [\"\($0)\"]}" }
            let forward = try configuration(matches)
            let backward = try configuration(matches.reversed())
            let conflicts = forward.check(adapters: adapters, now: now).filter {
                $0.message.contains("specific")
            }
            guard conflicts.isEmpty else { continue }
            accepted += 1
            for path in universe {
                let left = winner(forward, path)
                let right = winner(backward, path).map { $0 == "r0" ? "r1" : "r0" }
                #expect(left == right, "seed \(seed) round \(round): \(patterns) on \(path)")
            }
        }
        #expect(accepted > 20)
    }

    private func winner(_ configuration: Configuration, _ path: String) -> String? {
        let rules = configuration.rules(of: configuration.listeners[0]).filter { $0.host != .any }
        return rules.first {
            $0.matches(host: Array("h".utf8).span, path: Array(path.utf8).span, method: .get)
        }
        .map { configuration.routes[$0.route].name }
    }

    private func paths(upTo count: Int) -> [String] {
        var all: [String] = ["/"]
        var last = [""]
        for _ in 0..<count {
            last = last.flatMap { path in ["a", "b", "c"].map { path + "/" + $0 } }
            all += last + last.map { $0 + "/" }
        }
        return all
    }
}
