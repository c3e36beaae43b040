// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import TestSupport

/// A request in text, taken apart without any of the checks that a server makes: the suite has targets that none takes.
struct RawRequest {
    var method = Method.get
    var path: [UInt8] = []
    var query: [UInt8] = []
    var fields: [(name: [UInt8], value: [UInt8])] = []
    var body: [UInt8] = []

    init?(_ text: [UInt8]) {
        var lines: [[UInt8]] = []
        var rest = text[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = Array(rest[rest.startIndex..<end])
            rest = rest[(end + 1)...]
            if line.isEmpty {
                body = Array(rest)
                rest = []
                break
            }
            lines.append(line)
        }
        if !rest.isEmpty { lines.append(Array(rest)) }
        guard let first = lines.first, let methodEnd = first.firstIndex(of: 0x20),
            let targetEnd = first.lastIndex(of: 0x20), targetEnd > methodEnd,
            let method = Self.method(Array(first[..<methodEnd]))
        else { return nil }
        self.method = method
        let target = first[(methodEnd + 1)..<targetEnd]
        let mark = target.firstIndex(of: UInt8(ascii: "?"))
        path = Array(target[..<(mark ?? target.endIndex)])
        query = mark.map { Array(target[($0 + 1)...]) } ?? []
        for line in lines.dropFirst() {
            if line[0] == 0x20 || line[0] == 0x09 {
                // A folded line belongs to the one before.
                fields[fields.count - 1].value += line
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            fields.append((Array(line[..<colon]), Array(line[(colon + 1)...])))
        }
    }

    private static func method(_ name: [UInt8]) -> Method? { Method(name.span) }

    func value(_ name: String) -> [UInt8]? {
        let values = fields.filter { $0.name.span.equalsIgnoringCase(name.lowercased().bytes) }
        guard let first = values.first else { return nil }
        return first.value.span.trimmingOWS().array()
    }

    func makeFields() throws -> Fields {
        var fields = Fields()
        for field in self.fields {
            try fields.append(name: field.name.span, value: field.value.span)
        }
        return fields
    }
}

extension SigningTime {
    /// `2015-08-30T12:36:00Z`
    init?(iso text: String) {
        let compact = text.replacing("-", with: "").replacing(":", with: "").bytes
        self.init(compact.span)
    }
}

func credential(_ id: String, _ secret: String, token: String? = nil) -> AWSCredential {
    AWSCredential(
        accessKeyID: id.bytes,
        secret: Secret(copying: secret.bytes.span),
        sessionToken: token.map { Secret(copying: $0.bytes.span) }
    )
}
