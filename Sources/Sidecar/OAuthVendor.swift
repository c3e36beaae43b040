// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import HTTPTypes
import Identity
import Runtime
import TLS
import Vending

/// Asks an authorization server for tokens.
struct OAuthVendor: Sendable {
    enum ClientSecret: Sendable {
        case shared(Secret)
        case perTenant(TenantFiles)

        func find(_ tenant: String) throws(VendFailure) -> Secret {
            switch self {
            case .shared(let secret): return secret
            case .perTenant(let files): return try files.read(tenant)
            }
        }
    }

    /// How Bulkhead shows who it is.
    enum Authentication: Sendable {
        case basic(ClientSecret)
        case post(ClientSecret)
        case assertion(ClientAssertion)
    }

    enum Subject: Sendable {
        /// There is none: client credentials.
        case none
        case callersToken
        case context(ContextSigner, audience: String)
    }

    /// Why there is no token, as operators are told: nothing of a secret or of what a server said is in it.
    enum Failure: Error, CustomStringConvertible {
        case answer(OAuthFailure)
        case fetch(FetchError)
        case secret(VendFailure)
        case key

        var description: String {
            switch self {
            case .answer(.denied(let code)): "denied: \(code)"
            case .answer(.throttled): "too many requests"
            case .answer(.unavailable(let code)): "\(code)"
            case .fetch(let error): "\(error)"
            case .secret: "the client's secret cannot be read"
            case .key: "its key does not sign"
            }
        }

        var vendFailure: VendFailure {
            switch self {
            case .answer(let failure): failure.vendFailure
            case .fetch, .key: .unavailable
            case .secret(let failure): failure
            }
        }
    }

    /// For whom a token is asked for.
    struct Asker {
        var subject: VendSubject
        /// What a context token says, where one is exchanged.
        var context: ContextSubject?
        /// The caller's own, where it is exchanged.
        var token: Secret?

        init(_ asked: CredentialNeed) {
            let principal = asked.principal
            subject = VendSubject(
                tenant: principal.tenant.text,
                tier: principal.tier.name,
                user: principal.user.text,
                issuer: principal.issuer.name
            )
            context = ContextSubject(principal)
            token = asked.subjectToken
        }

        /// Nobody in particular of a tenant.
        init(tenant: String, tier: String) {
            subject = VendSubject(tenant: tenant, tier: tier, user: "", issuer: "")
        }
    }

    let name: String
    let plan: OAuthPlan
    let endpoint: WebURL
    let tls: TLSContext?
    let authentication: Authentication
    let subject: Subject
    let rules: OAuthResponse.Rules

    static let timeout = Interval.seconds(8)
    private static let contentType: StaticString = "application/x-www-form-urlencoded"

    /// - Parameter ids: two blocks of fresh random bytes.
    func vend(
        _ asker: Asker,
        ids: (context: [16 of UInt8], assertion: [16 of UInt8]),
        _ client: ControlClient
    ) async throws(Failure) -> VendedCredential {
        // It lives from here on: who counts from the answer's arrival is late.
        let start = Clock.wallTime()
        var request = try request(asker, ids, start)
        defer { request.form.wipe() }
        let reply: ControlClient.Reply
        do throws(FetchError) {
            reply = try await client.fetch(
                .post,
                endpoint.target,
                at: endpoint.target(tls: tls),
                body: request.form.bytes,
                contentType: Self.contentType,
                adding: request.fields,
                limit: OAuthResponse.maximumBytes,
                deadline: Clock.now() + Self.timeout
            )
        } catch {
            throw .fetch(error)
        }
        let (body, type) = (reply.body, reply.contentType)
        do throws(OAuthFailure) {
            let token = try OAuthResponse.read(body.span, status: reply.status, contentType: type.span, rules)
            return VendedCredential(secret: token.secret, lifetime: token.lifetime, from: start)
        } catch {
            throw .answer(error)
        }
    }

    private struct Request: ~Copyable {
        var form: OAuthForm
        var fields: [(name: String, value: [UInt8])] = []
    }

    private func request(
        _ asker: Asker,
        _ ids: (context: [16 of UInt8], assertion: [16 of UInt8]),
        _ now: WallTime
    ) throws(Failure) -> Request {
        let subject = asker.subject
        let token = try subjectToken(asker, ids.context, now)
        var request = Request(form: plan.form(subject, subjectToken: token.span))
        let id = plan.clientID.filled(subject)
        switch authentication {
        case .basic(let source):
            let secret = try secret(source, subject)
            request.fields.append(("authorization", OAuthForm.basic(client: id, secret: secret.bytes)))
        case .post(let source):
            let secret = try secret(source, subject)
            request.form.add(client: id, secret: secret.bytes)
        case .assertion(let assertion):
            do throws(KeyError) {
                let text = try assertion.sign(client: id, id: ids.assertion, now: now)
                request.form.add(client: id, assertion: text)
            } catch {
                throw .key
            }
        }
        return request
    }

    private func secret(_ source: ClientSecret, _ subject: VendSubject) throws(Failure) -> Secret {
        do throws(VendFailure) { return try source.find(subject.tenant) } catch { throw .secret(error) }
    }

    private func subjectToken(
        _ asker: Asker,
        _ id: [16 of UInt8],
        _ now: WallTime
    ) throws(Failure) -> [UInt8] {
        switch subject {
        case .none: return []
        case .callersToken: return asker.token?.bytes.array() ?? []
        case .context(let signer, let audience):
            guard let context = asker.context else { throw .key }
            var token = Buffer()
            do throws(KeyError) {
                try signer.sign(
                    context,
                    audience: audience,
                    id: id,
                    now: now,
                    into: &token
                )
            } catch {
                throw .key
            }
            return token.bytes.array()
        }
    }
}

extension VendedCredential {
    init(secret: Secret, lifetime: Interval, from start: WallTime) {
        // The cache gives no credential out in the last quarter of its life, so that is when to ask again.
        let life = lifetime.nanoseconds
        self.init(
            secret: secret,
            since: start,
            renewAt: start + Interval(nanoseconds: life - life / 4),
            expiry: start + lifetime
        )
    }
}
