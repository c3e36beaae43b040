// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import HTTPTypes
import Runtime

/// Requests of Bulkhead's own to stores, bearing what an agent's request would be given there.
extension ControlClient {
    func fetch(
        _ method: Method,
        _ path: String,
        at target: Target,
        bearing credential: StoreCredential,
        body: [UInt8],
        limit: Int = maximumBytes,
        deadline: Instant
    ) async throws(FetchError) -> Reply {
        var path = path
        if let parameter = credential.parameter {
            path += (path.contains("?") ? "&" : "?") + (parameter.bytes.string() ?? "")
        }
        var fields = credential.fields.map { (name: $0.name, value: $0.value.bytes.array()) }
        if let (keys, scope) = credential.signing {
            let call = AWSCall(
                scope: scope,
                keys: keys,
                method: method,
                target: path,
                body: body,
                contentType: "application/json",
                fields: fields
            )
            fields = try call.signed(target.authority, now: Clock.wallTime())
        }
        return try await fetch(
            method,
            path,
            at: target,
            body: body,
            contentType: body.isEmpty ? nil : "application/json",
            adding: fields,
            limit: limit,
            deadline: deadline
        )
    }
}
