// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes
internal import JSON

/// A protocol that needs more than a table can say: its operations, and where keys stand in them, are code.
package enum NativeStore: String, Sendable, CaseIterable {
    case s3
    case dynamoDB = "dynamodb"
    /// Keys of AWS for the process behind a leased endpoint. Nothing of it goes to an upstream.
    case containerCredentials = "container-credentials"
}

/// The built-in protocols. Each method is what the one of the same name does for tables.
extension Adapter {
    /// One for each built-in protocol.
    package static let builtIn: [Adapter] = NativeStore.allCases.map { native in
        let operations: [AdapterOperation]
        switch native {
        case .s3:
            // Whether there is a bucket, the route says: asking for it by itself would need a right to list all of it.
            operations = S3Operation.all.map {
                .init(native: $0.name, $0.method, $0.action, isLocal: $0.name == "HeadBucket")
            }
        case .dynamoDB: operations = DynamoDBOperation.all.map { .init(native: $0.name, .post, $0.action) }
        case .containerCredentials:
            operations = [.init(native: "get", .get, "memory:Read", isLocal: true)]
        }
        return Adapter(native, operations: operations)
    }

    /// The operation that a request is.
    package func match(
        _ request: borrowing RequestHead,
        _ resources: StoreResources
    ) throws(AdapterFailure) -> Int {
        switch native {
        case nil: return try match(request.method, request.path, request.fields)
        case .s3: return try S3Request.match(request, resources)
        case .dynamoDB:
            guard request.method == .post, request.path.pathAndQuery.equals("/"),
                let index = request.fields.first(.xAmzTarget)
            else { throw AdapterFailure(.operationUnknown) }
            guard request.fields.occurrences(.xAmzTarget) == 1 else { throw AdapterFailure(.headerDuplicate) }
            return try DynamoDBOperation.match(request.fields.value(at: index))
        case .containerCredentials:
            guard request.method == .get, !request.path.hasQuery else {
                throw AdapterFailure(.operationUnknown)
            }
            return 0
        }
    }

    /// Target and headers of a request as they go to the store.
    /// - Parameter isSignature: whether a parameter of the query is a signature's.
    package func rewriteHead(
        _ operation: Int,
        _ request: borrowing RequestHead,
        length: BodyLength,
        _ scope: AdapterScope,
        isSignature: (borrowing Span<UInt8>) -> Bool,
        into target: inout Buffer,
        _ plan: inout FieldPlan
    ) throws(AdapterFailure) -> RequestMapping {
        switch native {
        case nil:
            var mapping = try rewriteTarget(operation, request.path, scope, into: &target)
            try planRequest(&mapping, request.fields, length: length, scope, into: &plan)
            return mapping
        case .s3:
            let known = S3Operation.all[operation]
            try scope.checkSessions(in: request.path.pathAndQuery)
            try S3Request.rewriteTarget(
                known,
                request,
                scope.resources,
                scope.keyPrefix,
                isOurs: isSignature,
                into: &target
            )
            try planS3(known, request.fields, length, scope, into: &plan)
            return RequestMapping(operation: operation)
        case .dynamoDB:
            target.append(ASCII.slash)
            try planDynamoDB(request.fields, into: &plan)
            return RequestMapping(operation: operation)
        case .containerCredentials:
            guard length == .none || length == .fixed(0) else { throw AdapterFailure(.bodyUndeclared) }
            plan.restart(addsIdentityCoding: false)
            for _ in request.fields.indices { plan.append(.drop) }
            return RequestMapping(operation: operation)
        }
    }

