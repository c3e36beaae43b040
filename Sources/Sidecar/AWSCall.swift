// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import Runtime

/// One signed request of Bulkhead's own to a service of AWS: STS, DynamoDB, IAM, Cognito.
struct AWSCall {
    var scope: SigningScope
    var keys: AWSCredential
    var method = Method.post
    /// Path and query, as they go out.
    var target: String
    var body: [UInt8]
    var contentType: StaticString
    /// Further fields that are signed too; names in lower case.
    var fields: [(name: String, value: [UInt8])] = []

    static let form: StaticString = "application/x-www-form-urlencoded; charset=utf-8"
    static let json10: StaticString = "application/x-amz-json-1.0"
    static let json11: StaticString = "application/x-amz-json-1.1"

    /// - Parameter now: nil: as the clock says.
    func send(
        to server: ControlClient.Target,
        _ client: ControlClient,
        deadline: Instant
    ) async throws(FetchError) -> ControlClient.Reply {
        try await client.fetch(
            method,
            target,
            at: server,
            body: body,
            contentType: body.isEmpty ? nil : contentType,
            adding: try signed(server.authority, now: Clock.wallTime()),
            deadline: deadline
        )
    }

    /// The fields of this request, with those that signing adds.
    func signed(_ authority: String, now: WallTime) throws(FetchError) -> [(name: String, value: [UInt8])] {
        let time = SigningTime(now)
        var key = DayKey(secret: keys.secret, day: time.day, scope: scope)
        var signer = RequestSigner()
        var payload = Buffer()
        signer.append(digestOf: body.span, to: &payload)
        var all = Fields()
        if !body.isEmpty { all.append(.contentType, value: contentType) }
        do throws(FieldError) {
            for field in fields { try all.append(name: field.name.utf8Span.span, value: field.value.span) }
        } catch {
            throw .field
        }
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        let path = Array(target[..<mark].utf8)
        let query = Array(target[mark...].dropFirst().utf8)
        let host = Array(authority.utf8)
        let parts = SignedParts(
            method: method,
            path: path.span,
            query: query.span,
            host: host.span,
            payload: payload.bytes
        )
        do throws(SignatureFailure) {
            try signer.sign(parts, &all, with: keys, &key, scope, at: time)
        } catch {
            throw .field
        }
        var added: [(name: String, value: [UInt8])] = []
        for index in all.indices where all.known(at: index) != .contentType {
            added.append((all.name(at: index).string() ?? "", all.value(at: index).array()))
        }
        return added
    }
}
