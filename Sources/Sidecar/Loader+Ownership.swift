// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Storage

/// Where owners of ids are remembered.
enum OwnershipPlan: Sendable {
    case file(path: String)
    case redis(RedisOwners.Plan)

    /// For people.
    var place: String {
        switch self {
        case .file(let path): path
        case .redis(let plan): plan.target.authority
        }
    }
}

extension Loader {
    /// - Throws: where a secret or a certificate cannot be read.
    func ownershipPlan() throws -> OwnershipPlan? {
        switch configuration.ownership {
        case nil: return nil
        case .sqlite(let path)?: return .file(path: path)
        case .redis(let table)?:
            var problems: [String] = []
            let password = table.password.flatMap { Self.secret($0, files, &problems) }
            guard problems.isEmpty else { throw LoadProblems(problems) }
            return .redis(
                RedisOwners.Plan(
                    target: ControlClient.Target(
                        host: table.endpoint.hostText,
                        port: table.endpoint.port,
                        tls: try table.tls.map { try clientContext($0, []) },
                        serverName: table.tls?.serverName ?? table.endpoint.hostText,
                        authority: table.endpoint.description
                    ),
                    table: RedisOwnership(
                        prefix: table.prefix,
                        user: table.user ?? "",
                        database: table.database,
                        demands: table.demands
                    ),
                    password: password,
                    timeout: table.timeout
                )
            )
        }
    }
}

extension Configuration.RedisTable {
    fileprivate var demands: RedisDemands {
        // The server answers while it is still listened to.
        let patience = timeout.nanoseconds / 4 * 3 / 1_000_000
        return RedisDemands(isOnDisk: isOnDisk, replicas: replicas, patienceMs: Int(clamping: patience))
    }
}
