// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import JSON
import TestSupport
import Testing

/// The published test suite for SigV4, byte for byte, in both directions: every folder that is there.
@Suite(.enabled(if: Corpora.has("sigv4"), "the corpora are not here"))
struct SuiteTests {
    /// One folder, as its context says.
    struct Case: CustomTestStringConvertible, Sendable {
        let folder: String
        var testDescription: String { folder.split(separator: "/").last.map(String.init) ?? folder }

        func text(_ name: String) -> [UInt8] { Corpora.read("\(folder)/\(name)") }
    }

    private struct Context {
        let credential: AWSCredential
        let scope: SigningScope
        let time: SigningTime
        let form: PathForm
        let signsBody: Bool
        let omitsToken: Bool
        let token: [UInt8]?
        let lifetime: Int

        init(_ text: [UInt8]) throws {
            let parsed = try JSONValue.parse(text.span).object
            let json = try #require(parsed)
            let keys = try #require(json["credentials"]?.object)
            let token = keys["token"]?.string
            let omits = json["omit_session_token"]?.bool ?? false
            credential = AWSTests.credential(
                keys["access_key_id"]?.string ?? "",
                keys["secret_access_key"]?.string ?? "",
                token: omits ? nil : token
            )
            self.token = token?.bytes
            omitsToken = omits
            scope = SigningScope(region: json["region"]?.string ?? "", service: json["service"]?.string ?? "")
            time = try #require(SigningTime(iso: json["timestamp"]?.string ?? ""))
            form = json["normalize"]?.bool ?? true ? .twice : .twiceUnresolved
            signsBody = json["sign_body"]?.bool ?? false
            lifetime = Int(json["expiration_in_seconds"]?.integer ?? 3600)
        }

        var key: DayKey { DayKey(secret: credential.secret, day: time.day, scope: scope) }
    }

    /// Folders with a request, however deep.
    private static func folders(in folder: String) -> [String] {
        let names = Corpora.names(folder)
        if names.contains("request.txt") { return [folder] }
        return names.filter { !$0.contains(".") || $0 == "v4" }.flatMap { folders(in: "\(folder)/\($0)") }
    }

    static let cases = folders(in: "sigv4").filter { !$0.contains("v4a") }.map { Case(folder: $0) }

