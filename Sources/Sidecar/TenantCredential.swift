// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import Crypto
import Gateway
import HTTPTypes
import Identity
import Runtime
import Synchronization
import Vending

/// What a walk through a tenant's store bears there: the credential that the route's requests bear, as far as it belongs to
/// the tenant and not to a caller.
final class TenantCredential: Sendable {
    private enum Kind: Sendable {
        case none
        case secret(SecretVendor, Configuration.Injection)
        case oauth(OAuthVendor, Configuration.Injection)
        case sts(STSVendor, STSPlan, SigningScope)
    }

    private let kind: Kind
    private let tenant: String
    private let tier: String
    private let held = Mutex<(credential: StoreCredential, until: WallTime)?>(nil)

    /// - Throws: `LoadProblems` where the credential is made for a caller, who is nobody here.
    init(_ loader: Loader, _ route: Configuration.Route, _ tenant: TenantID) throws(LoadProblems) {
        self.tenant = tenant.text
        // One that has left the registry is in the lowest, as far as a role or a token tells tiers apart.
        tier =
            loader.tenants.first { $0.id == tenant.text }?.tier ?? loader.configuration.tiers.first?.name
            ?? ""
        guard let name = route.credentials, let credential = loader.configuration.credential(named: name)
        else {
            kind = .none
            return
        }
        var problems: [String] = []
        let vendor: Vendor?
        do { vendor = try loader.vendor(credential, &problems) } catch { throw LoadProblems(["\(error)"]) }
        guard problems.isEmpty, let vendor else { throw LoadProblems(problems) }
        switch (vendor, credential.injection) {
        case (.secret(let vendor), let injection?): kind = .secret(vendor, injection)
        case (.oauth(let vendor), let injection?):
            guard case .oauth(let oauth) = credential.kind, oauth.grant == .clientCredentials,
                !oauth.plan.isPerUser
            else { throw Self.needsCaller(route, name) }
            kind = .oauth(vendor, injection)
        case (.sts(let vendor), _):
            guard let adapter = loader.adapters[route.adapter],
                let (scope, plan) = loader.signing(route, adapter)
            else { throw Self.needsCaller(route, name) }
            kind = .sts(vendor, plan, scope)
        case (.context, _), (.secret, nil), (.oauth, nil): throw Self.needsCaller(route, name)
        }
    }

    private static func needsCaller(_ route: Configuration.Route, _ name: String) -> LoadProblems {
        LoadProblems([
            "route \(route.name) sends a credential (\(name)) that is made for a caller: nobody calls here"
        ])
    }

    /// The one in hand, or another where that is due: a walk may take longer than a token lives.
    func current(_ client: ControlClient) async throws(TenantStoreError) -> StoreCredential {
        if let (credential, until) = held.withLock({ $0 }), Clock.wallTime() < until { return credential }
        let (credential, until) = try await vend(client)
        held.withLock { $0 = (credential, until) }
        return credential
    }

    /// - Returns: with when it has to be asked for again.
    /// - Throws: `TenantStoreError.credential`.
    private func vend(_ client: ControlClient) async throws(TenantStoreError) -> (
        StoreCredential, until: WallTime
    ) {
        let now = Clock.wallTime()
        switch kind {
        case .none: return (.none, now + .seconds(86_400))
        case .secret(let vendor, let injection):
            let vended: VendedCredential
            do throws(VendFailure) { vended = try vendor.vend(tenant, now: now) } catch {
                throw .credential("\(error.code)")
            }
            return (try bearing(vended, injection), vended.renewAt)
        case .oauth(let vendor, let injection):
            var entropy = EntropyPool()
            let ids = (context: entropy.block() as [16 of UInt8], assertion: entropy.block() as [16 of UInt8])
            let vended: VendedCredential
            do throws(OAuthVendor.Failure) {
                vended = try await vendor.vend(.init(tenant: tenant, tier: tier), ids: ids, client)
            } catch {
                throw .credential("\(error)")
            }
            return (try bearing(vended, injection), vended.renewAt)
        case .sts(let vendor, let plan, let scope):
            do throws(STSFailure) {
                guard let role = plan.role(ofTier: tier) else { throw .denied }
                let subject = STSSubject(tenant: tenant, tier: tier, issuer: "", user: "")
                let base = try await vendor.base.find(vendor, client)
                let keys = try await vendor.assumeRole(
                    plan.assumeRole(role, subject, policy: nil),
                    with: base,
                    client
                )
                return (StoreCredential(keys, scope), VendedCredential(keys, now: now).renewAt)
            } catch {
                throw .credential("STS: \(error)")
            }
        }
    }

    private func bearing(
        _ vended: VendedCredential,
        _ injection: Configuration.Injection
    ) throws(TenantStoreError) -> StoreCredential {
        guard let secret = vended.secret else { throw .credential("it is none that stands in a request") }
        var user: [UInt8]?
        if case .basic(let parts?) = injection {
            user = VendTemplate(parts).filled(VendSubject(tenant: tenant, tier: tier, user: "", issuer: ""))
        }
        do throws(FieldError) {
            return try StoreCredential(secret, injection, user: user)
        } catch {
            throw .credential("it fits in no field")
        }
    }
}
