// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import Runtime
import Vending

/// Reads a file that belongs to one tenant: an API key, a client's secret.
struct TenantFiles: Sendable {
    let file: Configuration.TenantFile

    /// More fits into no head.
    static let maximumBytes = 8 << 10

    /// The tenant's text, without the line end that editors and `echo` put behind it.
    /// - Throws: `missing` where there is none for this tenant, or where it leads out of the tenant's place;
    ///   `unavailable` for one that cannot be read, or holds what no header may.
    /// Cost: some system calls on a local disk.
    func read(_ tenant: String) throws(VendFailure) -> Secret {
        guard let path = place(of: tenant) else { throw .missing }
        guard Files.isFile(path) else { throw .unavailable }
        let secret: Secret?
        do throws(Files.Failure) {
            secret = try Files.withSecret(path, limit: Self.maximumBytes) { Self.text($0) }
        } catch {
            throw .unavailable
        }
        guard let secret else { throw .unavailable }
        return secret
    }

    /// Where the file really is. Links may lead about within the folder, as Kubernetes has them, but never out of it, and
    /// never to what is called after another tenant.
    private func place(of tenant: String) -> String? {
        let name = file.prefix + tenant + file.suffix
        // What begins with a dot is the folder's own: Kubernetes keeps its versions there.
        guard !name.hasPrefix("."), let base = Files.resolved(file.folder),
            let own = Files.resolved("\(file.folder)/\(name)"), Self.isInside(own, base),
            Self.last(own) == name
        else { return nil }
        if file.rest.isEmpty { return own }
        guard let path = Files.resolved("\(own)/" + file.rest.joined(separator: "/")),
            Self.isInside(path, own)
        else { return nil }
        return path
    }

    private static func isInside(_ path: String, _ folder: String) -> Bool {
        path.utf8.starts(with: (folder == "/" ? "/" : folder + "/").utf8)
    }

    private static func last(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? ""
    }

    private static func text(_ bytes: Span<UInt8>) -> Secret? {
        var end = bytes.count
        while end > 0, bytes[end - 1] == ASCII.lineFeed || bytes[end - 1] == ASCII.carriageReturn { end -= 1 }
        let text = bytes.extracting(0..<end)
        guard !text.isEmpty, text[0] != ASCII.space, text[end - 1] != ASCII.space else { return nil }
        for index in text.indices where text[index] < 0x20 || text[index] >= 0x7F { return nil }
        return Secret(copying: text)
    }
}

/// The `secret` vendor: what lies in a tenant's file, read again when it has grown old.
struct SecretVendor: Sendable {
    let name: String
    let files: TenantFiles
    /// How long what was read is good.
    let refresh: Interval

    func vend(_ tenant: String, now: WallTime) throws(VendFailure) -> VendedCredential {
        VendedCredential(secret: try files.read(tenant), lifetime: refresh, from: now)
    }
}
