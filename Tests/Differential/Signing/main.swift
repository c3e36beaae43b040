// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import JSON

/// For sigv4.py: each line of standard input is a request in JSON that another signer has signed. Answered is, for each, what
/// verifying it came to, and the signature that Bulkhead makes of the same request.

enum Unreadable: Error { case request }

struct Request {
    let method: Method
    let path: [UInt8]
    let query: [UInt8]
    let host: [UInt8]
    let body: [UInt8]
    let fields: [(name: [UInt8], value: [UInt8])]
    let secret: Secret
    let token: Secret?
    let lifetime: Int?

    init(_ line: String) throws {
        guard let json = try JSONValue.parse(line.utf8Span.span).object,
            let method = Method((json["method"]?.string ?? "").utf8Span.span),
            let headers = json["headers"]?.array
        else { throw Unreadable.request }
        func text(_ name: String) -> [UInt8] { Array((json[name]?.string ?? "").utf8) }
        self.method = method
        path = text("path")
        query = text("query")
        host = text("host")
        body = text("body")
        secret = Secret(copying: text("secret").span)
        token = json["token"]?.string.map { Secret(copying: Array($0.utf8).span) }
        lifetime = json["lifetime"]?.integer.map { Int($0) }
        fields = headers.map { pair in
            (Array((pair.array?[0].string ?? "").utf8), Array((pair.array?[1].string ?? "").utf8))
        }
    }

    /// - Parameter isBare: without what the signature added.
    func makeFields(isBare: Bool) throws -> Fields {
        let added: [StaticString] = ["authorization", "x-amz-date", "x-amz-security-token"]
        var all = Fields()
        for field in fields {
            if isBare, added.contains(where: { field.name.span.equalsIgnoringCase($0) }) { continue }
            try all.append(name: field.name.span, value: field.value.span)
        }
        return all
    }

    /// The query without what the signature added.
    var bareQuery: [UInt8] {
        var bare = Buffer()
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query.span) {
            if SignatureClaim.isOurs(query.span.extracting(parameter.name)) { continue }
            if !bare.isEmpty { bare.append(UInt8(ascii: "&")) }
            bare.append(query.span.extracting(parameter.whole))
        }
        return bare.bytes.array()
    }
}

func answer(_ line: String) throws -> String {
    let request = try Request(line)
    let fields = try request.makeFields(isBare: false)
    let claim = try SignatureClaim(fields, query: request.query.span)
    var signer = RequestSigner()
    var digest = Buffer()
    signer.append(digestOf: request.body.span, to: &digest)
    let payload = claim.payloadText(fields) ?? digest.bytes.array()
    let parts = SignedParts(
        method: request.method,
        path: request.path.span,
        query: request.query.span,
        host: request.host.span,
        payload: payload.span
    )
    var verdict = "verified"
    do throws(SignatureFailure) {
        try signer.verify(claim, secret: request.secret, parts, fields)
    } catch {
        verdict = "\(error)"
    }
    let credential = AWSCredential(
        accessKeyID: claim.accessKeyID,
        secret: request.secret,
        sessionToken: request.token
    )
    var key = DayKey(secret: request.secret, day: claim.time.day, scope: claim.scope)
    var bare = try request.makeFields(isBare: true)
    if let lifetime = request.lifetime {
        let query = request.bareQuery
        let unsigned = SignedParts(
            method: request.method,
            path: request.path.span,
            query: query.span,
            host: request.host.span,
            payload: payload.span
        )
        var all = Buffer()
        try signer.presign(
            unsigned,
            bare,
            with: credential,
            &key,
            claim.scope,
            lifetime: lifetime,
            at: claim.time,
            into: &all
        )
        let signature = all.bytes.extracting((all.count - 64)..<all.count)
        return "\(verdict) \(signature.string() ?? "")"
    }
    try signer.sign(parts, &bare, with: credential, &key, claim.scope, at: claim.time)
    guard let index = bare.first(.authorization) else { throw Unreadable.request }
    return "\(verdict) \(bare.value(at: index).string() ?? "")"
}

while let line = readLine() {
    do {
        print(try answer(line))
    } catch {
        print("failed \(error)")
    }
}
