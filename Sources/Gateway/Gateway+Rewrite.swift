// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Compression
import Configuration
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Vending

extension Gateway {
    /// Puts the request into its compartment: target, fields, and what the adapter wants of the body.
    mutating func rewrite(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ grant: Grant,
        _ now: WallTime
    ) throws(Stop) -> Action {
        guard let means = grant.means else { throw .refused(.policyDenied) }
        let adapter = route.adapter
        exchange.outgoing.removeAll()
        exchange.outgoing.method = exchange.request.method
        owners.begin()
        let mapping: RequestMapping
        do throws(AdapterFailure) {
            mapping = try adapter.rewriteHead(
                operation,
                exchange.request,
                length: exchange.bodyLength,
                means.scope,
                isSignature: SignatureClaim.isOurs,
                into: &exchange.outgoing.target,
                &requestPlan
            )
        } catch {
            throw .adapter(error)
        }
        try needOwners()
        injectParameter(&exchange, means)
        exchange.mapping = mapping
        do throws(FieldError) {
            try writeFields(&exchange, route, principal, means, now)
        } catch {
            throw .refused(.fieldsTooLarge)
        }
        switch adapter.requestBody(mapping) {
        case .json(let limit): return .collect(limit: min(limit, exchange.plan.bufferedBodyBytes))
        case .opaque where mustCollect(exchange, route):
            return .collect(limit: exchange.plan.bufferedBodyBytes)
        case .none, .opaque, .events:
            try verifySignature(&exchange, isCollected: false, now)
            return try send(&exchange, route, principal, mapping, means)
        }
    }

    /// What was made with placeholders is of no use: the step that made it runs again when owners are known.
    func needOwners() throws(Stop) {
        if !owners.missing.isEmpty { throw .need(.owners(owners.missing)) }
    }

    /// The collected body, rewritten.
    mutating func transformRequest(_ exchange: inout Exchange, _ now: WallTime) throws(Stop) -> Action {
        guard let route = exchange.route, let principal = exchange.principal,
            let means = exchange.grant?.means, var mapping = exchange.mapping
        else {
            throw .refused(.policyFailed)
        }
        try verifySignature(&exchange, isCollected: true, now)
        if route.adapter.requestBody(mapping) == .opaque {
            exchange.isBodyCollected = true
            return try send(&exchange, route, principal, mapping, means)
        }
        if exchange.resumption == .requestBody { owners.begin() } else { owners.forget() }
        exchange.resumption = .requestBody
        schemas.begin(now: now)
        text.removeAll()
        swap(&text, &exchange.requestBody)
        var raw = Buffer()
        if mapping.isCompressed { try inflate(keeping: &raw, limit: exchange.plan.bufferedBodyBytes) }
        do throws(AdapterFailure) {
            try route.adapter.transformRequest(
                &mapping,
                text.bytes,
                means.scope,
                into: &exchange.requestBody
            )
            if mapping.isAlternative {
                exchange.outgoing.target.removeAll()
                _ = try route.adapter.rewriteTarget(
                    mapping.operation,
                    exchange.request.path,
                    means.scope,
                    alternative: true,
                    into: &exchange.outgoing.target
                )
                injectParameter(&exchange, means)
            }
        } catch {
            guard let query = schemas.missing else { throw .adapter(error) }
            // As it came, for the next time.
            swap(&text, &exchange.requestBody)
            throw .need(.schema(try schemaNeed(exchange, route, principal, means, query)))
        }
        if !owners.missing.isEmpty {
            // As it came, for the next time.
            if mapping.isCompressed { swap(&text, &raw) }
            swap(&text, &exchange.requestBody)
            try needOwners()
        }
        exchange.isBodyCollected = true
        exchange.mapping = mapping
        return try send(&exchange, route, principal, mapping, means)
    }

