// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto
import JSON

/// A token as a signed message (RFC 7515), whatever its payload says: taken apart by `open`, then held against an
/// issuer's keys by `verify`. One per worker, for its scratch space.
///
/// Only the compact form exists here: three parts of strict base64url. The JSON serialisation and JWE, which has
/// five parts, are no tokens.
package struct SignedToken: ~Copyable, Sendable {
    private(set) var payload = Buffer()
    private var header = Buffer()
    private var signature = Buffer()
    private var members = JSONMembers(maximumCount: 32)
    /// Bytes of the token that the signature covers: header, dot and payload as they were sent.
    private var signedCount = 0

    package init() {}

    /// Takes a token apart. Nothing of it is proven yet.
    /// - Throws: `tokenMalformed`, `headerRefused`, `algorithmRefused`.
    package mutating func open(
        _ token: Span<UInt8>,
        maximumBytes: Int
    ) throws(IdentityFailure) -> TokenHeader {
        let parts = try CompactToken(token, maximumBytes: maximumBytes)
        header.removeAll()
        payload.removeAll()
        signature.removeAll()
        guard Base64URL.decode(token.extracting(parts.header), into: &header),
            Base64URL.decode(token.extracting(parts.payload), into: &payload),
            Base64URL.decode(token.extracting(parts.signature), into: &signature)
        else { throw .tokenMalformed }
        do throws(JSONError) {
            try Self.read(&members, header)
        } catch {
            throw .tokenMalformed
        }
        let head = try TokenHeader(header.bytes, members)
        // Looked at after the header, so that `alg: none` is refused by its name.
        if parts.signature.isEmpty { throw .tokenMalformed }
        signedCount = parts.payload.end
        return head
    }

    /// The key that the token's signature is by; nil when the keys have none under the id that it names.
    /// - Parameters:
    ///   - token: what was opened last, and `header` what that said.
    ///   - algorithms: those that the issuer uses.
    /// - Throws: `algorithmRefused`, `keyAmbiguous`, `signatureInvalid`.
    package func verify(
        _ token: Span<UInt8>,
        _ header: TokenHeader,
        by keys: KeySet,
        _ algorithms: [SignatureAlgorithm]
    ) throws(IdentityFailure) -> KeySet.Key? {
        guard algorithms.contains(header.algorithm) else { throw .algorithmRefused }
        let key: KeySet.Key
        switch keys.find(header.keyID, header.algorithm) {
        case .found(let found): key = found
        case .unknown: return nil
        case .otherAlgorithm: throw .algorithmRefused
        case .ambiguous: throw .keyAmbiguous
        }
        let message = token.extracting(0..<signedCount)
        guard key.key.verify(header.algorithm, message: message, signature: signature.bytes) else {
            throw .signatureInvalid
        }
        return key
    }

    private static func read(_ members: inout JSONMembers, _ header: borrowing Buffer) throws(JSONError) {
        try members.readStrictly(header.bytes, maximumDepth: 4)
    }
}

extension JSONMembers {
    /// Reads an object in which no name stands twice at any depth: another reader could see the other value.
    /// Cost: values that hold others, which tokens seldom have, are read into memory.
    mutating func readStrictly(_ bytes: Span<UInt8>, maximumDepth: Int) throws(JSONError) {
        try read(bytes, maximumDepth: maximumDepth)
        for place in 0..<count {
            switch self[place].token {
            case .beginObject, .beginArray: _ = try JSONValue.parse(bytes.extracting(self[place].value))
            default: continue
            }
        }
    }
}

/// Where the three parts of a token stand (RFC 7515 §7.1): no more, no fewer.
private struct CompactToken {
    let header: ByteRange
    let payload: ByteRange
    let signature: ByteRange

    init(_ token: Span<UInt8>, maximumBytes: Int) throws(IdentityFailure) {
        guard token.count <= maximumBytes, let first = token.firstIndex(of: UInt8(ascii: ".")),
            let second = token.firstIndex(of: UInt8(ascii: "."), from: first + 1),
            token.firstIndex(of: UInt8(ascii: "."), from: second + 1) == nil
        else { throw .tokenMalformed }
        header = ByteRange(start: 0, count: first)
        payload = ByteRange(start: first + 1, count: second - first - 1)
        signature = ByteRange(start: second + 1, count: token.count - second - 1)
        if header.isEmpty { throw .tokenMalformed }
    }
}
