// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Cedar
package import Configuration
import Crypto
import Gateway
import Identity
import Namespaces
import Runtime

/// What is wrong with a configuration and the files that it names: one line each, `file:line:column: message`.
package struct LoadProblems: Error, Sendable {
    package let lines: [String]

    package init(_ lines: [String]) { self.lines = lines }
}

/// Reads a configuration and everything that it names, and checks that the parts fit; reads no key of TLS and
/// opens no socket.
package struct Loader: Sendable {
    package let configuration: Configuration
    /// For `${NAME}`, now and at each reload.
    let environment: [String: String]
    /// What was read for it so far; `workerPlan` and `controlPlan` read more.
    let files: FileSet
    let tenants: [Configuration.Tenant]
    let adapters: [String: Adapter]
    /// By adapter.
    let encodings: [String: TableEncoding]
    let policies: PolicySet
    let keys: GatewayKeys
    /// By route: what a process must say to be given keys.
    let containerTokens: [String: Secret]
    /// Without, keys are made up for this process: handles and sealed ids end with it.
    package let hasConfiguredKeys: Bool

    /// - Parameter environment: for `${NAME}`.
    package init(path: String, environment: [String: String], now: WallTime) throws(LoadProblems) {
        try self.init(path: path, environment: environment, now: now, files: FileSet(), madeUp: nil)
    }

    /// - Parameters:
    ///   - files: notes what is read, also where that fails.
    ///   - madeUp: the keys that this process made up before, for a configuration that names none.
    init(
        path: String,
        environment: [String: String],
        now: WallTime,
        files: FileSet,
        madeUp: GatewayKeys?
    ) throws(LoadProblems) {
        self.files = files
        self.environment = environment
        configuration = try Self.decode(path, environment, files)
        var problems: [String] = []
        var tables: [String: TableEncoding] = [:]
        adapters = Self.loadAdapters(configuration.adapters, files, &tables, &problems)
        encodings = tables
        problems += configuration.check(adapters: adapters.mapValues(\.traits), now: now).map(\.description)
        tenants = Self.loadTenants(configuration, files, &problems)
        policies = Self.loadPolicies(configuration, files, &problems)
        let current = configuration.keys.current.flatMap { Self.secret($0, files, &problems) }
        let previous = configuration.keys.previous.flatMap { Self.secret($0, files, &problems) }
        var tokens: [String: Secret] = [:]
        for route in configuration.routes {
            guard let source = route.aws?.token else { continue }
            tokens[route.name] = Self.secret(source, files, &problems)
        }
        containerTokens = tokens
        hasConfiguredKeys = configuration.keys.current != nil
        if let current, current.bytes.count < 32 {
            problems.append("\(configuration.file): keys.current: needs at least 32 bytes")
        }
        guard problems.isEmpty else { throw LoadProblems(problems) }
        keys =
            if let current {
                GatewayKeys(current: current, previous: previous)
            } else {
                madeUp ?? GatewayKeys(current: Self.randomSecret(), previous: nil)
            }
    }

    private static func decode(
        _ path: String,
        _ environment: [String: String],
        _ files: FileSet
    ) throws(LoadProblems) -> Configuration {
        let bytes: [UInt8]
        do throws(Files.Failure) {
            bytes = try files.read(path, limit: 1 << 20)
        } catch {
            throw LoadProblems(["\(error)"])
        }
        do throws(Configuration.Problems) {
            return try Configuration.decode(bytes.span, file: path, environment: environment)
        } catch {
            throw LoadProblems(error.list.map(\.description))
        }
    }

    private static func loadTenants(
        _ configuration: Configuration,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> [Configuration.Tenant] {
        guard let path = configuration.tenants.file else { return [] }
        do {
            let bytes = try files.read(path, limit: 64 << 20)
            return try Configuration.TenantsFile.decode(bytes.span, file: path, for: configuration).tenants
        } catch let error as Configuration.Problems {
            problems += error.list.map(\.description)
        } catch {
            problems.append("\(error)")
        }
        return []
    }

    /// Every table of the folder, by its file name without ending.
    private static func loadAdapters(
        _ folder: String,
        _ files: FileSet,
        _ tables: inout [String: TableEncoding],
        _ problems: inout [String]
    ) -> [String: Adapter] {
        var adapters = Dictionary(uniqueKeysWithValues: Adapter.builtIn.map { ($0.name, $0) })
        do {
            for name in try files.list(folder) where name.hasSuffix(".yaml") {
                let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
                guard let (adapter, table) = loadAdapter(path, files, &problems) else { continue }
                adapters[adapter.name] = adapter
                tables[adapter.name] = table
            }
        } catch {
            problems.append("\(error) (the folder of the adapters: \"adapters\" names it)")
        }
        return adapters
    }

    private static func loadAdapter(
        _ path: String,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> (Adapter, TableEncoding)? {
        do {
            let bytes = try files.read(path, limit: 1 << 20)
            let document = try Configuration.AdapterDocument(bytes.span, file: path)
            do {
                return (try Adapter(document.value), TableEncoding(document.value))
            } catch {
                let list = error.list.map { (pointer: $0.pointer, isKey: $0.isKey, message: $0.message) }
                problems += document.problems(list).list.map(\.description)
            }
        } catch let error as Configuration.Problems {
            problems += error.list.map(\.description)
        } catch {
            problems.append("\(error)")
        }
        return nil
    }

    static func secret(
        _ source: Configuration.SecretSource,
        _ files: FileSet,
        _ problems: inout [String]
    ) -> Secret? {
        switch source {
        case .value(let secret): return secret
        case .file(let path):
            do throws(Files.Failure) {
                let secret = try files.withSecret(path, limit: 64 << 10) { bytes in
                    // Editors and `echo` end files with a line end that is no part of the secret.
                    var end = bytes.count
                    while end > 0, [ASCII.lineFeed, ASCII.carriageReturn].contains(bytes[end - 1]) {
                        end -= 1
                    }
                    return Secret(copying: bytes.extracting(0..<end))
                }
                if secret.count > 0 { return secret }
                problems.append("\(path): the secret is empty")
                return nil
            } catch {
                problems.append("\(error)")
                return nil
            }
        }
    }

    private static func randomSecret() -> Secret {
        var entropy = EntropyPool()
        var bytes = Buffer(capacity: 48)
        defer { bytes.wipe() }
        entropy.take(48, into: &bytes)
        return Secret(copying: bytes.bytes)
    }
}

extension Adapter {
    var traits: Configuration.AdapterTraits {
        Configuration.AdapterTraits(
            kind: kind == .ingress ? .ingress : .store,
            isSingleLayer: isSingleLayer,
            sealsIdentifiers: sealsIDs || kind == .ingress,
            remembersOwners: remembersOwners,
            isAWS: native == .s3 || native == .dynamoDB || aws != nil,
            namesResources: namesResources,
            givesKeys: native == .containerCredentials
        )
    }
}
