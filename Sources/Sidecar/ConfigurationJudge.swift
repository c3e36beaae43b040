// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Configuration
import Runtime

/// What a configuration itself gives away, with what lies around it on this machine. Pure but for `Around.init`, which looks.
package struct ConfigurationJudge: Sendable {
    /// As they were found.
    package struct Around: Sendable {
        /// Permissions of files and folders with secrets; nil for what is not there.
        package var secrets: [(path: String, mode: UInt32?)]
        /// Of the admin socket, and of the folder that it stands in.
        package var socket: UInt32?
        package var socketFolder: UInt32?

        package init(secrets: [(path: String, mode: UInt32?)], socket: UInt32?, socketFolder: UInt32?) {
            self.secrets = secrets
            self.socket = socket
            self.socketFolder = socketFolder
        }

        package init(_ configuration: Configuration) {
            let paths = configuration.secretFiles + configuration.secretFolders
            secrets = Set(paths).sorted().map { ($0, Files.permissions(of: $0)) }
            guard let path = configuration.admin.socket else { return }
            socket = Files.permissions(of: path)
            let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            socketFolder = Files.permissions(of: folder.isEmpty ? "/" : folder)
        }
    }

    private let configuration: Configuration
    private let around: Around

    package init(_ configuration: Configuration, _ around: Around) {
        self.configuration = configuration
        self.around = around
    }

    package func judge() -> [Weakness] {
        secrets() + adminSocket() + singleLayers() + carriers() + sessionPolicies() + claims() + plaintext()
    }

    private func secrets() -> [Weakness] {
        var found: [Weakness] = []
        for (path, mode) in around.secrets {
            guard let mode else {
                found.append(
                    Weakness(.secretFile, .unknown, "\(path): is not there", fix: "look again where it is")
                )
                continue
            }
            // A group may read: that is how Kubernetes gives secrets to a user.
            guard mode & 0o027 != 0 else { continue }
            found.append(
                Weakness(
                    .secretFile,
                    .wrong,
                    "\(path): others than its owner may \(Self.rights(mode)) it (\(Self.octal(mode)))",
                    fix: "chmod g-w,o-rwx \(path)"
                )
            )
        }
        return found.isEmpty
            ? [Weakness(.secretFile, .fine, "\(around.secrets.count) files and folders")] : found
    }

    private static func rights(_ mode: UInt32) -> String {
        var rights: [String] = []
        if mode & 0o004 != 0 { rights.append("read") }
        if mode & 0o022 != 0 { rights.append("write") }
        if mode & 0o001 != 0 { rights.append("enter or run") }
        return rights.joined(separator: " and ")
    }

    private static func octal(_ mode: UInt32) -> String { String(mode, radix: 8) }

    private func adminSocket() -> [Weakness] {
        guard let path = configuration.admin.socket else { return [] }
        if let mode = around.socket, mode & 0o002 != 0 {
            return [
                Weakness(
                    .adminSocket,
                    .wrong,
                    "\(path): anybody may talk to it (\(Self.octal(mode)))",
                    fix: "chmod o-rwx \(path), and look who made it so"
                )
            ]
        }
        // In a folder that others may write, they may put a socket of their own in its place.
        if let mode = around.socketFolder, mode & 0o002 != 0, mode & 0o1000 == 0 {
            return [
                Weakness(
                    .adminSocket,
                    .wrong,
                    "\(path): anybody may put another one in its place (its folder is \(Self.octal(mode)))",
                    fix: "a folder that only Bulkhead's user may write"
                )
            ]
        }
        return [Weakness(.adminSocket, .fine, path)]
    }

    private func singleLayers() -> [Weakness] {
        configuration.routes.compactMap { route in
            guard let single = route.singleLayer else { return nil }
            var day = Buffer()
            // The end of a day is the beginning of the next.
            day.append(rfc3339: single.expires + .milliseconds(-1))
            let end = day.bytes.extracting(0..<10).string() ?? ""
            return Weakness(
                .singleLayer,
                .meant,
                "route \(route.name): \(single.owner) answers for it until \(end): \(single.reason)"
            )
        }
    }

    private func carriers() -> [Weakness] {
        configuration.listeners.compactMap { listener in
            if listener.carriers.contains(.aws), let tenant = listener.tenant {
                return Weakness(
                    .processCarrier,
                    .meant,
                    "listener \(listener.name): keys that a process keeps speak for \(tenant); nobody else may use that process"
                )
            }
            guard listener.carriers.contains(.lease), let endpoint = listener.endpoint else { return nil }
            return Weakness(
                .processCarrier,
                .meant,
                "listener \(listener.name): calls are those of whoever has \(endpoint) on lease"
            )
        }
    }

    private func sessionPolicies() -> [Weakness] {
        configuration.credentials.compactMap { credential in
            guard case .sts(let sts) = credential.kind else { return nil }
            return sts.narrows
                ? Weakness(.sessionPolicy, .fine, "credential \(credential.name)")
                : Weakness(
                    .sessionPolicy,
                    .meant,
                    "credential \(credential.name): session_policy is off, so the role's own policy is all there is"
                )
        }
    }

    private func claims() -> [Weakness] {
        guard configuration.tenants.mode == .claims else { return [] }
        return [
            Weakness(.claimsAlone, .meant, "tenants.mode is claims: the issuer alone says who is a customer")
        ]
    }

    private func plaintext() -> [Weakness] {
        var found = configuration.listeners.filter(\.plaintext).map {
            Weakness(.plaintext, .meant, "listener \($0.name) at \($0.address)")
        }
        for issuer in configuration.identity.issuers where issuer.jwks.plaintext {
            found.append(
                Weakness(.plaintext, .meant, "issuer \(issuer.name): its keys are fetched in the clear")
            )
        }
        if configuration.admin.plaintext, let address = configuration.admin.address {
            found.append(Weakness(.plaintext, .meant, "the admin plane at \(address)"))
        }
        return found
    }
}
