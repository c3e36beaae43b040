// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import Crypto
import HTTPTypes
import Identity
package import Namespaces
import Telemetry
package import Vending

/// A decision with what it allows the request to use (DESIGN §2).
package typealias Grant = Vending.Grant<Means>

extension Vending.Grant<Means> {
    /// An upstream did not take its credential.
    var isRejected: Bool { means?.isRejected ?? false }
}

/// A day's key on the heap, since a class cannot give up one that is no reference.
final class MeansDayKey {
    var key: DayKey

    init(_ key: consuming DayKey) { self.key = key }
}

/// With what and inside which compartment: everything of a grant that is the same for all of its requests. One
/// worker's own.
package final class Means {
    package let scope: AdapterScope
    /// Fields that go to the upstream with every request of the grant.
    let fields: Fields
    /// Those with a hole that each request fills.
    let perRequest: [Configuration.HeaderTemplate]
    /// Number of the pool of upstream connections: (upstream, credential, tenant).
    package let pool: Int
    /// What the store must be given before the compartment's first request.
    var provision: ProvisionNeed?
    /// Keys to sign with at the upstream.
    let keys: AWSCredential?
    /// ARN of the role whose keys they are.
    package let role: String?
    /// Which credential it is, and since when there is this one; nil for none.
    let vended: (key: CredentialKey, since: WallTime)?
    /// An upstream did not take the credential: the grant is not used again.
    var isRejected = false
    /// A credential that stands in the requests.
    let injected: InjectedCredential?
    /// That of the day on which it was used last.
    var dayKey: (day: [UInt8], key: MeansDayKey)?
    /// The place of route, tenant and tier in the metrics.
    let series: Int
    /// Who it is and by which right, as each record says it.
    let recordPart: RecordPart
    /// Baggage members that say whose the request is, without the handle.
    let baggage: [UInt8]
    /// Of the exchange before: the next one is mostly the same person's in the same session.
    private var owner: ExchangeOwner?

    init(
        scope: AdapterScope,
        route: Route,
        principal: Principal,
        context: [UInt8],
        keys: AWSCredential?,
        secret: Secret?,
        role: String?,
        vended: (key: CredentialKey, since: WallTime)?,
        pool: Int,
        series: Int,
        recordPart: RecordPart
    ) throws(FieldError) {
        self.scope = scope
        self.recordPart = recordPart
        self.pool = pool
        self.keys = keys
        self.role = role
        self.vended = vended
        self.series = series
        var fields = Fields()
        for template in route.headers where !template.isPerRequest {
            let value = Self.render(template, route, principal, scope, context, session: nil)
            // An empty value says nothing that an upstream could rely on.
            if !value.isEmpty { try fields.append(name: Array(template.name.utf8).span, value: value.bytes) }
        }
        if let secret, let injection = route.use.injection {
            var user: [UInt8]?
            if case .basic(let parts?) = injection {
                let template = Configuration.HeaderTemplate(name: "", parts: parts)
                user = Self.render(template, route, principal, scope, [], session: nil).bytes.array()
            }
            injected = try InjectedCredential(secret, injection, user: user, into: &fields)
        } else {
            injected = nil
        }
        self.fields = fields
        perRequest = route.headers.filter(\.isPerRequest)
        var baggage = Buffer()
        if route.isIngress {
            _ = Baggage.append(
                key: Array("tenancy.tenant.id".utf8).span,
                value: Array(principal.tenant.text.utf8).span,
                into: &baggage
            )
            _ = Baggage.append(
                key: Array("tenancy.tier".utf8).span,
                value: Array(principal.tier.name.utf8).span,
                into: &baggage
            )
        }
        self.baggage = baggage.bytes.array()
    }

    /// The same for requests of Bulkhead's own.
    func storeCredential(_ route: Route) -> StoreCredential {
        StoreCredential(
            fields,
            parameter: injected?.parameter,
            signing: keys.flatMap { keys in route.signing.map { (keys, $0.scope) } }
        )
    }

    /// Whom an agent's calls stand for.
    func owner(_ principal: Principal, _ session: VirtualSessionID?, _ route: Route) -> ExchangeOwner {
        if let owner, owner.principal === principal, owner.session == session { return owner }
        let owner = ExchangeOwner(principal, session: session, agent: route.upstreamName)
        self.owner = owner
        return owner
    }

    /// Fills the holes of a template. What a header may not hold is percent-encoded, so that a user id of any
    /// alphabet arrives as one unambiguous value.
    static func render(
        _ template: Configuration.HeaderTemplate,
        _ route: Route,
        _ principal: Principal,
        _ scope: AdapterScope,
        _ context: [UInt8],
        session: VirtualSessionID?
    ) -> Buffer {
        var value = Buffer()
        for part in template.parts {
            switch part {
            case .literal(let text): value.append(string: text)
            case .placeholder(let hole):
                switch hole {
                case .tenant: value.append(string: principal.tenant.text)
                case .tier: value.append(string: principal.tier.name)
                case .user: append(principal.user.text, to: &value)
                case .issuer: append(principal.issuer.name, to: &value)
                case .groups:
                    for (index, group) in principal.groups.enumerated() {
                        if index > 0 { value.append(ASCII.comma) }
                        append(group, to: &value)
                    }
                case .session: session?.write(into: &value)
                case .compartment: value.append(scope.compartment.bytes)
                case .route: value.append(string: route.name)
                case .context: value.append(context)
                }
            }
        }
        return value
    }

    static func append(_ text: String, to value: inout Buffer) {
        for byte in text.utf8 {
            // A comma would split a list of groups, a percent sign would look like an escape.
            if byte > 0x20, byte < 0x7F, byte != ASCII.percent, byte != ASCII.comma {
                value.append(byte)
            } else {
                PercentEncoding.append(escaped: byte, into: &value)
            }
        }
    }
}
