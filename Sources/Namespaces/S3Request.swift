// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// Which bucket and which key a request names, whichever way it is written.
package struct S3Place: Hashable, Sendable {
    package let bucket: String
    /// Plain; nil for the bucket itself.
    package let key: [UInt8]?

    /// `Host: bucket.anything` for a bucket of the route, else the first segment of the path.
    init(_ request: borrowing RequestHead, _ resources: StoreResources) throws(AdapterFailure) {
        var first = 0
        if let bucket = Self.hosted(request.host, resources) {
            self.bucket = bucket
        } else {
            guard request.path.segmentCount > 0 else { throw AdapterFailure(.operationUnknown) }
            var name = Buffer()
            request.path.decodeSegment(at: 0, into: &name)
            guard let bucket = resources.bucket(named: name.bytes) else {
                throw AdapterFailure(.resourceUnknown)
            }
            self.bucket = bucket
            first = 1
        }
        guard request.path.segmentCount > first else {
            key = nil
            return
        }
        var key = Buffer()
        for index in first..<request.path.segmentCount {
            if index > first { key.append(ASCII.slash) }
            request.path.decodeSegment(at: index, into: &key)
        }
        if request.path.endsWithSlash { key.append(ASCII.slash) }
        self.key = try Self.checked(key.bytes)
    }

    private static func hosted(_ host: borrowing Span<UInt8>, _ resources: StoreResources) -> String? {
        for bucket in resources.buckets {
            let count = bucket.utf8.count
            guard host.count > count, host[count] == UInt8(ascii: ".") else { continue }
            if host.hasPrefix(bucket.utf8Span.span) { return bucket }
        }
        return nil
    }

    /// A key that something on its way could take for another place is refused: dot segments, control bytes.
    static func checked(_ key: borrowing Span<UInt8>) throws(AdapterFailure) -> [UInt8] {
        guard !key.isEmpty else { throw AdapterFailure(.memberMissing) }
        for index in key.indices where key[index] < 0x20 || key[index] == 0x7F {
            throw AdapterFailure(.pathEncodingRefused)
        }
        var start = 0
        while start <= key.count {
            let end = key.firstIndex(of: ASCII.slash, from: start) ?? key.count
            let segment = key.extracting(start..<end)
            if segment.equals(".") || segment.equals("..") { throw AdapterFailure(.pathEncodingRefused) }
            start = end + 1
        }
        return key.array()
    }
}

