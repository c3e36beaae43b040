// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
package import Configuration
import Crypto
import HTTPTypes
import JSON
import Runtime
import TLS

/// Asks an account itself for what `AccountJudge` weighs, with Bulkhead's own keys. Nothing is changed there: every
/// request is a Get, a List or a Describe.
package struct LiveAccount: Sendable {
    private let configuration: Configuration
    private let environment: [String: String]
    private let endpoint: WebURL?
    private let tls: TLSContext

    /// - Parameter endpoint: of all services, in the place of AWS's own.
    package init(
        _ configuration: Configuration,
        environment: [String: String],
        endpoint: String?
    ) throws(LoadProblems) {
        self.configuration = configuration
        self.environment = environment.filter { $0.key.hasPrefix("AWS_") || $0.key == "HOME" }
        self.endpoint = endpoint.flatMap { WebURL($0) }
        if let endpoint, self.endpoint == nil { throw LoadProblems(["\"\(endpoint)\" is no URL"]) }
        var authorities = Configuration.Authorities.system
        for credential in configuration.credentials {
            if case .sts(let sts) = credential.kind, sts.ca != .system { authorities = sts.ca }
        }
        do { tls = try ClockProbe.context(authorities) } catch { throw LoadProblems(["\(error)"]) }
    }

    /// - Parameter exports: what is known already; what the account says is added.
    /// - Returns: what could be asked, and what could not.
    package func ask(_ exports: inout AccountExports) throws(LoadProblems) -> [Weakness] {
        let (account, known) = (self, exports)
        let asked: (AccountExports, [Weakness])
        do throws(SystemError) {
            asked = try ControlLoop.run { loop in
                guard let resolver = try? Resolver(on: loop) else { return (known, []) }
                let client = ControlClient(loop: loop, resolver: resolver)
                var exports = known
                let found = await account.ask(&exports, client)
                return (exports, found)
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        exports = asked.0
        return asked.1
    }

    private func ask(_ exports: inout AccountExports, _ client: ControlClient) async -> [Weakness] {
        var found: [Weakness] = []
        for credential in configuration.credentials {
            guard case .sts(let sts) = credential.kind else { continue }
            let place = "credential \(credential.name)"
            guard let keys = await keys(sts.region, sts.endpoint, sts.base, place, client, &found) else {
                continue
            }
            for arn in sts.allRoles {
                let caller = AccountCaller(
                    account: self,
                    keys: keys,
                    client: client,
                    place: "\(place), role \(arn)"
                )
                await caller.role(arn, of: sts, into: &exports, &found)
            }
        }
        for issuer in configuration.identity.issuers where issuer.profile == .cognito {
            await ask(issuer, &exports, client, &found)
        }
        return found
    }

    private func ask(
        _ issuer: Configuration.Issuer,
        _ exports: inout AccountExports,
        _ client: ControlClient,
        _ found: inout [Weakness]
    ) async {
        // https://cognito-idp.REGION.amazonaws.com/POOL
        let parts = issuer.issuer.split(separator: "/")
        let host = parts.count > 1 ? parts[1].split(separator: ".") : []
        guard parts.count == 3, host.count > 2, host[0] == "cognito-idp" else { return }
        let region = String(host[1])
        let place = "issuer \(issuer.name)"
        // With the keys that Bulkhead has, wherever a credential says they come from.
        var base: Configuration.STS.Base?
        for credential in configuration.credentials {
            if case .sts(let sts) = credential.kind { base = sts.base }
        }
        let endpoint = "https://sts.\(region).amazonaws.com"
        guard let keys = await keys(region, endpoint, base, place, client, &found) else { return }
        let caller = AccountCaller(account: self, keys: keys, client: client, place: place)
        for audience in issuer.audiences {
            await caller.appClient(audience, pool: String(parts[2]), region: region, into: &exports, &found)
        }
    }

    private func keys(
        _ region: String,
        _ endpoint: String,
        _ base: Configuration.STS.Base?,
        _ place: String,
        _ client: ControlClient,
        _ found: inout [Weakness]
    ) async -> AWSCredential? {
        guard let url = WebURL(endpoint) else { return nil }
        let source = BaseKeySource(
            source: base?.source ?? .automatic,
            profile: base?.profile,
            environment: environment
        )
        do throws(STSFailure) {
            return try await source.find(
                STSVendor(region: region, endpoint: url, tls: tls, base: source),
                client
            )
        } catch {
            found.append(
                Weakness(
                    .accountAccess,
                    .unknown,
                    "\(place): not checked: there are no keys to ask with (\(error))",
                    fix: "run it where Bulkhead runs, with the same environment"
                )
            )
            return nil
        }
    }

    /// Where a service answers.
    func server(_ standard: String) -> (target: String, server: ControlClient.Target)? {
        guard let url = endpoint ?? WebURL(standard) else { return nil }
        return (url.target, url.target(tls: tls))
    }
}
