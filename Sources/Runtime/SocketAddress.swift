// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CAres  // Clang may file <sys/socket.h> under any module that includes it, so both are imported.
import CSystem
import Glibc

/// An IPv4 or IPv6 address with a port, or a Unix socket's path.
@safe
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// Network byte order, 4 or 16 bytes.
        case internet([UInt8], port: UInt16)
        case unix(String)
    }

    package let kind: Kind

    package init(_ kind: Kind) { self.kind = kind }

    /// A numeric address: `127.0.0.1`, `::1`. Nil for a name, which must be resolved first.
    package init?(numeric host: String, port: UInt16) {
        var four = in_addr()
        var six = in6_addr()
        if unsafe inet_pton(AF_INET, host, &four) == 1 {
            kind = .internet(unsafe withUnsafeBytes(of: &four) { unsafe Array($0) }, port: port)
        } else if unsafe inet_pton(AF_INET6, host, &six) == 1 {
            kind = .internet(unsafe withUnsafeBytes(of: &six) { unsafe Array($0) }, port: port)
        } else {
            return nil
        }
    }

    package var family: Int32 {
        switch kind {
        case .internet(let bytes, _): bytes.count == 4 ? AF_INET : AF_INET6
        case .unix: AF_UNIX
        }
    }

    package var isLoopback: Bool {
        switch kind {
        case .internet(let bytes, _):
            bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
        case .unix: true
        }
    }

    /// The host part alone, in numeric form; a Unix socket's path.
    package var host: String {
        switch kind {
        case .unix(let path): return path
        case .internet(let bytes, _):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            // Safe because the array holds the longest form that inet_ntop writes, with its final NUL.
            _ = unsafe inet_ntop(family, bytes, &text, socklen_t(text.count))
            let end = text.firstIndex(of: 0) ?? text.count
            return String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    package var ip: IPAddress? {
        guard case .internet(let bytes, _) = kind else { return nil }
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        if bytes.count == 4 { return .v4(UInt32(word(0..<4))) }
        return .v6(high: word(0..<8), low: word(8..<16))
    }

    package var port: UInt16 {
        switch kind {
        case .internet(_, let port): port
        case .unix: 0
        }
    }

    package var description: String {
        switch kind {
        case .unix(let path): "unix:\(path)"
        case .internet(let bytes, let port): bytes.count == 4 ? "\(host):\(port)" : "[\(host)]:\(port)"
        }
    }

    /// Calls `body` with the C form.
    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R? {
        var storage = sockaddr_storage()
        let length = fill(&storage)
        guard let length else { return nil }
        // Safe because sockaddr_storage is as large and as aligned as any address.
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    private func fill(_ storage: inout sockaddr_storage) -> socklen_t? {
        // Safe because each C form fits into sockaddr_storage, and the copies stay inside their sizes.
        unsafe withUnsafeMutableBytes(of: &storage) { raw -> socklen_t? in
            switch kind {
            case .internet(let bytes, let port) where bytes.count == 4:
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: bytes) }
                unsafe raw.storeBytes(of: address, as: sockaddr_in.self)
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            case .internet(let bytes, let port):
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
                unsafe raw.storeBytes(of: address, as: sockaddr_in6.self)
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            case .unix(let path):
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                let utf8 = Array(path.utf8)
                guard utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
                unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: utf8) }
                unsafe raw.storeBytes(of: address, as: sockaddr_un.self)
                return socklen_t(MemoryLayout<sockaddr_un>.size)
            }
        }
    }

    /// Reads the C form back; nil for a family that is neither.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        let family = Int32(storage.ss_family)
        // Safe because the family says which form the storage holds.
        let parsed: Kind? = unsafe withUnsafeBytes(of: &storage) { raw in
            switch family {
            case AF_INET:
                var address = unsafe raw.load(as: sockaddr_in.self)
                let bytes = unsafe withUnsafeBytes(of: &address.sin_addr) { unsafe Array($0) }
                return .internet(bytes, port: UInt16(bigEndian: address.sin_port))
            case AF_INET6:
                var address = unsafe raw.load(as: sockaddr_in6.self)
                let bytes = unsafe withUnsafeBytes(of: &address.sin6_addr) { unsafe Array($0) }
                return .internet(bytes, port: UInt16(bigEndian: address.sin6_port))
            default:
                return nil
            }
        }
        guard let parsed else { return nil }
        kind = parsed
    }
}
