// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import Crypto
import HTTPTypes
import Runtime

/// Where the keys come from that ask STS: what the AWS tools would find on this machine, in their order.
struct BaseKeySource: Sendable {
    let source: Configuration.STS.Base.Source
    let profile: String?
    /// Names that begin with `AWS_`, and `HOME`.
    let environment: [String: String]

    private static let containerHost = "http://169.254.170.2"
    private static let instanceHost = "http://169.254.169.254"

    /// - Throws: `denied` where there are none; `unavailable` where they cannot be read now.
    func find(_ vendor: STSVendor, _ client: ControlClient) async throws(STSFailure) -> AWSCredential {
        switch source {
        case .environment: return try required(fromEnvironment())
        case .file: return try required(fromFile())
        case .webIdentity: return try await fromWebIdentity(vendor, client)
        case .container: return try await fromContainer(client)
        case .instance: return try await fromInstance(client)
        case .automatic:
            if let keys = fromEnvironment() { return keys }
            if environment["AWS_WEB_IDENTITY_TOKEN_FILE"] != nil {
                return try await fromWebIdentity(vendor, client)
            }
            if let keys = fromFile() { return keys }
            if containerURL != nil { return try await fromContainer(client) }
            return try await fromInstance(client)
        }
    }

    private func required(_ keys: AWSCredential?) throws(STSFailure) -> AWSCredential {
        guard let keys else { throw .denied }
        return keys
    }

    private func fromEnvironment() -> AWSCredential? {
        guard let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"]
        else { return nil }
        return AWSCredential(
            accessKeyID: Array(id.utf8),
            secret: Secret(copying: secret.utf8Span.span),
            sessionToken: environment["AWS_SESSION_TOKEN"].map { Secret(copying: $0.utf8Span.span) }
        )
    }

    /// Read at each vend, so that keys may be changed in it.
    private func fromFile() -> AWSCredential? {
        let home = environment["HOME"] ?? "/root"
        let path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials"
        let profile = profile ?? environment["AWS_PROFILE"] ?? "default"
        do throws(Files.Failure) {
            return try Files.withSecret(path, limit: 256 << 10) { SharedFile.read($0, profile: profile) }
        } catch {
            return nil
        }
    }

    private func fromWebIdentity(
        _ vendor: STSVendor,
        _ client: ControlClient
    ) async throws(STSFailure) -> AWSCredential {
        guard let path = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"]
        else { throw .denied }
        let token: [UInt8]
        do throws(Files.Failure) { token = try Files.read(path, limit: 64 << 10) } catch {
            throw .unavailable
        }
        return try await vendor.assumeRole(
            role,
            session: environment["AWS_ROLE_SESSION_NAME"] ?? "bulkhead",
            webIdentity: token.filter { $0 > 0x20 },
            client
        )
    }

    /// The full URI is believed under TLS, or on this host and the two addresses that container agents have.
    private var containerURL: WebURL? {
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            return WebURL(Self.containerHost + relative)
        }
        guard let url = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"].flatMap({ WebURL($0) }) else {
            return nil
        }
        let local = ["127.0.0.1", "::1", "localhost", "169.254.170.2", "169.254.170.23"]
        return url.isSecure || local.contains(url.host) ? url : nil
    }

    private func fromContainer(_ client: ControlClient) async throws(STSFailure) -> AWSCredential {
        guard let url = containerURL, !url.isSecure else { throw .denied }
        var fields: [(name: String, value: [UInt8])] = []
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            do throws(Files.Failure) {
                let token = try Files.read(path, limit: 64 << 10)
                fields.append(("authorization", token.filter { $0 >= 0x20 }))
            } catch {
                throw .unavailable
            }
        } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            fields.append(("authorization", Array(token.utf8)))
        }
        let body = try await get(url, fields, client)
        return try STSResponse.readMetadata(body.span)
    }

    /// IMDSv2: a token first, then the name of the role, then its keys.
    private func fromInstance(_ client: ControlClient) async throws(STSFailure) -> AWSCredential {
        let host = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? Self.instanceHost
        let base = host.hasSuffix("/") ? String(host.dropLast()) : host
        let folder = "\(base)/latest/meta-data/iam/security-credentials/"
        guard environment["AWS_EC2_METADATA_DISABLED"] != "true",
            let token = WebURL("\(base)/latest/api/token"),
            let names = WebURL(folder)
        else { throw .denied }
        let ttl: [(name: String, value: [UInt8])] = [
            ("x-aws-ec2-metadata-token-ttl-seconds", Array("21600".utf8))
        ]
        let session = try await get(token, ttl, client, method: .put)
        let fields: [(name: String, value: [UInt8])] = [("x-aws-ec2-metadata-token", session)]
        let list = try await get(names, fields, client)
        let name = String(decoding: list.prefix { $0 > 0x20 }, as: UTF8.self)
        guard !name.isEmpty, let role = WebURL(folder + name) else { throw .denied }
        let body = try await get(role, fields, client)
        return try STSResponse.readMetadata(body.span)
    }

    private func get(
        _ url: WebURL,
        _ fields: [(name: String, value: [UInt8])],
        _ client: ControlClient,
        method: Method = .get
    ) async throws(STSFailure) -> [UInt8] {
        do throws(FetchError) {
            let reply = try await client.fetch(
                method,
                url.target,
                at: url.target(tls: nil),
                adding: fields,
                deadline: Clock.now() + .seconds(3)
            )
            if reply.status == 200 { return reply.body }
        } catch {
            throw .unavailable
        }
        throw .unavailable
    }
}
