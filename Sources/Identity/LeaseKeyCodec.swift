// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// Makes and opens the access key ids that the process behind a leased endpoint gets. Such an id says through which endpoint
/// and in which lease it was given, and nothing of a person: whose a call is, the lease says alone (THREATS 2, 23).
///
/// ```
/// "bhl1_" base64url( endpoint, 1 + n | instance 8 | epoch 8 | expires in ns, 8 | MAC, 16 )
/// MAC = first 16 bytes of HMAC-SHA-256(lease key, what stands before it)
/// ```
/// Letters, digits, `-` and `_` only. Cost: one HMAC either way.
package struct LeaseKeyCodec: ~Copyable {
    package static let prefix: StaticString = "bhl1_"
    private static let fixedBytes = 24
    private static let macBytes = 16
    private static let maximumBytes = 256

    private var current: HMACSHA256
    private var previous: HMACSHA256?
    private var scratch = Buffer()

    /// - Parameters:
    ///   - current: `keys.current`; the key for this purpose is derived here, and seals.
    ///   - previous: `keys.previous`, which still opens.
    package init(current: Secret, previous: Secret? = nil) {
        self.current = HMACSHA256(key: Self.key(current))
        self.previous = nil
        if let previous { self.previous = HMACSHA256(key: Self.key(previous)) }
    }

    private static func key(_ secret: Secret) -> Secret {
        HKDF.derive(from: secret, label: "bulkhead lease key v1")
    }

    package static func isLeaseKey(_ accessKeyID: Span<UInt8>) -> Bool { accessKeyID.hasPrefix(prefix) }

    /// Appends an id.
    /// - Parameters:
    ///   - endpoint: `agent/0`, up to 68 bytes.
    ///   - instance: of this process, as `OpenExchanges` has it.
    package mutating func seal(
        endpoint: String,
        instance: UInt64,
        epoch: UInt64,
        expires: WallTime,
        into output: inout Buffer
    ) {
        precondition((1...255).contains(endpoint.utf8.count), "an endpoint's name has a length of one byte")
        scratch.removeAll()
        scratch.append(UInt8(endpoint.utf8.count))
        scratch.append(endpoint.utf8Span.span)
        scratch.append(bigEndian: instance)
        scratch.append(bigEndian: epoch)
        scratch.append(bigEndian: UInt64(bitPattern: expires.nanoseconds))
        let mac = Self.authenticate(&current, scratch, scratch.count)
        scratch.append(mac.bytes.extracting(0..<Self.macBytes))
        output.append(Self.prefix)
        Base64URL.encode(scratch.bytes, into: &output)
    }

    /// What is wrong with an id that came in where `endpoint`'s calls do, in the lease of `epoch`; nil where nothing is.
    package mutating func failure(
        of accessKeyID: Span<UInt8>,
        endpoint: String,
        instance: UInt64,
        epoch: UInt64,
        now: WallTime
    ) -> IdentityFailure? {
        scratch.removeAll()
        guard Self.isLeaseKey(accessKeyID), accessKeyID.count <= Self.maximumBytes,
            Base64URL.decode(
                accessKeyID.extracting(Self.prefix.utf8CodeUnitCount..<accessKeyID.count),
                into: &scratch
            ), scratch.count > 1 + Self.fixedBytes + Self.macBytes
        else { return .handleInvalid }
        let end = scratch.count - Self.macBytes
        let name = 1..<(end - Self.fixedBytes)
        guard Int(scratch.bytes[0]) == name.count, isAuthentic(end) else { return .handleInvalid }
        guard scratch.bytes.extracting(name).equals(endpoint.utf8Span.span) else { return .handleForeign }
        let words = scratch.bytes.extracting(name.upperBound..<end)
        guard Self.word(words, 0) == instance, Self.word(words, 8) == epoch else { return .handleExpired }
        let expires = WallTime(nanoseconds: Int64(bitPattern: Self.word(words, 16)))
        return now < expires ? nil : .handleExpired
    }

    private mutating func isAuthentic(_ end: Int) -> Bool {
        let first = Self.authenticate(&current, scratch, end)
        if Self.matches(first, scratch, end) { return true }
        if previous == nil { return false }
        let second = Self.authenticate(&previous!, scratch, end)
        return Self.matches(second, scratch, end)
    }

    private static func authenticate(
        _ key: inout HMACSHA256,
        _ message: borrowing Buffer,
        _ end: Int
    ) -> Digest {
        key.authenticate(message.bytes.extracting(0..<end))
    }

    private static func matches(_ mac: borrowing Digest, _ message: borrowing Buffer, _ end: Int) -> Bool {
        constantTimeEquals(
            mac.bytes.extracting(0..<macBytes),
            message.bytes.extracting(end..<message.count)
        )
    }

    private static func word(_ bytes: borrowing Span<UInt8>, _ start: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in start..<start + 8 { word = word << 8 | UInt64(bytes[index]) }
        return word
    }
}