    @Test func thereAreCases() { #expect(Self.cases.count >= 38) }

    private func expectSame(_ ours: borrowing Span<UInt8>, _ file: String, _ item: Case) {
        let text = ours.string() ?? ""
        #expect(text == String(decoding: item.text(file), as: UTF8.self), "\(item.folder)/\(file)")
    }

    private func digest(of body: [UInt8]) -> [UInt8] {
        let digest = SHA256.hash(body.span)
        return Hex.encode(digest.bytes).bytes
    }

    @Test(arguments: cases)
    func headersAreSigned(_ item: Case) throws {
        let context = try Context(item.text("context.json"))
        let request = try #require(RawRequest(item.text("request.txt")))
        var fields = try request.makeFields()
        let payload = digest(of: request.body)
        if context.signsBody { try fields.append(.xAmzContentSha256, value: payload.span) }
        let host = try #require(request.value("host"))
        let parts = SignedParts(
            method: request.method,
            path: request.path.span,
            query: request.query.span,
            host: host.span,
            payload: payload.span
        )
        var signer = RequestSigner()
        var key = context.key
        try signer.sign(
            parts,
            &fields,
            with: context.credential,
            &key,
            context.scope,
            form: context.form,
            at: context.time
        )
        expectSame(signer.canonicalText, "header-canonical-request.txt", item)
        let found = fields.first(.authorization)
        let value = fields.value(at: try #require(found))
        expectSame(value.extracting((value.count - 64)..<value.count), "header-signature.txt", item)
        let signed = try #require(RawRequest(item.text("header-signed-request.txt")))
        // A token that is added behind the signature is not the signer's to write.
        let ours =
            Self.lines(fields) + (context.omitsToken ? ["x-amz-security-token:" + text(context.token)] : [])
        let theirs = Self.lines(try signed.makeFields())
        #expect(ours.sorted() == theirs.sorted())
        #expect(signed.path == request.path && signed.query == request.query && signed.body == request.body)
    }

    @Test(arguments: cases)
    func textsAreSigned(_ item: Case) throws {
        let context = try Context(item.text("context.json"))
        let canonical = item.text("header-canonical-request.txt")
        var text = Buffer()
        text.append("AWS4-HMAC-SHA256\n")
        text.append(context.time.text.span)
        text.append("\n")
        context.scope.append(day: context.time.day, to: &text)
        text.append("\n")
        text.append(digest(of: canonical))
        expectSame(text.bytes, "header-string-to-sign.txt", item)
        var key = context.key
        let signature = key.sign(text.bytes)
        let ours = Hex.encode(signature.bytes)
        #expect(ours.bytes == item.text("header-signature.txt"))
    }

    @Test(arguments: cases)
    func queriesAreSigned(_ item: Case) throws {
        let context = try Context(item.text("context.json"))
        let request = try #require(RawRequest(item.text("request.txt")))
        let fields = try request.makeFields()
        let payload = digest(of: request.body)
        let host = try #require(request.value("host"))
        let parts = SignedParts(
            method: request.method,
            path: request.path.span,
            query: request.query.span,
            host: host.span,
            payload: payload.span
        )
        var signer = RequestSigner()
        var key = context.key
        var query = Buffer()
        try signer.presign(
            parts,
            fields,
            with: context.credential,
            &key,
            context.scope,
            form: context.form,
            lifetime: context.lifetime,
            at: context.time,
            into: &query
        )
        expectSame(signer.canonicalText, "query-canonical-request.txt", item)
        expectSame(signer.signedText, "query-string-to-sign.txt", item)
        let all = query.bytes
        expectSame(all.extracting((all.count - 64)..<all.count), "query-signature.txt", item)
        if !context.omitsToken {
            let signed = try #require(RawRequest(item.text("query-signed-request.txt")))
            let ours = query.text
            #expect(ours == text(signed.query))
        }
    }

    @Test(arguments: cases)
    func signedRequestsAreVerified(_ item: Case) throws {
        let context = try Context(item.text("context.json"))
        for file in ["header-signed-request.txt", "query-signed-request.txt"] {
            var request = try #require(RawRequest(item.text(file)))
            if context.omitsToken, file.hasPrefix("query") {
                // The token of some services joins the query behind the signature. Ours are all signed.
                #expect(throws: SignatureFailure.mismatch) { try verify(request, context) }
                let parameters = request.query.split(separator: UInt8(ascii: "&"))
                request.query = Array(
                    parameters.filter { !$0.starts(with: "X-Amz-Security-Token=".bytes) }.joined(
                        separator: "&".bytes
                    )
                )
            }
            try verify(request, context)
            // A signature is good for this request alone.
            var other = request
            other.path += "x".bytes
            #expect(throws: SignatureFailure.mismatch, "\(file): path") { try verify(other, context) }
            other = request
            other.method = request.method == .get ? .post : .get
            #expect(throws: SignatureFailure.mismatch, "\(file): method") { try verify(other, context) }
            other = request
            other.query += "&a=b".bytes
            #expect(throws: SignatureFailure.mismatch, "\(file): query") { try verify(other, context) }
            other = request
            other.body += "x".bytes
            let isNamed = request.value("x-amz-content-sha256") != nil
            if !isNamed {
                #expect(throws: SignatureFailure.mismatch, "\(file): body") { try verify(other, context) }
            }
            for index in request.fields.indices where !isDate(request, index) {
                other = request
                other.fields[index].value += "0".bytes
                #expect(throws: SignatureFailure.self, "\(file): field \(index)") {
                    try verify(other, context)
                }
            }
        }
    }

    /// The session token that is not signed may be anything; Bulkhead drops it.
    private func isDate(_ request: RawRequest, _ index: Int) -> Bool {
        let name = request.fields[index].name
        if name.span.equalsIgnoringCase("x-amz-security-token") {
            return !(text(request.value("authorization")).contains("x-amz-security-token"))
        }
        return false
    }

    private func verify(_ request: RawRequest, _ context: Context) throws(SignatureFailure) {
        let fields: Fields
        do { fields = try request.makeFields() } catch { throw .malformed }
        let claim = try SignatureClaim(fields, query: request.query.span)
        try claim.checkTime(now: context.time.time)
        let payload = claim.payloadText(fields) ?? digest(of: request.body)
        let host = request.value("host") ?? []
        let parts = SignedParts(
            method: request.method,
            path: request.path.span,
            query: request.query.span,
            host: host.span,
            payload: payload.span
        )
        var signer = RequestSigner()
        try signer.verify(claim, secret: context.credential.secret, parts, fields, form: context.form)
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    /// `name:value`, the name in lower case.
    private static func lines(_ fields: borrowing Fields) -> [String] {
        var lines: [String] = []
        for index in fields.indices {
            let name = fields.name(at: index).string() ?? ""
            let value = fields.value(at: index).string() ?? ""
            lines.append("\(name.lowercased()):\(value)")
        }
        return lines
    }
}
