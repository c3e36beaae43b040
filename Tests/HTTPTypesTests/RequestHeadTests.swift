// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

struct TargetCase: CustomTestStringConvertible, Sendable {
    var target: String
    var hosts: [String]
    var version: HTTPVersion = .http11
    var authority = ""
    var host = ""
    var port: UInt16?
    var path = ""
    var refusal: TargetError.Reason?
    var testDescription: String { target + " " + hosts.joined(separator: ",") }
}

private let label64 = String(repeating: "a", count: 64)

@Suite struct RequestHeadTests {
    static let cases = [
        TargetCase(
            target: "/a",
            hosts: ["Example.COM"],
            authority: "example.com",
            host: "example.com",
            path: "/a"
        ),
        TargetCase(target: "/a", hosts: ["h:8080"], authority: "h:8080", host: "h", port: 8080, path: "/a"),
        TargetCase(target: "/", hosts: ["my_agent"], authority: "my_agent", host: "my_agent", path: "/"),
        TargetCase(target: "/", hosts: ["10.0.0.1"], authority: "10.0.0.1", host: "10.0.0.1", path: "/"),
        TargetCase(
            target: "/",
            hosts: ["[2001:DB8::1]:443"],
            authority: "[2001:db8::1]:443",
            host: "[2001:db8::1]",
            port: 443,
            path: "/"
        ),
        TargetCase(
            target: "HTTP://A.b:80/c?d",
            hosts: ["a.B:80"],
            authority: "a.b:80",
            host: "a.b",
            port: 80,
            path: "/c?d"
        ),
        TargetCase(target: "https://a", hosts: ["a"], authority: "a", host: "a", path: "/"),
        TargetCase(target: "http://a?b", hosts: ["a"], authority: "a", host: "a", path: "/?b"),
        TargetCase(target: "/", hosts: [], version: .http10, path: "/"),
        TargetCase(target: "http://a/b", hosts: [], version: .http10, authority: "a", host: "a", path: "/b"),
        TargetCase(target: "/", hosts: [], refusal: .hostMissing),
        TargetCase(target: "/", hosts: ["a", "a"], refusal: .hostRepeated),
        TargetCase(target: "/", hosts: ["a", "b"], version: .http10, refusal: .hostRepeated),
        TargetCase(target: "http://a/", hosts: ["b"], refusal: .hostMismatch),
        TargetCase(target: "http://a:80/", hosts: ["a"], refusal: .hostMismatch),
        TargetCase(target: "http://a/", hosts: ["b"], version: .http10, refusal: .hostMismatch),
        TargetCase(target: "/", hosts: [""], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a b"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a,b"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a/b"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["%61"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["é"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: [":80"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a:"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a:0"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a:65536"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a:8x"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a:000080"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[::1"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[]"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[::1]x"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[::1%25eth0]"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[:::]"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[12345::1]"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["[1.2.3.4]"], refusal: .authorityInvalid),
        TargetCase(
            target: "/",
            hosts: ["[::FFFF:1.2.3.4]"],
            authority: "[::ffff:1.2.3.4]",
            host: "[::ffff:1.2.3.4]",
            path: "/"
        ),
        TargetCase(target: "/", hosts: ["a.b."], authority: "a.b.", host: "a.b.", path: "/"),
        TargetCase(target: "/", hosts: ["a.1b"], authority: "a.1b", host: "a.1b", path: "/"),
        TargetCase(target: "/", hosts: ["0x.a"], authority: "0x.a", host: "0x.a", path: "/"),
        TargetCase(target: "/", hosts: ["."], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a..b"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: [".a"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a.."], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a." + label64], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["127.1"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["2130706433"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["0x7f.1"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a.0X7F"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["a.0x"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["010.0.0.1"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["1.2.3.4.5"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["256.0.0.1"], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["1.2.3.4."], refusal: .authorityInvalid),
        TargetCase(target: "/", hosts: ["u@a"], refusal: .userInformation),
        TargetCase(target: "http://u:p@a/", hosts: ["u:p@a"], refusal: .userInformation),
        TargetCase(target: "ftp://a/", hosts: ["a"], refusal: .schemeNotSupported),
        TargetCase(target: "a:80", hosts: ["a"], refusal: .formNotSupported),
        TargetCase(target: "*", hosts: ["a"], refusal: .formNotSupported),
        TargetCase(target: "http:/a", hosts: ["a"], refusal: .formNotSupported),
        TargetCase(target: "http:///a", hosts: [""], refusal: .authorityInvalid),
        TargetCase(target: "http://a\\b", hosts: ["a"], refusal: .backslash),
        TargetCase(target: "http://a#b", hosts: ["a"], refusal: .fragment),
        TargetCase(target: "http://a//b", hosts: ["a"], refusal: .emptySegment),
        TargetCase(target: "", hosts: ["a"], refusal: .empty),
    ]

    @Test(arguments: cases) func target(_ item: TargetCase) {
        var head = RequestHead()
        var refusal: TargetError.Reason?
        do throws(TargetError) {
            head.version = item.version
            try head.setTarget(item.target.bytes.span)
            for host in item.hosts {
                #expect((try? head.fields.append(.host, value: host.bytes.span)) != nil)
            }
            try head.resolveAuthority()
        } catch {
            refusal = error.reason
        }
        #expect(refusal == item.refusal)
        guard item.refusal == nil else { return }
        #expect(head.authority.text == item.authority)
        #expect(head.host.text == item.host)
        #expect(head.port == item.port)
        #expect(head.path.pathAndQuery.text == item.path)
        #expect(head.target.text == item.target)
        head.removeAll()
        #expect(head.authority.isEmpty && head.target.isEmpty && head.path.pathAndQuery.isEmpty)
        #expect(head.port == nil && head.fields.isEmpty)
    }

    @Test func offsetsOfAbsoluteTargetsCountFromTheirBeginning() {
        var head = RequestHead()
        #expect(throws: TargetError(.dotSegment, at: 9)) { try head.setTarget("http://a/../b".bytes.span) }
        #expect(throws: TargetError(.fragment, at: 10)) { try head.setTarget("http://a?b#c".bytes.span) }
    }

    @Test func authorityWithoutHost() throws {
        var head = RequestHead()
        try head.setAuthority("A.example:8443".bytes.span)
        #expect(head.host.text == "a.example")
        #expect(head.port == 8443)
    }
}
