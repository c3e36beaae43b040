// SPDX-License-Identifier: Apache-2.0
import Foundation
import GatewayRig
import Testing

/// The real binary as a child process, with one worker, in front of one upstream.
final class Bulkhead {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let process = Process()
    private let folder = Folder()
    private let output = Pipe()
    private var said = ""
    private(set) var port: UInt16 = 0
    private(set) var adminPort: UInt16 = 0
    let token: String

    var identifier: Int32 { process.processIdentifier }

    /// - Parameters:
    ///   - descriptors: how many files the process may have open.
    ///   - limits, upstreamSettings: more of the configuration.
    init(
        to upstream: UInt16,
        descriptors: Int? = nil,
        limits: String = "{}",
        upstreamSettings: String = ""
    ) throws {
        let now = Int(Date().timeIntervalSince1970)
        token = Signer.pool.token(.ann.with("exp", "\(now + 3600)").with("iat", "\(now - 10)"))
        folder.write("tenants.yaml", "tenants: [{id: acme, name: Acme, tier: basic, issuers: [pool]}]\n")
        folder.write("bulkhead.key", Self.operatorsKey)
        folder.write("jwks.json", #"{"keys":[\#(Signer.pool.jwk)]}"#)
        folder.write("access.log", "")
        let path = folder.write(
            "bulkhead.yaml",
            Self.configuration(folder.path, upstream, limits, upstreamSettings)
        )
        process.executableURL = URL(filePath: "/bin/sh")
        let limit = descriptors.map { "ulimit -n \($0); " } ?? ""
        process.arguments = ["-c", limit + #"exec "$0" serve --config "$1""#, Self.binary.path(), path]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        port = try address("web")
        adminPort = try address("admin")
        while try !isReady() { try expectAlive() }
    }

    deinit {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
    }

    /// Of Bulkhead's own, and what opens the admin plane.
    private static let operatorsKey = "an-operators-key-of-at-least-32-bytes-for-tests-only"

    /// Built beside the tests, since they depend on it.
    static let binary: URL = {
        // …/debug/bulkheadPackageTests.xctest or …/debug/bulkheadPackageTests.xctest/…: the folder that has it.
        var folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        for _ in 0..<6 {
            folder.deleteLastPathComponent()
            let candidate = folder.appending(path: "bulkhead")
            if FileManager.default.isExecutableFile(atPath: candidate.path()) { return candidate }
        }
        return folder
    }()

    private func expectAlive() throws {
        if !process.isRunning { throw Failure(description: "bulkhead ended: \(said)") }
    }

    private func address(_ listener: String) throws -> UInt16 {
        let mark = "\(listener) listens on 127.0.0.1:"
        while true {
            if let range = said.range(of: mark), let end = said[range.upperBound...].firstIndex(of: "\n"),
                let port = UInt16(said[range.upperBound..<end])
            {
                return port
            }
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { throw Failure(description: "bulkhead said: \(said)") }
            said += String(decoding: data, as: UTF8.self)
        }
    }

    private func isReady() throws -> Bool {
        guard let wire = Wire(port: adminPort) else { return false }
        wire.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return try wire.reply()?.status == 200
    }

    // MARK: use

    func connect() throws -> Wire {
        guard let wire = Wire(port: port) else { throw Failure(description: "cannot connect: \(said)") }
        return wire
    }

    /// A request in wire form; `Content-Length` is added for a body.
    func request(
        _ line: String,
        host: String = "notes.local",
        _ fields: [String] = [],
        body: String = ""
    ) -> String {
        Rig.request(line, host: host, token: token, fields, body: body)
    }

    /// One request on a connection of its own.
    func ask(_ text: String, isHead: Bool = false) throws -> Reply {
        let wire = try connect()
        wire.send(text)
        guard let reply = try wire.reply(isHead: isHead) else {
            throw Failure(description: "the connection ended without an answer")
        }
        return reply
    }

    /// Resident memory in KiB.
    func residentKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    /// A counter of the admin plane; 0 when it does not stand there.
    func metric(_ name: String) throws -> Int {
        guard let wire = Wire(port: adminPort) else { throw Failure(description: "no admin plane") }
        wire.send(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Authorization: Bearer \(Self.operatorsKey)\r\n\r\n"
        )
        let lines = try wire.reply()?.body.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("\(name) ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) } ?? 0
    }

    func terminate() { process.terminate() }

    /// - Returns: the exit code.
    func waitUntilExit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Ends it, and reads what it has recorded: one line for each request.
    func stop() throws -> [String] {
        if process.isRunning { process.terminate() }
        #expect(waitUntilExit() == 0)
        return try records()
    }

    func records() throws -> [String] {
        try String(contentsOfFile: "\(folder.path)/access.log", encoding: .utf8).split(separator: "\n")
            .map(String.init)
    }

    private static func configuration(
        _ folder: String,
        _ upstream: UInt16,
        _ limits: String,
        _ settings: String
    ) -> String {
        """
        version: 1
        workers: 1
        listeners: [{name: web, address: "127.0.0.1:0", carriers: [bearer], routes: [agent, notes, graph]}]
        identity:
          issuers: [{name: pool, profile: cognito, issuer: "\(Rig.poolURL)", audiences: [app], jwks: {file: jwks.json}}]
        tenants: {file: tenants.yaml}
        tiers: {basic: {weight: 1}}
        adapters: \(Package.root)/Config/adapters/
        policy:
          files: ["\(Package.root)/Config/policies/"]
          schema: "\(Package.root)/Config/policies/bulkhead.cedarschema"
        upstreams:
          one:
            endpoints: ["127.0.0.1:\(upstream)"]
            \(settings)
        routes:
          - name: agent
            match: {hosts: [agent.local]}
            adapter: agentcore-runtime
            resource: 'Agent::"agent"'
            upstream: one
            websocket: true
          - name: notes
            match: {hosts: [notes.local]}
            adapter: rest
            resource: 'Store::"notes"'
            upstream: one
            single_layer: {owner: tests, reason: a scripted upstream, expires: 2127-12-31}
          - name: graph
            match: {hosts: [graph.local]}
            adapter: langgraph
            resource: 'Store::"graph"'
            upstream: one
            single_layer: {owner: tests, reason: a scripted upstream, expires: 2127-12-31}
        limits: \(limits)
        telemetry: {access_log: {path: "\(folder)/access.log"}}
        keys: {current: {file: bulkhead.key}}
        admin: {address: "127.0.0.1:0", token: {file: bulkhead.key}}
        """
    }
}
