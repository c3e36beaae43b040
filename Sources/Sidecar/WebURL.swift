// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS

/// An absolute URL of http or https, as configuration has checked it, or as an issuer's metadata says it.
struct WebURL {
    let isSecure: Bool
    let host: String
    let port: UInt16
    /// Host and port as they stand in the URL.
    let authority: String
    /// Path and query.
    let target: String

    /// Nil for another scheme, user information, no host or a bad port.
    init?(_ text: String) {
        let rest: Substring
        if text.hasPrefix("https://") {
            isSecure = true
            rest = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            isSecure = false
            rest = text.dropFirst(7)
        } else {
            return nil
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        var host = authority
        var port: UInt16 = isSecure ? 443 : 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                return nil
            }
            host = authority[..<colon]
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        self.port = port
        self.authority = String(authority)
        let path = rest[end...].prefix { $0 != "#" }
        // What a URL may not hold would be another request.
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        target = path.hasPrefix("/") ? String(path) : "/" + path
    }

    func target(tls: TLSContext?) -> ControlClient.Target {
        ControlClient.Target(
            host: host,
            port: port,
            tls: isSecure ? tls : nil,
            serverName: host,
            authority: authority
        )
    }
}
