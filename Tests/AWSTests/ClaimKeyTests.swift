// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import TestSupport
import Testing

/// The keys that requests were verified with: found by all that they depend on, and by nothing less.
@Suite struct ClaimKeyTests {
    private let now = WallTime(seconds: 1_440_938_160)

    private func claim(
        _ id: String,
        day: String = "20150830",
        region: String = "us-east-1",
        service: String = "s3"
    ) throws -> SignatureClaim {
        let signature = String(repeating: "0a", count: 32)
        let text =
            "AWS4-HMAC-SHA256 Credential=\(id)/\(day)/\(region)/\(service)/aws4_request, "
            + "SignedHeaders=host, Signature=\(signature)"
        var fields = Fields()
        try fields.append(.authorization, value: text.bytes.span)
        try fields.append(.xAmzDate, value: "\(day)T123600Z".bytes.span)
        return try SignatureClaim(fields, query: [UInt8]().span)
    }

    private func key(_ claim: SignatureClaim) -> ClaimKey {
        ClaimKey(secret: Secret(copying: claim.accessKeyID.span), for: claim)
    }

    @Test func aKeyIsGoodForWhatItWasMadeFor() throws {
        var table = ClaimKeyTable()
        let first = try claim("bhh1_alice")
        let made = key(first)
        table.insert(made, of: first, until: now + .seconds(60), now: now)
        #expect(table.find(first, now: now) === made)
        for other in [
            try claim("bhh1_alice", day: "20150831"), try claim("bhh1_alice", region: "us-east-2"),
            try claim("bhh1_alice", service: "s3x"), try claim("bhh1_alicf"), try claim("bhh1_blice"),
            try claim("hh1_alice"),
        ] {
            #expect(table.find(other, now: now) == nil)
        }
    }

    /// Another's access key id in the same place of the table finds nothing, whatever the place.
    @Test func idsThatShareAPlaceShareNothing() throws {
        var table = ClaimKeyTable()
        var known: [(SignatureClaim, ClaimKey)] = []
        for number in 0..<600 {
            // All ends alike: all in one place.
            let one = try claim("bhh1_tenant\(number)-the-same-end")
            #expect(table.find(one, now: now) == nil)
            let made = key(one)
            table.insert(made, of: one, until: now + .seconds(60), now: now)
            #expect(table.find(one, now: now) === made)
            known.append((one, made))
            #expect(table.count == 1)
        }
        for (one, made) in known {
            if let found = table.find(one, now: now) { #expect(found === made) }
        }
    }

    @Test func aKeyEndsWithItsHandle() throws {
        var table = ClaimKeyTable()
        let one = try claim("bhh1_alice")
        weak var gone: ClaimKey?
        do {
            let made = key(one)
            gone = made
            table.insert(made, of: one, until: now + .seconds(60), now: now)
        }
        #expect(table.find(one, now: now + .seconds(59)) != nil)
        #expect(gone != nil)
        #expect(table.find(one, now: now + .seconds(60)) == nil)
        #expect(gone == nil, "overwritten")
        // However long the handle lives, none stays for longer than a quarter of an hour.
        table.insert(key(one), of: one, until: now + .seconds(86_400), now: now)
        #expect(table.find(one, now: now + .seconds(899)) != nil)
        #expect(table.find(one, now: now + .seconds(900)) == nil)
        // Those that nobody asks for go when others come.
        for number in 0..<200 {
            let other = try claim("bhh1_\(number)")
            table.insert(key(other), of: other, until: now + .seconds(10), now: now)
        }
        let before = table.count
        for number in 0..<300 {
            let other = try claim("bhh1_later\(number)")
            table.insert(key(other), of: other, until: now + .seconds(900), now: now + .seconds(20))
        }
        #expect(before > 100)
        for number in 0..<200 {
            #expect(table.find(try claim("bhh1_\(number)"), now: now) == nil)
        }
        table.removeAll()
        #expect(table.count == 0)
    }

    /// Values that are copied in one piece, and those that are not.
    @Test(arguments: [
        ("a", "a"), ("a b c", "a b c"), ("a  b", "a b"), ("a\tb", "a b"), ("a \t b  c", "a b c"), ("", ""),
    ])
    func valuesAreTrimmedInside(_ value: String, _ canonical: String) throws {
        var fields = Fields()
        try fields.append(name: "x-amz-meta-a", value: value.bytes.span)
        var headers = SignedHeaders()
        try headers.collect(fields) { _, _ in true }
        var request = CanonicalRequest()
        let (path, host, none) = ("/".bytes, " h  i ".bytes, [UInt8]())
        let parts = SignedParts(
            method: .get,
            path: path.span,
            query: none.span,
            host: host.span,
            payload: none.span
        )
        _ = try request.digest(parts, fields, headers, .once)
        let text = "GET\n/\n\nhost:h i\nx-amz-meta-a:\(canonical)\n\nhost;x-amz-meta-a\n"
        let canonicalised = request.text.string()
        #expect(canonicalised == text)
    }

    @Test func namesAreInOrderAndOnce() throws {
        var fields = Fields()
        for name in ["X-Amz-Date", "content-type", "x-amz-date", "Accept", "x-amz", "Host", "x-amz-dat"] {
            try fields.append(name: name.bytes.span, value: "1".bytes.span)
        }
        var headers = SignedHeaders()
        for _ in 0..<2 {
            try headers.collect(fields) { known, _ in known != .accept }
            let list = headers.text.string()
            let isHost = headers.name(1).equals("host")
            #expect(list == "content-type;host;x-amz;x-amz-dat;x-amz-date")
            #expect(isHost)
        }
    }
}