    private func planS3(
        _ operation: S3Operation,
        _ fields: borrowing Fields,
        _ length: BodyLength,
        _ scope: AdapterScope,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) {
        if case .none = operation.request, length != .none, length != .fixed(0) {
            throw AdapterFailure(.bodyUndeclared)
        }
        var isRewritten = false
        if case .keys = operation.request { isRewritten = true }
        plan.restart(addsIdentityCoding: false)
        for index in fields.indices {
            let known = fields.known(at: index)
            switch S3Headers.request(fields.name(at: index), known) {
            case .pass: plan.append(.pass)
            case .drop: plan.append(.drop)
            case .ofBody: plan.append(isRewritten ? .drop : .pass)
            case .refuse: throw AdapterFailure(.headerRefused)
            case .copySource:
                guard fields.occurrences(known) == 1 else { throw AdapterFailure(.headerDuplicate) }
                try plan.replace { (output: inout Buffer) throws(AdapterFailure) in
                    try S3Request.rewriteCopySource(
                        fields.value(at: index),
                        scope.resources,
                        scope.keyPrefix,
                        into: &output
                    )
                }
            }
        }
    }

    private func planDynamoDB(
        _ fields: borrowing Fields,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) {
        guard MediaType.isPlain(fields) else { throw AdapterFailure(.contentCodingRefused) }
        guard fields.occurrences(.contentType) == 1, let type = fields.first(.contentType),
            fields.value(at: type).equalsIgnoringCase("application/x-amz-json-1.0")
        else { throw AdapterFailure(.contentTypeRefused) }
        plan.restart(addsIdentityCoding: true)
        for index in fields.indices {
            switch fields.known(at: index) {
            case .contentType, .xAmzTarget, .userAgent: plan.append(.pass)
            default: plan.append(.drop)
            }
        }
    }

    // MARK: bodies

    func nativeRequestBody(_ native: NativeStore, _ mapping: RequestMapping) -> BodyPlan {
        switch native {
        case .containerCredentials: .none
        case .dynamoDB: .json(maximumBytes: DynamoDBRequest.maximumBytes)
        case .s3:
            switch S3Operation.all[mapping.operation].request {
            case .none: .none
            case .opaque: .opaque
            case .keys: .json(maximumBytes: S3Bodies.maximumBytes)
            }
        }
    }

    func transformNativeRequest(
        _ native: NativeStore,
        _ mapping: RequestMapping,
        _ body: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        switch native {
        case .s3: try S3Bodies.rewriteDelete(body, scope.keyPrefix, into: &output)
        case .dynamoDB:
            let operation = DynamoDBOperation.all[mapping.operation]
            let request = DynamoDBRequest(operation, scope.tables, scope.keyPrefix)
            try request.rewrite(body.extracting(0..<body.count), into: &output)
        case .containerCredentials: throw AdapterFailure(.bodyUndeclared)
        }
    }

    func planNativeResponse(
        _ native: NativeStore,
        _ mapping: RequestMapping,
        status: UInt16,
        _ fields: borrowing Fields,
        length: BodyLength,
        into plan: inout FieldPlan
    ) throws(AdapterFailure) -> BodyPlan {
        guard status >= 200, native != .containerCredentials else {
            throw AdapterFailure(.responseStatusRefused)
        }
        let body = Self.body(native, mapping, status, length)
        if body != .none, body != .opaque, !MediaType.isPlain(fields) {
            throw AdapterFailure(.responseCodingRefused)
        }
        plan.restart(addsIdentityCoding: false)
        for index in fields.indices {
            let (name, known) = (fields.name(at: index), fields.known(at: index))
            let passes: Bool
            switch native {
            case .containerCredentials: passes = false
            case .s3: passes = S3Headers.passesResponse(name, known)
            case .dynamoDB:
                passes =
                    known == .contentType || known == .date || name.equalsIgnoringCase("x-amzn-requestid")
            }
            plan.append(passes ? .pass : .drop)
        }
        return body
    }

