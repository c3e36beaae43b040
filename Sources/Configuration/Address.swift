// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// An address and a port to listen on.
    package struct Address: Hashable, Sendable, CustomStringConvertible {
        package var ip: IPAddress
        /// 0 lets the system choose one.
        package var port: UInt16

        package init(ip: IPAddress, port: UInt16) {
            self.ip = ip
            self.port = port
        }

        package var description: String { Endpoint(host: .address(ip), port: port).description }

        /// Whether both would take the same port of the same interface.
        func overlaps(_ other: Address) -> Bool {
            guard port == other.port, port != 0 else { return false }
            return ip == other.ip || ip.isUnspecified || other.ip.isUnspecified
        }
    }

    /// A host and a port to connect to.
    package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        package enum Host: Hashable, Sendable {
            /// Lower case, to be resolved.
            case name(String)
            case address(IPAddress)
        }

        package var host: Host
        /// Never 0.
        package var port: UInt16

        package init(host: Host, port: UInt16) {
            self.host = host
            self.port = port
        }

        package var hostText: String {
            switch host {
            case .name(let name): name
            case .address(let address): address.description
            }
        }

        package var description: String {
            switch host {
            case .address(.v6): "[\(hostText)]:\(port)"
            case .address(.v4), .name: "\(hostText):\(port)"
            }
        }
    }
}

extension YAML.Value {
    /// `127.0.0.1:8443`, `[::1]:8443`, `0.0.0.0:8443`.
    func address() -> Configuration.Address? {
        let what = "an address such as 127.0.0.1:8443 or [::1]:8443"
        guard let text = string() else { return nil }
        guard let (host, port) = HostText.split(text), let ip = HostText.address(host) else {
            noteExpected(what)
            return nil
        }
        return Configuration.Address(ip: ip, port: port)
    }

    /// `127.0.0.1:8080`, `[::1]:8080`, `chroma.svc:8000`.
    func endpoint() -> Configuration.Endpoint? {
        guard let text = string() else { return nil }
        guard let (host, port) = HostText.split(text), port != 0, let host = HostText.host(host) else {
            noteExpected("a host and port such as 127.0.0.1:8080, [::1]:8080 or chroma:8000")
            return nil
        }
        return Configuration.Endpoint(host: host, port: port)
    }
}

enum HostText {
    /// Host (an IPv6 address keeps its brackets) and port.
    static func split(_ text: String) -> (host: Substring, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(ASCII.isDigit),
            let port = UInt16(digits)
        else { return nil }
        return (text[..<colon], port)
    }

    static func address(_ host: Substring) -> IPAddress? {
        if host.hasPrefix("[") && host.hasSuffix("]") {
            guard let address = IPAddress(String(host.dropFirst().dropLast())), case .v6 = address else {
                return nil
            }
            return address
        }
        guard let address = IPAddress(String(host)), case .v4 = address else { return nil }
        return address
    }

    static func host(_ text: Substring) -> Configuration.Endpoint.Host? {
        if let address = address(text) { return .address(address) }
        return isName(text) ? .name(text.lowercased()) : nil
    }

    /// RFC 1123 §2.1, and `_`, which container networks use. The last label must not be a number: what looks like
    /// an address and is none would be read as one somewhere else.
    static func isName(_ text: Substring) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let last = labels.last, !last.allSatisfy(ASCII.isDigit) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                && label.last != UInt8(ascii: "-")
                && label.allSatisfy {
                    ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                }
        }
    }
}