    /// Puts what the body in `text` stands for in its place. A small one can stand for a very large one, so what comes out is
    /// bounded as what comes in.
    private mutating func inflate(keeping raw: inout Buffer, limit: Int) throws(Stop) {
        swap(&text, &raw)
        do throws(GZip.Failure) {
            try GZip.decode(raw.bytes, limit: limit, into: &text)
        } catch {
            switch error {
            case .malformed: throw .adapter(AdapterFailure(.bodyInvalid))
            case .tooLarge: throw .refused(.bodyTooLarge)
            }
        }
    }

    private mutating func send(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ mapping: RequestMapping,
        _ means: Means
    ) throws(Stop) -> Action {
        let adapter = route.adapter
        guard adapter.operations[mapping.operation].isLocal else {
            if let signing = exchange.route?.signing { try sign(&exchange, means, signing.scope) }
            exchange.isReady = true
            try lease(&exchange, route, principal)
            return .forward
        }
        if adapter.native == .containerCredentials { return try answerKeys(&exchange, route, means) }
        let status = adapter.answer(mapping, means.scope, into: &exchange.answer.body)
        exchange.answer.status = Status(status)
        exchange.answer.fields.append(.contentType, value: adapter.errorContentType)
        return .answer
    }

    // MARK: fields

    private mutating func writeFields(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ means: Means,
        _ now: WallTime
    ) throws(FieldError) {
        let forwardsToken = forwardsToken(exchange, route)
        let plan = exchange.plan
        if let session = try copyFields(
            exchange.request.fields,
            to: &exchange.outgoing.fields,
            route,
            principal,
            plan,
            forwardsToken: forwardsToken
        ) {
            try writeSession(&exchange, session, principal)
        }
        try Self.append(means.fields, to: &exchange.outgoing.fields)
        for template in means.perRequest {
            let value = Means.render(template, route, principal, means.scope, [], session: exchange.session)
            if !value.isEmpty {
                try exchange.outgoing.fields.append(name: Array(template.name.utf8).span, value: value.bytes)
            }
        }
        if route.isIngress {
            try writeIngress(&exchange, route, principal, means, now, forwardsToken: forwardsToken)
        }
    }

    /// Only what was verified goes on: not the second of two fields, nor another scheme's value beside a certificate.
    private func forwardsToken(_ exchange: borrowing Exchange, _ route: Route) -> Bool {
        route.isIngress && route.forwardsToken && exchange.hasToken
            && exchange.request.fields.occurrences(.authorization) == 1
    }

    /// Copies what may go on.
    /// - Returns: the field that holds the client's session id, if one does.
    private mutating func copyFields(
        _ fields: borrowing Fields,
        to outgoing: inout Fields,
        _ route: Route,
        _ principal: Principal,
        _ plan: GatewayPlan,
        forwardsToken: Bool
    ) throws(FieldError) -> Int? {
        var session: Int?
        for index in fields.indices {
            if route.isInjected(fields.name(at: index)) {
                metrics.add(.headersStripped)
                continue
            }
            switch requestPlan.decisions[index] {
            case .drop: break
            case .replace(let range):
                let value = requestPlan.values.bytes.extracting(range)
                try outgoing.append(nameAt: index, of: fields, value: value)
            case .session: session = index
            case .user:
                text.removeAll()
                Means.append(principal.user.text, to: &text)
                try outgoing.append(nameAt: index, of: fields, value: text.bytes)
            case .pass:
                let known = fields.known(at: index)
                if isConsumed(known), !(known == .authorization && forwardsToken) { break }
                if route.isSession(fields.name(at: index)) {
                    session = index
                    break
                }
                if plan.reserved.protects(fields.name(at: index)) {
                    metrics.add(.headersStripped)
                    break
                }
                try outgoing.append(index, of: fields)
            }
        }
        if requestPlan.addsIdentityCoding { outgoing.append(.acceptEncoding, value: "identity") }
        return session
    }

    private static func append(_ fields: borrowing Fields, to outgoing: inout Fields) throws(FieldError) {
        for index in fields.indices { try outgoing.append(index, of: fields) }
    }

