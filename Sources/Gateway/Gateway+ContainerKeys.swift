// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import Identity
import JSON
import Namespaces

/// Keys for the process behind a leased endpoint, as SDKs of AWS fetch them (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).
/// Source: "Container credential provider", AWS SDKs and Tools Reference Guide.
extension Gateway {
    /// How long worthless keys last at most. They end with the lease in any case; SDKs fetch others in the last quarter
    /// of an hour.
    private static let lifetime = Interval.seconds(3600)
    private static let worthlessToken: StaticString = "bulkhead"

    /// The keys: where the route has a credential, the tenant's own, which it narrows; else a pair that Bulkhead alone
    /// honours, through this endpoint and in this lease.
    mutating func answerKeys(
        _ exchange: inout Exchange,
        _ route: Route,
        _ means: Means?
    ) throws(Stop) -> Action {
        try checkContainerToken(exchange, route)
        exchange.answer.status = .ok
        exchange.answer.fields.append(.contentType, value: "application/json")
        exchange.answer.fields.append(.cacheControl, value: "no-store")
        if let keys = means?.keys {
            guard let expiry = keys.expiry else { throw .refused(.credentialFailed) }
            let id = keys.accessKeyID
            Self.write(id.span, keys.secret, keys.sessionToken, expiry, &exchange.answer.body)
            return .answer
        }
        guard let endpoint = exchange.plan.listeners[exchange.listener].leasedEndpoint else {
            throw .refused(Refusal(.leaseIdle))
        }
        let expiry = exchange.startedOn + Self.lifetime
        var id = Buffer()
        leaseKeys.seal(
            endpoint: endpoint,
            instance: exchanges.instance,
            epoch: exchanges.endpoints.epoch(of: endpoint),
            expires: expiry,
            into: &id
        )
        let secret = worthlessKeys.secret(of: id.bytes)
        let token = Secret(copying: Self.worthlessToken.bytes)
        Self.write(id.bytes, secret, token, expiry, &exchange.answer.body)
        return .answer
    }

    /// SDKs fetch keys when a client object is made, which is often before anybody has the process. Those of Bulkhead's say
    /// nothing of anybody, and are good only once somebody has it; so they are given without a lease too.
    /// - Returns: nil for every other request.
    mutating func answerBootKeys(_ exchange: inout Exchange, _ route: Route) throws(Stop) -> Action? {
        guard route.adapter.native == .containerCredentials, route.credential == nil,
            let endpoint = exchange.plan.listeners[exchange.listener].leasedEndpoint,
            exchanges.endpoints.find(endpoint, now: exchange.startedOn) == nil
        else { return nil }
        _ = try findOperation(&exchange, route)
        guard exchange.bodyLength == .none || exchange.bodyLength == .fixed(0) else {
            throw .adapter(AdapterFailure(.bodyUndeclared))
        }
        return try answerKeys(&exchange, route, nil)
    }

    /// What the SDK reads from `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, where the route wants it.
    private func checkContainerToken(_ exchange: borrowing Exchange, _ route: Route) throws(Stop) {
        guard let token = route.containerToken else { return }
        guard exchange.request.fields.occurrences(.authorization) == 1,
            let index = exchange.request.fields.first(.authorization),
            constantTimeEquals(exchange.request.fields.value(at: index), token.bytes)
        else { throw .refused(.containerTokenWrong) }
    }

    private static func write(
        _ id: borrowing Span<UInt8>,
        _ secret: Secret,
        _ token: Secret?,
        _ expiry: WallTime,
        _ output: inout Buffer
    ) {
        output.append("{\"AccessKeyId\":")
        JSONWriter.appendString(id.extracting(0..<id.count), &output)
        output.append(",\"SecretAccessKey\":")
        JSONWriter.appendString(secret.bytes, &output)
        if let token {
            output.append(",\"Token\":")
            JSONWriter.appendString(token.bytes, &output)
        }
        var date = Buffer()
        date.append(rfc3339: expiry)
        output.append(",\"Expiration\":\"")
        output.append(date.bytes.extracting(0..<19))
        output.append("Z\"}")
    }
}
