// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import XML

/// XML of S3 in which keys stand.
package enum S3Bodies {
    /// Of a body that is read whole.
    package static let maximumBytes = 8 << 20

    // MARK: requests

    private static let deletable: Set = [
        "Delete", "Object", "Key", "VersionId", "ETag", "LastModifiedTime", "Size", "Quiet",
    ]

    /// Appends the list of DeleteObjects with each key inside the compartment.
    /// - Throws: `body_invalid`, `member_undeclared`, `member_missing`.
    package static func rewriteDelete(
        _ body: borrowing Span<UInt8>,
        _ prefix: KeyPrefix,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        let document: XMLDocument
        do throws(XMLError) { document = try XMLDocument(body) } catch { throw AdapterFailure(.bodyInvalid) }
        var editor = XMLEditor()
        var keys = 0
        for element in document.elements {
            let name = body.extracting(element.name).string() ?? ""
            guard deletable.contains(name) else { throw AdapterFailure(.memberUndeclared) }
            let parent = element.parent.map { body.extracting(document.elements[$0].name).string() ?? "" }
            let expected: String? =
                name == "Delete" ? nil : name == "Object" || name == "Quiet" ? "Delete" : "Object"
            guard parent == expected else { throw AdapterFailure(.memberUndeclared) }
            guard name == "Key" else { continue }
            guard !element.hasChildren else { throw AdapterFailure(.memberType) }
            let key = try S3Place.checked(element.text.span)
            let whole = prefix.bytes + key
            guard editor.setText(whole.span, of: element, in: body) else {
                throw AdapterFailure(.memberType)
            }
            keys += 1
        }
        let objects = document.elements.filter { body.extracting($0.name).equals("Object") }.count
        // One key for each object: with two, the store would choose.
        guard keys > 0, keys == objects, oneKeyEach(document, body) else {
            throw AdapterFailure(.memberMissing)
        }
        editor.apply(to: body, into: &output)
    }

    private static func oneKeyEach(_ document: XMLDocument, _ body: borrowing Span<UInt8>) -> Bool {
        var owners: Set<Int> = []
        for element in document.elements where body.extracting(element.name).equals("Key") {
            guard let parent = element.parent, owners.insert(parent).inserted else { return false }
        }
        return true
    }

    // MARK: responses

    /// What the agent called the things that an answer names.
    package struct Names: Sendable {
        /// Path as the agent sent it.
        package var path: [UInt8]
        package var host: [UInt8]

        package init(path: [UInt8], host: [UInt8]) {
            self.path = path
            self.host = host
        }
    }

    private static let keyed: Set = [
        "Key", "Prefix", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker",
    ]

    /// Appends an answer with the keys as the agent knows them.
    /// - Throws: `response_invalid`; `foreign_object` for a key of another compartment.
    package static func mapResponse(
        _ body: borrowing Span<UInt8>,
        _ prefix: KeyPrefix,
        _ names: Names,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        if body.isEmpty { return }
        let document: XMLDocument
        do throws(XMLError) { document = try XMLDocument(body) } catch {
            throw AdapterFailure(.responseInvalid)
        }
        // A copy that fails late fails behind its status.
        if let root = document.elements.first, body.extracting(root.name).equals("Error") {
            return mapError(body, prefix, names, status: 500, into: &output)
        }
        var editor = XMLEditor()
        for element in document.elements where !element.hasChildren {
            let name = body.extracting(element.name)
            if name.equals("Location") {
                var place = Buffer()
                place.append("http://")
                place.append(names.host)
                place.append(names.path)
                guard editor.setText(place.bytes, of: element, in: body) else {
                    throw AdapterFailure(.responseInvalid)
                }
            } else if let text = name.string(), keyed.contains(text), !element.text.isEmpty {
                guard let key = removed(prefix, from: element.text) else {
                    throw AdapterFailure(.foreignObject)
                }
                guard editor.setText(key.span, of: element, in: body) else {
                    throw AdapterFailure(.responseInvalid)
                }
            }
        }
        editor.apply(to: body, into: &output)
    }

    /// In listings that are asked for with `encoding-type=url` the slash behind the code may be escaped.
    private static func removed(_ prefix: KeyPrefix, from text: [UInt8]) -> [UInt8]? {
        if text.starts(with: prefix.bytes) { return Array(text.dropFirst(prefix.bytes.count)) }
        let escaped = prefix.bytes.dropLast() + Array("%2F".utf8)
        return text.starts(with: escaped) ? Array(text.dropFirst(escaped.count)) : nil
    }

    /// Appends an error of the store's: its code stays, and of its words only those that name nothing.
    package static func mapError(
        _ body: borrowing Span<UInt8>,
        _ prefix: KeyPrefix,
        _ names: Names,
        status: UInt16,
        into output: inout Buffer
    ) {
        var code: [UInt8] = []
        var message: [UInt8] = []
        var request: [UInt8] = []
        if let document = parsed(body) {
            for element in document.elements where !element.hasChildren {
                let name = body.extracting(element.name)
                if name.equals("Code") { code = element.text }
                if name.equals("Message") { message = element.text }
                if name.equals("RequestId") { request = element.text }
            }
        }
        let isPlainCode =
            !code.isEmpty && code.allSatisfy { ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: ".") }
        let text = message.span.string() ?? ""
        if !isPlainCode { code = Array((status == 404 ? "NoSuchKey" : "AccessDenied").utf8) }
        // Names of roles, of buckets' real keys, of accounts.
        if text.contains("arn:") || text.contains(prefix.text) || text.contains(prefix.text.dropLast()) {
            message = Array("The store refused the request.".utf8)
        }
        writeError(code: code, message: message, resource: names.path, request: request, into: &output)
    }

    private static func parsed(_ body: borrowing Span<UInt8>) -> XMLDocument? {
        do throws(XMLError) { return try XMLDocument(body) } catch { return nil }
    }

    /// Appends an error in S3's form.
    package static func writeError(
        code: [UInt8],
        message: [UInt8],
        resource: [UInt8],
        request: [UInt8],
        into output: inout Buffer
    ) {
        output.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>")
        let members: [(StaticString, [UInt8])] = [
            ("Code", code), ("Message", message), ("Resource", resource), ("RequestId", request),
        ]
        for (name, text) in members where !text.isEmpty {
            let start = output.count
            output.append("<")
            output.append(name)
            output.append(">")
            guard XMLText.append(escaped: text.span, to: &output) else {
                output.truncate(to: start)
                continue
            }
            output.append("</")
            output.append(name)
            output.append(">")
        }
        output.append("</Error>")
    }
}