    private static func append(valueAt index: Int, of fields: borrowing Fields, to value: inout Buffer) {
        value.append(fields.value(at: index))
    }

    /// Fields that end here: carriers (THREATS 6), trace context (THREATS 3), and what only a proxy that an origin
    /// trusts may say.
    private func isConsumed(_ known: KnownField) -> Bool {
        switch known {
        case .authorization, .xAPIKey, .apiKey, .baggage, .traceparent, .tracestate, .b3, .forwarded,
            .xForwardedFor,
            .xForwardedHost,
            .xForwardedProto, .xForwardedPort, .xForwardedPrefix, .xForwardedServer, .xForwardedURI,
            .xForwardedMethod, .xOriginalURL, .xRewriteURL, .xRealIP, .xHTTPMethodOverride:
            true
        default: false
        }
    }

    private mutating func writeSession(
        _ exchange: inout Exchange,
        _ index: Int,
        _ principal: Principal
    ) throws(FieldError) {
        exchange.clientSession.removeAll()
        Self.append(valueAt: index, of: exchange.request.fields, to: &exchange.clientSession)
        guard let session = sessions.virtualise(exchange.clientSession.bytes, for: principal) else {
            throw .invalidValue
        }
        exchange.session = session
        text.removeAll()
        session.write(into: &text)
        try exchange.outgoing.fields.append(nameAt: index, of: exchange.request.fields, value: text.bytes)
    }

    /// What an agent gets to hand on: the handle in the token's place and in the baggage, and a trace of its own.
    private mutating func writeIngress(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ means: Means,
        _ now: WallTime,
        forwardsToken: Bool
    ) throws(FieldError) {
        let end = now + exchange.plan.handleTimes.maxRun
        let until = min(end + exchange.plan.handleTimes.linger, principal.expiry)
        text.removeAll()
        text.append("Bearer ")
        authenticator.seal(
            principal,
            agent: route.upstreamName,
            session: exchange.session,
            nonce: exchanges.nonce(of: exchange.traceID),
            expires: until,
            into: &text
        )
        // Before anything of it is sent: the agent's own calls may speak for it from here on.
        let opened = OpenExchange(
            trace: exchange.traceID,
            owner: means.owner(principal, exchange.session, route),
            until: until,
            traceUntil: end
        )
        open(&exchange, opened, route, now)
        if !forwardsToken { try exchange.outgoing.fields.append(.authorization, value: text.bytes) }
        try exchange.outgoing.fields.append(.baggage, value: baggage(exchange, means).bytes)
        text.removeAll()
        exchange.traceParent?.append(to: &text)
        try exchange.outgoing.fields.append(.traceparent, value: text.bytes)
    }

    /// Once, however often the step runs.
    private func open(_ exchange: inout Exchange, _ opened: OpenExchange, _ route: Route, _ now: WallTime) {
        guard exchange.openness == .none else { return }
        if exchange.plan.hearsAgent(of: route), exchanges.begin(opened, now: now) {
            exchange.openness = .heard
        } else {
            exchanges.beginUnheard(exchange.traceID, with: route.upstreamName)
            exchange.openness = .unheard
        }
    }

    /// The caller's own baggage without anything that speaks of tenants, then ours. `text` holds `Bearer <handle>`.
    private mutating func baggage(_ exchange: borrowing Exchange, _ means: Means) -> Buffer {
        var value = Buffer(capacity: means.baggage.count + text.count + 32)
        value.append(means.baggage)
        value.append(value.isEmpty ? "" : ",")
        value.append(Carriers.baggageKey)
        value.append(UInt8(ascii: "="))
        value.append(text.bytes.extracting(7..<text.count))
        var next = exchange.request.fields.first(.baggage)
        while let index = next {
            Baggage.append(membersOf: exchange.request.fields.value(at: index), into: &value) { key in
                key.equals(Carriers.baggageKey) || key.hasPrefix("tenancy.")
            }
            next = exchange.request.fields.first(.baggage, from: index + 1)
        }
        return value
    }
}
