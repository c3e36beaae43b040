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

    /// Sends a form that `STSPlan` made, signed with the keys that are given.
    func assumeRole(
        _ form: [UInt8],
        with keys: AWSCredential,
        _ client: ControlClient
    ) async throws(STSFailure) -> AWSCredential {
        let call = AWSCall(
            scope: SigningScope(region: region, service: "sts"),
            keys: keys,
            target: endpoint.target,
            body: form,
            contentType: AWSCall.form
        )
        let reply: ControlClient.Reply
        do throws(FetchError) {
            reply = try await call.send(
                to: endpoint.target(tls: tls),
                client,
                deadline: Clock.now() + Self.timeout
            )
        } catch {
            throw .unavailable
        }
        let body = reply.body
        return try STSResponse.read(body.span, status: reply.status)
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
        let reply: ControlClient.Reply
        do throws(FetchError) {
            reply = try await client.fetch(
                .post,
                endpoint.target,
                at: endpoint.target(tls: tls),
                body: body,
                contentType: AWSCall.form,
                deadline: Clock.now() + Self.timeout
            )
        } catch {
            throw .unavailable
        }
        let answer = reply.body
        return try STSResponse.read(answer.span, status: reply.status)
    }
}
