// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import HTTPTypes
import Telemetry
import Testing

@Suite("Records of requests")
struct AccessLogTests {
    @Test("A full record has every part of law 7, in this order")
    func full() {
        #expect(
            line(
                Sample.full,
                target: "/v1/things/a%2Fb?limit=3",
                rewritten: "/tenants/tacme/v1/things/a%2Fb?limit=3"
            ) == """
                {"time":"2026-01-02T03:04:05.678901Z","bulkhead.outcome":"allowed",\
                "http.request.method":"POST","url.path":"/v1/things/a%2Fb",\
                "http.response.status_code":201,"http.server.request.duration":0.012345678,\
                "http.request.body.size":120,"http.response.body.size":4096,\
                "trace_id":"0123456789abcdef00000000000000ff","client.address":"192.0.2.7",\
                "session.id":"5e551011","tenancy.tenant.id":"acme","tenancy.tier":"premium","tenancy.tier.drift":true,\
                "tenancy.user.id":"alice","tenancy.issuer":"cognito",\
                "bulkhead.token.id":"a1b2c3d4",\
                "bulkhead.policy.ids":["base.permit","acme.extra"],"bulkhead.policy.would_deny":["night"],\
                "bulkhead.compartment":"tacme","bulkhead.credential":"context","bulkhead.listener":"ingress",\
                "bulkhead.route":"agent","bulkhead.adapter":"rest","bulkhead.operation":"create",\
                "bulkhead.upstream":"store","bulkhead.upstream.endpoint":"127.0.0.1:8080",\
                "bulkhead.upstream.path":"/tenants/tacme/v1/things/a%2Fb",\
                "http.client.request.duration":1.000000001}

                """
        )
    }

    @Test("What is not known is left out")
    func bare() {
        #expect(
            line(Hop(), target: "", rewritten: "", session: "") == """
                {"time":"1970-01-01T00:00:00.000000Z","bulkhead.outcome":"refused",\
                "http.server.request.duration":0.000000000,"http.request.body.size":0,\
                "http.response.body.size":0,"bulkhead.listener":""}

                """
        )
    }

    @Test(arguments: Outcome.allCases)
    func outcomes(outcome: Outcome) {
        var hop = Hop()
        hop.outcome = outcome
        hop.reason = "token_expired"
        let record = parse(line(hop))
        #expect(record["bulkhead.outcome"] as? String == "\(outcome)")
        #expect(record["error.type"] as? String == "token_expired")
    }

    /// A query may hold a signature, an authority a password; a path is shown only where it certainly is one.
    @Test(arguments: [
        ("/a", "/a"), ("/", "/"), ("/a?", "/a"), ("/a?X-Amz-Signature=secret", "/a"), ("/a#secret", "/a"),
        ("/a?b#c", "/a"), ("/a#b?c", "/a"), ("*", "*"), ("/a://b?c", "/a://b"),
        ("http://host/a?secret", "/a"), ("https://user:secret@host/a/b", "/a/b"),
        ("https://user:secret@host", nil), ("https://user:secret@host?secret", nil),
        ("https://user:secret@host#/secret", nil), ("https://user:se?cret@host/a", nil),
        ("user:secret@host:443", nil), ("secret", nil), ("?secret", nil), ("a?b://secret/c", nil),
        ("http:/host/secret", nil), ("://host/a", "/a"), (":", nil), ("", nil),
    ])
    func paths(target: String, expected: String?) {
        let record = parse(line(Hop(), target: target, rewritten: target))
        #expect(record["url.path"] as? String == expected)
        #expect(record["bulkhead.upstream.path"] as? String == expected)
    }

    @Test("Long texts and lists are cut, and the record says so")
    func cut() {
        var hop = Hop()
        var who = HopWho()
        who.user = String(repeating: "u", count: AccessLog.maximumTextBytes)
        who.policies = (0..<AccessLog.maximumListCount).map { "p\($0)" }
        hop.who = .who(who)
        #expect(parse(line(hop))["bulkhead.truncated"] == nil)

        who.policies.append("one more")
        hop.who = .who(who)
        let list = parse(line(hop))
        #expect(list["bulkhead.truncated"] as? Bool == true)
        #expect((list["bulkhead.policy.ids"] as? [String])?.count == AccessLog.maximumListCount)

        let text = parse(line(Hop(), target: "/" + String(repeating: "é", count: 5000)))
        #expect(text["bulkhead.truncated"] as? Bool == true)
        #expect((text["url.path"] as? String)?.hasPrefix("/éééé") == true)
        #expect((text["url.path"] as? String)?.utf8.count ?? 0 <= AccessLog.maximumTextBytes + 2)
    }

    @Test("Negative times and sizes of 64 bits stay numbers")
    func extremes() {
        var hop = Hop()
        hop.duration = Interval(nanoseconds: .min)
        hop.upstreamDuration = Interval(nanoseconds: .max)
        hop.bytesIn = .max
        hop.time = WallTime(nanoseconds: .min)
        let record = line(hop)
        #expect(record.contains("\"http.server.request.duration\":0.000000000,"))
        #expect(record.contains("\"http.client.request.duration\":9223372036.854775807"))
        #expect(record.contains("\"http.request.body.size\":9223372036854775807,"))
        #expect(!parse(record).isEmpty)
    }
}

/// A record with everything in it.
enum Sample {
    static var full: Hop {
        var hop = Hop()
        hop.time = WallTime(nanoseconds: 1_767_323_045_678_901_234)
        hop.duration = Interval(nanoseconds: 12_345_678)
        hop.method = .post
        hop.status = Status(201)
        hop.outcome = .allowed
        hop.listener = "ingress"
        hop.place = .place(route: "agent", adapter: "rest", operation: "create")
        hop.upstream = "store"
        hop.endpoint = "127.0.0.1:8080"
        hop.upstreamDuration = Interval(nanoseconds: 1_000_000_001)
        var who = HopWho()
        who.issuer = "cognito"
        who.tenant = "acme"
        who.tier = "premium"
        who.user = "alice"
        who.tokenID = "a1b2c3d4"
        who.isTierDrifted = true
        hop.caller = "192.0.2.7"
        who.policies = ["base.permit", "acme.extra"]
        who.shadowDenials = ["night"]
        who.compartment = Array("tacme".utf8)
        who.credential = "context"
        hop.who = .who(who)
        hop.bytesIn = 120
        hop.bytesOut = 4096
        hop.traceID = (0x0123_4567_89AB_CDEF, 0xFF)
        return hop
    }
}

func line(
    _ hop: Hop,
    target: String = "/",
    rewritten: String = "",
    session: String = "5e551011"
) -> String {
    var buffer = Buffer()
    AccessLog.append(
        hop,
        target: target.utf8Span.span,
        rewritten: rewritten.utf8Span.span,
        session: session.utf8Span.span,
        into: &buffer
    )
    return buffer.bytes.string() ?? "not UTF-8"
}

func parse(_ line: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] ?? [:]
}
