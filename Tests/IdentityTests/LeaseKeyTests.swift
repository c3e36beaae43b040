// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import Testing

/// Keys for the process behind a leased endpoint (THREATS 23).
@Suite struct LeaseKeyTests {
    private static func secret(_ letter: String) -> Secret {
        Secret(copying: Array(String(repeating: letter, count: 40).utf8).span)
    }

    private static let now = WallTime(seconds: 1_700_000_000)

    private static func key(_ codec: inout LeaseKeyCodec, endpoint: String = "agent/0") -> [UInt8] {
        var output = Buffer()
        codec.seal(endpoint: endpoint, instance: 7, epoch: 3, expires: now + .seconds(60), into: &output)
        return output.bytes.array()
    }

    private static func failure(
        _ codec: inout LeaseKeyCodec,
        _ key: [UInt8],
        endpoint: String = "agent/0",
        instance: UInt64 = 7,
        epoch: UInt64 = 3,
        after seconds: Int64 = 0
    ) -> IdentityFailure? {
        codec.failure(
            of: key.span,
            endpoint: endpoint,
            instance: instance,
            epoch: epoch,
            now: now + .seconds(seconds)
        )
    }

    @Test func isGoodThroughItsEndpointInItsLease() {
        var codec = LeaseKeyCodec(current: Self.secret("a"))
        let key = Self.key(&codec)
        #expect(LeaseKeyCodec.isLeaseKey(key.span) && !HandleCodec.isHandle(key.span))
        #expect(Self.failure(&codec, key) == nil)
        #expect(Self.failure(&codec, key, after: 59) == nil)
        #expect(Self.failure(&codec, key, after: 60) == .handleExpired)
        #expect(Self.failure(&codec, key, endpoint: "agent/1") == .handleForeign)
        #expect(Self.failure(&codec, key, instance: 8) == .handleExpired)
        for epoch: UInt64 in [2, 4] { #expect(Self.failure(&codec, key, epoch: epoch) == .handleExpired) }
    }

    @Test func anAlteredOneIsNone() {
        var codec = LeaseKeyCodec(current: Self.secret("a"))
        let key = Self.key(&codec)
        for index in key.indices.dropFirst(5) {
            var other = key
            other[index] = other[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(Self.failure(&codec, other) != nil)
        }
        for count in key.indices { #expect(Self.failure(&codec, Array(key[..<count])) == .handleInvalid) }
        #expect(Self.failure(&codec, key + key) == .handleInvalid)
        #expect(Self.failure(&codec, Array("AKIDEXAMPLE".utf8)) == .handleInvalid)
        #expect(Self.failure(&codec, Array("bhl1_".utf8)) == .handleInvalid)
    }

    @Test func thePreviousKeyStillOpens() {
        var old = LeaseKeyCodec(current: Self.secret("a"))
        var new = LeaseKeyCodec(current: Self.secret("b"), previous: Self.secret("a"))
        var other = LeaseKeyCodec(current: Self.secret("c"))
        let key = Self.key(&old)
        #expect(Self.failure(&new, key) == nil)
        #expect(Self.failure(&other, key) == .handleInvalid)
    }

    /// Each process of an endpoint has an epoch of its own.
    @Test func clearedEndpointsBeginAnew() {
        let endpoints = LeasedEndpoints()
        #expect(endpoints.epoch(of: "agent/0") == 0)
        endpoints.clear("agent/0")
        #expect(endpoints.epoch(of: "agent/0") == 1 && endpoints.epoch(of: "agent/1") == 0)
        #expect(endpoints.find("agent/0", now: Self.now) == nil)
    }
}
