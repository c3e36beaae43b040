// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import Identity
import JSON
import Runtime

/// Brings an issuer's keys from where the configuration says they are.
struct KeyLoader {
    let client: ControlClient
    /// Notes the files that are read.
    var files = FileSet()

    func load(_ source: ControlPlan.KeySource) async throws -> KeySet {
        switch source.source {
        case .none: throw FetchError.metadata
        case .file(let path):
            let bytes = try files.read(path, limit: KeySet.maximumBytes)
            return try KeySet.parse(bytes.span)
        case .url(let url):
            let bytes = try await get(url, source)
            return try KeySet.parse(bytes.span)
        case .discovery(let url):
            let document = try await get(url, source)
            let metadata = try JSONValue.parse(document.span)
            // Whoever answers there must be the issuer (OpenID Connect Discovery §4.3).
            guard case .object(let members) = metadata, case .string(let issuer)? = members["issuer"],
                issuer.utf8.elementsEqual(source.url.utf8), case .string(let keys)? = members["jwks_uri"]
            else { throw FetchError.metadata }
            let bytes = try await get(keys, source)
            return try KeySet.parse(bytes.span)
        }
    }

    private func get(_ text: String, _ source: ControlPlan.KeySource) async throws -> [UInt8] {
        guard let url = WebURL(text) else { throw FetchError.metadata }
        let reply = try await client.fetch(
            .get,
            url.target,
            at: url.target(tls: source.tls),
            deadline: Clock.now() + .seconds(10)
        )
        guard reply.status == 200 else { throw FetchError.status(reply.status) }
        return reply.body
    }
}
