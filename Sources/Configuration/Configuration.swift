// SPDX-License-Identifier: Apache-2.0
import Bytes

/// One configuration, as it stands in the file: plain values, defaults filled in, paths resolved. Immutable, so
/// that a request keeps the one it began with (DESIGN §2).
///
/// The order of use: `Configuration.decode` the bytes of the file; load what it names (tenants, adapters,
/// policies, keys, certificates); `TenantsFile.decode`; then `check` what only shows when the parts are together.
/// Names (of upstreams, routes, tiers, …) resolve once `check` has found nothing.
package struct Configuration: Sendable {
    /// The name the file was decoded under, and the folder that relative paths start from.
    package var file: String
    /// Nil for `auto`: one per core.
    package var workers: Int?
    /// At least one.
    package var listeners: [Listener]
    package var identity: Identity
    package var tenants: Tenants
    /// From the lowest to the highest, as written.
    package var tiers: [Tier]
    package var policy: Policy
    package var credentials: [Credential]
    package var upstreams: [Upstream]
    package var routes: [Route]
    /// Resolved path of the folder with the tables of the adapters. Default: `adapters/` beside the file.
    package var adapters: String
    package var limits: Limits
    package var telemetry: Telemetry
    /// The owners of ids that can bear no seal. Default: none are remembered.
    package var ownership: Ownership?
    package var keys: Keys
    package var admin: Admin
    package var reload: Reload
    /// Names of routes whose data may come to lie under other keys by a reload (THREATS 10). Default: none.
    package var migrate: [String]

    /// Where each value stands, by path (`routes[0].upstream`).
    let positions: [String: YAML.Position]

    /// - Parameters:
    ///   - file: the file's path as given on the command line; relative paths in it start from its folder.
    ///   - environment: what `${NAME}` is filled from.
    /// - Throws: all that is wrong with the file by itself.
    package static func decode(
        _ bytes: borrowing Span<UInt8>,
        file: String,
        environment: [String: String]
    ) throws(Problems) -> Configuration {
        let root = try YAML.parse(bytes, file: file, limits: .init(bytes: 1 << 20))
        return try decode(root, in: YAML.Context(file: file, environment: environment))
    }

    /// The same from a document that is parsed already.
    package static func decode(_ root: YAML.Node, in context: YAML.Context) throws(Problems) -> Configuration
    {
        let configuration = context.root(root).section { decode(&$0, context) }
        try context.finish()
        guard let configuration else { throw Problems([]) }
        return configuration
    }

    private static func decode(_ section: inout YAML.Section, _ context: YAML.Context) -> Configuration {
        if let version = section.required("version"), let number = version.integer(in: 0...Int.max),
            number != 1
        {
            version.note("this version of Bulkhead reads version 1")
        }
        var workers: Int?
        section.read("workers", into: &workers) { $0.workers() }
        let listeners = section.items("listeners", Listener.decode)
        let identity = section.part("identity", Identity.decode) ?? Identity()
        let tenants = section.part("tenants", Tenants.decode) ?? Tenants()
        let tiers = section.named("tiers", Tier.decode)
        let policy = section.part("policy", Policy.decode) ?? Policy()
        let credentials = section.value("credentials")?.items(count: 0...64, Credential.decode) ?? []
        let upstreams = section.named("upstreams", Upstream.decode)
        let routes = section.items("routes", Route.decode)
        let adapters = section.value("adapters")?.filePath() ?? context.resolved("adapters/")
        let limits = section.value("limits")?.section(Limits.decode) ?? Limits()
        let telemetry = section.value("telemetry")?.section(Telemetry.decode) ?? Telemetry()
        let ownership = section.value("ownership")?.section(Ownership.decode).flatMap(\.self)
        let keys = section.value("keys")?.section(Keys.decode) ?? Keys()
        let admin = section.value("admin")?.section(Admin.decode) ?? Admin()
        let reload = section.value("reload")?.section(Reload.decode) ?? Reload()
        let migrate = section.value("migrate")?.list(count: 0...256)?.compactMap { $0.name() } ?? []
        return Configuration(
            file: context.file,
            workers: workers,
            listeners: listeners,
            identity: identity,
            tenants: tenants,
            tiers: tiers,
            policy: policy,
            credentials: credentials,
            upstreams: upstreams,
            routes: routes,
            adapters: adapters,
            limits: limits,
            telemetry: telemetry,
            ownership: ownership,
            keys: keys,
            admin: admin,
            reload: reload,
            migrate: migrate,
            positions: context.positions
        )
    }

    /// A problem with the value at `path`, such as `routes[0].adapter`; with the nearest value around it when
    /// it is not written, and with the beginning of the file when none of it is.
    package func problem(at path: String, _ message: String) -> Problem {
        var place = Substring(path)
        while !place.isEmpty {
            if let position = positions[String(place)] {
                return Problem(file: file, position: position, message: "\(path): \(message)")
            }
            place = place.prefix(upTo: place.lastIndex { $0 == "." || $0 == "[" } ?? place.startIndex)
        }
        let start = YAML.Position(line: 1, column: 1)
        return Problem(file: file, position: start, message: "\(path): \(message)")
    }
}

extension Configuration {
    package func upstream(named name: String) -> Upstream? { upstreams.first { $0.name == name } }
    package func route(named name: String) -> Route? { routes.first { $0.name == name } }
    package func credential(named name: String) -> Credential? { credentials.first { $0.name == name } }
    package func tier(named name: String) -> Tier? { tiers.first { $0.name == name } }
    package func issuer(named name: String) -> Issuer? { identity.issuers.first { $0.name == name } }
}

extension YAML.Value {
    fileprivate func workers() -> Int? {
        guard let (_, expansion) = expanded("auto or a whole number") else { return nil }
        return expansion.text == "auto" ? nil : integer(in: 1...1024)
    }
}
