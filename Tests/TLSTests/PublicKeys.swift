// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import TLS

/// Certificates made by the openssl command in a temporary folder, once per test process.
struct PublicKeys {
    /// Nil when there is no openssl command to make them with.
    static let shared: PublicKeys? = try? PublicKeys()

    private let files: [String: [UInt8]]

    private init() throws {
        let maker = try Maker()
        defer { maker.remove() }
        try maker.makeAll()
        files = try maker.files()
    }

    func pem(_ file: String) throws -> [UInt8] {
        guard let bytes = files[file] else { throw CocoaError(.fileNoSuchFile) }
        return bytes
    }

    /// The leaf of `name` followed by the certificates of `chain`.
    func certificate(_ name: String, chain: [String] = []) throws -> TLSCertificate {
        var bytes = try pem("\(name).crt")
        for issuer in chain { bytes += try pem("\(issuer).crt") }
        let key = try pem("\(name).key")
        return try TLSCertificate(
            chain: bytes.span,
            named: "\(name).crt",
            key: key.span,
            keyNamed: "\(name).key"
        )
    }

    func trust(_ names: String...) throws -> TLSTrust {
        let bytes = try names.flatMap { try pem("\($0).crt") }
        return try TLSTrust(authorities: bytes.span, named: "ca.crt")
    }
}

/// Runs the openssl command in a folder of its own.
private struct Maker {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("bulkhead-tls-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func files() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            files[name] = try [UInt8](Data(contentsOf: folder.appendingPathComponent(name)))
        }
        return files
    }

    func makeAll() throws {
        try root("ca")
        try root("other-ca")
        try issue("server", by: "ca", names: "DNS:example.test,DNS:Also.Example.test")
        try issue("wild", by: "ca", names: "DNS:*.wild.test", key: Self.rsa)
        try issue("both-rsa", by: "ca", names: "DNS:both.test", key: Self.rsa)
        try issue("both-ec", by: "ca", names: "DNS:both.test")
        try issue("address", by: "ca", names: "IP:127.0.0.1,IP:::1")
        try issue("common-name", by: "ca", names: nil)
        try issue("foreign", by: "other-ca", names: "DNS:example.test")
        try issue("client", by: "ca", names: "URI:spiffe://example.test/agent,DNS:agent.example.test")
        try issue("foreign-client", by: "other-ca", names: "URI:spiffe://example.test/agent")
        try issue("middle", by: "ca", names: nil, more: ["-addext", "basicConstraints=critical,CA:TRUE"])
        try issue("leaf", by: "middle", names: "DNS:leaf.test")
        try issue("weak", by: "ca", names: "DNS:weak.test", key: ["-newkey", "rsa:1024"])
        try openssl([
            "req", "-new", "-key", "server.key", "-subj", "/CN=old", "-addext",
            "subjectAltName=DNS:example.test", "-out", "old.csr",
        ])
        try openssl([
            "x509", "-req", "-in", "old.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "-1",
            "-copy_extensions", "copy", "-out",
            "old.crt",
        ])
        try openssl(["ec", "-in", "server.key", "-out", "old.key"])
        try openssl(["ec", "-in", "server.key", "-aes128", "-passout", "pass:x", "-out", "locked.key"])
    }

    private static let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    private static let rsa = ["-newkey", "rsa:2048"]

    private func root(_ name: String) throws {
        try openssl(
            ["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=\(name)"] + Self.ec
                + ["-keyout", "\(name).key", "-out", "\(name).crt"]
        )
    }

    private func issue(
        _ name: String,
        by issuer: String,
        names: String?,
        key: [String] = Self.ec,
        more: [String] = []
    ) throws {
        let alternatives = names.map { ["-addext", "subjectAltName=\($0)"] } ?? []
        let constraints = more.isEmpty ? ["-addext", "basicConstraints=critical,CA:FALSE"] : more
        try openssl(
            ["req", "-x509", "-nodes", "-days", "30", "-subj", "/O=Bulkhead/CN=\(name)"] + key
                + ["-CA", "\(issuer).crt", "-CAkey", "\(issuer).key"] + alternatives + constraints
                + ["-keyout", "\(name).key", "-out", "\(name).crt"]
        )
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw CocoaError(.fileReadUnknown) }
    }
}