    private static func body(
        _ native: NativeStore,
        _ mapping: RequestMapping,
        _ status: UInt16,
        _ length: BodyLength
    ) -> BodyPlan {
        if length == .none || length == .fixed(0) || status == 204 || status == 304 { return .none }
        // What is announced of a body that does not come stays true: objects are not changed.
        if case .s3 = native, S3Operation.all[mapping.operation].method == .head { return .none }
        if status >= 300 { return .json(maximumBytes: 256 << 10) }
        switch native {
        case .containerCredentials: return .none
        case .dynamoDB: return .json(maximumBytes: DynamoDBRequest.maximumBytes)
        case .s3:
            if case .opaque = S3Operation.all[mapping.operation].response { return .opaque }
            return .json(maximumBytes: S3Bodies.maximumBytes)
        }
    }

    /// Appends the body that goes to the agent.
    /// - Parameter sent: the body that went to the store, where it was read whole.
    package func transformResponse(
        _ mapping: RequestMapping,
        status: UInt16,
        _ body: borrowing Span<UInt8>,
        _ request: borrowing RequestHead,
        sent: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) -> UInt16 {
        switch native {
        case nil:
            return try transformResponse(mapping, status: status, body, request.path, scope, into: &output)
        case .s3:
            let names = S3Bodies.Names(path: request.path.bytes.array(), host: request.authority.array())
            if status >= 300 {
                S3Bodies.mapError(body, scope.keyPrefix, names, status: status, into: &output)
            } else {
                try S3Bodies.mapResponse(body, scope.keyPrefix, names, into: &output)
            }
        case .dynamoDB:
            var tables = scope.tables
            tables.takesOld = true
            let response = try DynamoDBResponse(
                DynamoDBOperation.all[mapping.operation],
                tables,
                scope.keyPrefix,
                request: sent.extracting(0..<sent.count)
            )
            let whole = body.extracting(0..<body.count)
            if status >= 300 {
                try response.mapError(whole, into: &output)
            } else {
                try response.map(whole, into: &output)
            }
        case .containerCredentials: throw AdapterFailure(.responseUndeclared)
        }
        return status
    }

    // MARK: errors

    static func writeNativeError(
        _ native: NativeStore,
        code: String,
        status: UInt16,
        into output: inout Buffer
    ) {
        let message = "Refused by Bulkhead: \(code)"
        switch native {
        case .s3:
            let name =
                switch status {
                case 401, 403: "AccessDenied"
                case 404: "NoSuchKey"
                case 413: "EntityTooLarge"
                case 429: "SlowDown"
                case 503, 504: "ServiceUnavailable"
                case 500...: "InternalError"
                default: "InvalidRequest"
                }
            S3Bodies.writeError(
                code: Array(name.utf8),
                message: Array(message.utf8),
                resource: [],
                request: [],
                into: &output
            )
        case .dynamoDB:
            let type =
                switch status {
                case 401, 403: "AccessDeniedException"
                case 429: "ThrottlingException"
                case 503, 504: "ServiceUnavailable"
                case 500...: "InternalServerError"
                default: "ValidationException"
                }
            DynamoDBResponse.writeError(type, message, into: &output)
        case .containerCredentials:
            // A code of ours, which needs no escaping.
            output.append("{\"code\":\"")
            output.append(string: code)
            output.append("\",\"message\":\"")
            output.append(string: message)
            output.append("\"}")
        }
    }

    /// The policy that narrows keys of AWS to a compartment for one action; nil where none is known.
    /// - Parameter resource: what the request's path names, where policies decide on that.
    package func sessionPolicy(_ action: String, _ scope: AdapterScope, resource: [UInt8]?) -> [UInt8]? {
        switch native {
        case nil:
            aws?.sessionPolicy(action, scope.compartment, resource.map { [$0] } ?? scope.resources.names)
        case .s3: SessionPolicy.s3(action, scope.resources.buckets, scope.keyPrefix)
        case .dynamoDB:
            SessionPolicy.dynamoDB(action, scope.resources.tableNames, scope.keyPrefix)
        case .containerCredentials:
            SessionPolicy.all(
                scope.resources.buckets,
                scope.resources.tableNames,
                scope.keyPrefix
            )
        }
    }
}
