// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import Identity
import Runtime
import Vending

/// Suspensions that an operator commands. They hold whatever the files say, over reloads, and over restarts where the
/// admin plane has a socket: a file beside it keeps them, until they are taken back.
extension ControlPlane {
    /// In force in every worker as soon as it reads its messages; what is under way for the tenant ends there.
    /// - Returns: why it does not outlive this process; nil if it does.
    func setSuspended(_ tenant: TenantID, _ isSuspended: Bool) -> String? {
        let tenants = snapshot.identity.tenants
        let next = isSuspended ? tenants.suspending(tenant) : tenants.resuming(tenant)
        snapshot = Snapshot(snapshot.plan, identity: snapshot.identity.with(tenants: next))
        broadcast(.snapshot(snapshot))
        credentials.purge(tenant: tenant.text)
        notice("tenant \(tenant.text): \(isSuspended ? "suspended" : "resumed") by command")
        guard let path = plan.admin.suspensionsPath else { return "admin.socket is not configured" }
        do throws(Files.Failure) {
            try Suspensions.write(next.suspended, to: path)
            return nil
        } catch {
            notice("suspensions do not outlive this process: \(error)")
            return "\(error)"
        }
    }
}

/// The file of suspensions: a tenant's id in each line.
enum Suspensions {
    /// - Returns: nobody where there is no file.
    /// - Throws: what is not to be read as such a file; forgetting a suspension would be worse than not to start.
    static func read(_ path: String) throws(LoadProblems) -> [TenantID] {
        guard Files.stamp(of: path) != nil else { return [] }
        do throws(Files.Failure) {
            let bytes = try Files.read(path, limit: 64 << 20)
            let lines = bytes.split(separator: ASCII.lineFeed)
            let tenants = lines.compactMap { TenantID(String(decoding: $0, as: UTF8.self)) }
            if tenants.count == lines.count { return tenants }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        throw LoadProblems(["\(path): is not a list of tenants' ids; see to it before you remove it"])
    }

    static func write(_ tenants: Set<TenantID>, to path: String) throws(Files.Failure) {
        var text = Buffer()
        for id in tenants.map(\.text).sorted() { text.append(string: id + "\n") }
        try Files.replace(path, with: text.bytes)
    }
}
