// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import Gateway
import HTTPTypes
import Runtime
import TLS

/// Asks STS for the keys of a role.
struct STSVendor: Sendable {
    let region: String
    let endpoint: WebURL
    let tls: TLSContext?
    let base: BaseKeySource

    static let timeout = Interval.seconds(8)
    private static let contentType: StaticString = "application/x-www-form-urlencoded; charset=utf-8"

    /// Sends a form that `STSPlan` made, signed with the keys that are given.
    func assumeRole(
        _ form: [UInt8],
        with keys: AWSCredential,
        _ client: ControlClient
    ) async throws(STSFailure) -> AWSCredential {
        let fields = try signed(form, keys, now: Clock.wallTime())
        return try await send(form, fields, client)
    }

    /// The keys of the role that a web identity token names: this call is signed by nobody.
    func assumeRole(
        _ role: String,
        session: String,
        webIdentity token: [UInt8],
        _ client: ControlClient
    ) async throws(STSFailure) -> AWSCredential {
        var form = Buffer()
        let members: [(StaticString, [UInt8])] = [
            ("Action", Array("AssumeRoleWithWebIdentity".utf8)), ("Version", Array("2011-06-15".utf8)),
            ("RoleArn", Array(role.utf8)), ("RoleSessionName", Array(session.utf8)),
            ("WebIdentityToken", token),
        ]
        for (name, value) in members {
            Query.append(name: name.bytes, value: value.span, isFirst: form.isEmpty, into: &form)
        }
        let body = form.bytes.array()
        form.wipe()
        return try await send(body, [], client)
    }

    private func send(
        _ form: [UInt8],
        _ fields: [(name: String, value: [UInt8])],
        _ client: ControlClient
    ) async throws(STSFailure) -> AWSCredential {
        let reply: ControlClient.Reply
        do throws(FetchError) {
            reply = try await client.fetch(
                .post,
                endpoint.target,
                at: endpoint.target(tls: tls),
                body: form,
                contentType: Self.contentType,
                adding: fields,
                deadline: Clock.now() + Self.timeout
            )
        } catch {
            throw .unavailable
        }
        let body = reply.body
        return try STSResponse.read(body.span, status: reply.status)
    }

    /// What signing adds to the fields that `ControlClient` writes.
    private func signed(
        _ form: [UInt8],
        _ keys: AWSCredential,
        now: WallTime
    ) throws(STSFailure) -> [(name: String, value: [UInt8])] {
        let scope = SigningScope(region: region, service: "sts")
        let time = SigningTime(now)
        var key = DayKey(secret: keys.secret, day: time.day, scope: scope)
        var signer = RequestSigner()
        var payload = Buffer()
        signer.append(digestOf: form.span, to: &payload)
        var fields = Fields()
        fields.append(.contentType, value: Self.contentType)
        let path = Array(endpoint.target.utf8)
        let host = Array(endpoint.authority.utf8)
        let parts = SignedParts(
            method: .post,
            path: path.span,
            query: Span(),
            host: host.span,
            payload: payload.bytes
        )
        do throws(SignatureFailure) {
            try signer.sign(parts, &fields, with: keys, &key, scope, at: time)
        } catch {
            throw .unavailable
        }
        var added: [(name: String, value: [UInt8])] = []
        for index in fields.indices where fields.known(at: index) != .contentType {
            added.append((fields.name(at: index).string() ?? "", fields.value(at: index).array()))
        }
        return added
    }
}