/// Requests of S3: which operation one is, and what it becomes inside a compartment.
package enum S3Request {
    /// Index in `S3Operation.all`.
    /// - Throws: `operation_unknown`; `resource_unknown` for a bucket that the route does not name.
    package static func match(
        _ request: borrowing RequestHead,
        _ resources: StoreResources
    ) throws(AdapterFailure) -> Int {
        let place = try S3Place(request, resources)
        let level: S3Operation.Level = place.key == nil ? .bucket : .object
        let copies = request.fields.first(.xAmzCopySource) != nil
        for (index, operation) in S3Operation.all.enumerated() {
            guard operation.method == request.method, operation.level == level, operation.copies == copies
            else { continue }
            if operation.marker.isEmpty || has(operation.marker, request.path.query) { return index }
        }
        throw AdapterFailure(.operationUnknown)
    }

    private static func has(_ name: String, _ query: borrowing Span<UInt8>) -> Bool {
        let name = Array(name.utf8)
        return Query.find(name.span, in: query, plusIsSpace: false).first != nil
    }

    /// Appends the target: always with the bucket in the path, the key inside the compartment, the query's keys too,
    /// and without whatever a signature put there.
    /// - Throws: `parameter_…`.
    package static func rewriteTarget(
        _ operation: S3Operation,
        _ request: borrowing RequestHead,
        _ resources: StoreResources,
        _ prefix: KeyPrefix,
        isOurs: (borrowing Span<UInt8>) -> Bool,
        into target: inout Buffer
    ) throws(AdapterFailure) {
        let place = try S3Place(request, resources)
        target.append(ASCII.slash)
        target.append(string: place.bucket)
        if let key = place.key {
            target.append(ASCII.slash)
            target.append(prefix.bytes)
            PercentEncoding.encode(key.span, as: .path, into: &target)
        }
        var seen: Set<String> = []
        var cursor = QueryCursor()
        var isFirst = true
        while let parameter = cursor.next(in: request.path.query) {
            var name = Buffer()
            var value = Buffer()
            guard
                PercentEncoding.decode(request.path.query.extracting(parameter.name), into: &name),
                PercentEncoding.decode(
                    request.path.query.extracting(parameter.value),
                    plusIsSpace: true,
                    into: &value
                )
            else { throw AdapterFailure(.parameterRefused) }
            if isOurs(name.bytes) || name.bytes.equals("x-id") { continue }
            guard let text = name.text, operation.parameters.contains(text) else {
                throw AdapterFailure(.parameterUndeclared)
            }
            guard seen.insert(text).inserted else { throw AdapterFailure(.parameterDuplicate) }
            if S3Operation.keyParameters.contains(text) {
                // An empty place to begin at is none; an empty beginning is the compartment's own.
                if value.isEmpty, text != "prefix" { continue }
                let plain = value.bytes.array()
                value.removeAll()
                value.append(prefix.bytes)
                value.append(plain)
            }
            append(name.bytes, value.bytes, &isFirst, to: &target)
        }
        if operation.level == .bucket, operation.parameters.contains("prefix"), !seen.contains("prefix") {
            append(("prefix" as StaticString).bytes, prefix.bytes.span, &isFirst, to: &target)
        }
        try check(operation, seen)
    }

    private static func append(
        _ name: borrowing Span<UInt8>,
        _ value: borrowing Span<UInt8>,
        _ isFirst: inout Bool,
        to target: inout Buffer
    ) {
        target.append(isFirst ? UInt8(ascii: "?") : UInt8(ascii: "&"))
        isFirst = false
        Query.append(name: name, value: value, isFirst: true, into: &target)
    }

    private static func check(_ operation: S3Operation, _ seen: Set<String>) throws(AdapterFailure) {
        // Two markers would leave it to the store which operation it is.
        for name in seen where name != operation.marker && S3Operation.markers.contains(name) {
            throw AdapterFailure(.parameterRefused)
        }
    }

    /// Appends where an object is copied from, inside the compartment: `bucket/key`, escaped, and perhaps a version.
    /// - Throws: `header_refused`; `resource_unknown`.
    package static func rewriteCopySource(
        _ value: borrowing Span<UInt8>,
        _ resources: StoreResources,
        _ prefix: KeyPrefix,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        let mark = value.firstIndex(of: UInt8(ascii: "?")) ?? value.count
        var version = Buffer()
        if mark < value.count {
            let query = value.extracting((mark + 1)..<value.count)
            var cursor = QueryCursor()
            guard query.hasPrefix("versionId="), let parameter = cursor.next(in: query),
                cursor.next(in: query) == nil,
                PercentEncoding.decode(query.extracting(parameter.value), into: &version), !version.isEmpty
            else { throw AdapterFailure(.headerRefused) }
        }
        var plain = Buffer()
        guard PercentEncoding.decode(value.extracting(0..<mark), into: &plain) else {
            throw AdapterFailure(.headerRefused)
        }
        var text = plain.bytes
        if !text.isEmpty, text[0] == ASCII.slash { text = text.extracting(1..<text.count) }
        // An ARN of an access point holds colons before its first slash, and names no bucket of the route.
        guard let slash = text.firstIndex(of: ASCII.slash) else { throw AdapterFailure(.headerRefused) }
        let name = text.extracting(0..<slash)
        guard let bucket = resources.bucket(named: name) else { throw AdapterFailure(.resourceUnknown) }
        let key = try S3Place.checked(text.extracting((slash + 1)..<text.count))
        output.append(ASCII.slash)
        output.append(string: bucket)
        output.append(ASCII.slash)
        output.append(prefix.bytes)
        PercentEncoding.encode(key.span, as: .path, into: &output)
        if !version.isEmpty {
            output.append("?versionId=")
            PercentEncoding.encode(version.bytes, as: .query, into: &output)
        }
    }
}
