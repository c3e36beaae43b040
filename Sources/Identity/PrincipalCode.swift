// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON

/// The one encoding of a principal: hashed for its digest, carried in handles.
///
/// ```
/// version 1 | length of the rest without padding, 2 bytes
/// issuer name | issuer fingerprint, 8 | tenant | user | tier name | token id, 16 | expiry in ns, 8
/// key fingerprint, 8
/// number of groups, 2 | each group | number of tags, 2 | each name and its JSON | zeros up to a multiple of 3
/// ```
/// Texts have their length in two bytes before them, numbers are big-endian. Each principal has one encoding and
/// no encoding is the beginning of another. The padding lets base64url text be put together of pieces.
enum PrincipalCode {
    static let version: UInt8 = 1
    /// Leaves room for the rest of a handle within `HandleCodec.maximumBytes`.
    static let maximumBytes = 5400

    /// - Returns: false when it would be too long, with an undefined rest in `output`.
    static func encode(
        _ claims: PrincipalClaims,
        issuer: Issuer,
        tier: Tier,
        into output: inout Buffer
    ) -> Bool {
        var content = Buffer()
        append(issuer.name, &content)
        content.append(bigEndian: issuer.fingerprint)
        append(claims.tenant.text, &content)
        append(claims.user.text, &content)
        append(tier.name, &content)
        content.append(claims.tokenID)
        content.append(bigEndian: UInt64(bitPattern: claims.expiry.nanoseconds))
        content.append(bigEndian: claims.keyFingerprint)
        guard claims.groups.count <= maximumBytes, claims.tags.count <= maximumBytes else { return false }
        content.append(bigEndian: UInt16(claims.groups.count))
        for group in claims.groups {
            guard group.utf8.count <= maximumBytes else { return false }
            append(group, &content)
        }
        content.append(bigEndian: UInt16(claims.tags.count))
        for (name, value) in claims.tags.members {
            var json = Buffer()
            value.write(into: &json)
            guard name.utf8.count <= maximumBytes, json.count <= maximumBytes else { return false }
            append(name, &content)
            content.append(bigEndian: UInt16(json.count))
            content.append(json.bytes)
        }
        guard content.count <= maximumBytes else { return false }
        output.append(version)
        output.append(bigEndian: UInt16(content.count))
        output.append(content.bytes)
        for _ in 0..<padding(content.count) { output.append(0) }
        return true
    }

    /// How many bytes at the start of `bytes` are the encoding, padding included. Nil when that is not there.
    static func count(_ bytes: Span<UInt8>) -> Int? {
        var cursor = ByteCursor(bytes)
        guard cursor.byte() == version, let content = cursor.uint16() else { return nil }
        let count = 3 + Int(content) + padding(Int(content))
        return count <= bytes.count ? count : nil
    }

    struct Decoded {
        var issuerName: [UInt8]
        var fingerprint: UInt64
        var tier: String
        var claims: PrincipalClaims
    }

    /// Reads what `encode` wrote; `bytes` are exactly one encoding. Nil for anything else.
    static func decode(_ bytes: Span<UInt8>) -> Decoded? {
        var cursor = ByteCursor(bytes)
        guard cursor.byte() == version, let content = cursor.uint16(), let issuer = cursor.prefixed(),
            let fingerprint = cursor.uint64(), let tenant = cursor.text().flatMap({ TenantID($0) }),
            let user = cursor.text().flatMap({ UserID($0) }), let tier = cursor.text(),
            let tokenID = cursor.take(16), let expiry = cursor.uint64(), let key = cursor.uint64(),
            let groupCount = cursor.uint16()
        else { return nil }
        var groups: [String] = []
        for _ in 0..<groupCount {
            guard let group = cursor.text() else { return nil }
            groups.append(group)
        }
        guard let tagCount = cursor.uint16() else { return nil }
        var tags = JSONObject()
        for _ in 0..<tagCount {
            guard let name = cursor.text(), let json = cursor.prefixed(),
                let value = try? JSONValue.parse(bytes.extracting(json)), tags.append(name, value)
            else { return nil }
        }
        guard cursor.position == 3 + Int(content), bytes.count == cursor.position + padding(Int(content))
        else {
            return nil
        }
        for index in cursor.position..<bytes.count where bytes[index] != 0 { return nil }
        return Decoded(
            issuerName: bytes.extracting(issuer).array(),
            fingerprint: fingerprint,
            tier: tier,
            claims: PrincipalClaims(
                tenant: tenant,
                user: user,
                groups: groups,
                tags: tags,
                tokenID: bytes.extracting(tokenID).array(),
                expiry: WallTime(nanoseconds: Int64(bitPattern: expiry)),
                keyFingerprint: key
            )
        )
    }

    private static func padding(_ content: Int) -> Int { (3 - content % 3) % 3 }

    private static func append(_ text: String, _ output: inout Buffer) {
        output.append(bigEndian: UInt16(text.utf8.count))
        output.append(string: text)
    }
}
