// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

@Suite struct FieldsTests {
    private func dump(_ fields: borrowing Fields) -> [String] {
        var lines: [String] = []
        for index in fields.indices {
            lines.append(fields.name(at: index).text + ": " + fields.value(at: index).text)
        }
        return lines
    }

    private func lines(_ fields: borrowing Fields, skipping skipped: KnownFieldSet = []) -> String {
        var output = Buffer()
        fields.append(linesTo: &output, skipping: skipped)
        return output.bytes.text
    }

    @Test func appendsTrimsAndFinds() throws {
        var fields = Fields()
        try fields.append(name: "Host".bytes.span, value: " a.b\t ".bytes.span)
        try fields.append(name: "X-Thing", value: "one".bytes.span)
        fields.append(.contentType, value: "text/plain")
        fields.append(.contentLength, decimal: 42)
        fields.append(name: "x-thing", value: "two")
        try fields.append(.cookie, value: "".bytes.span)
        #expect(
            dump(fields) == [
                "Host: a.b", "X-Thing: one", "content-type: text/plain", "content-length: 42", "x-thing: two",
                "cookie: ",
            ]
        )
        #expect(fields.known(at: 0) == .host)
        #expect(fields.first(.contentLength) == 3)
        #expect(fields.first(.etag) == nil)
        #expect(fields.occurrences(.host) == 1)
        #expect(fields.first(named: "X-THING".bytes.span) == 1)
        #expect(fields.first(named: "x-thing".bytes.span, from: 2) == 4)
        #expect(fields.occurrences(named: "X-tHing".bytes.span) == 2)
        #expect(fields.first(named: "hOST".bytes.span) == 0)
    }

    @Test func copiesBetweenMessages() throws {
        var first = Fields()
        try first.append(name: "A", value: "1".bytes.span)
        try first.append(.host, value: "h".bytes.span)
        var second = Fields()
        second.append(name: "b", value: "2")
        try second.append(1, of: first)
        try second.append(nameAt: 1, of: first, value: " i ".bytes.span)
        #expect(dump(second) == ["b: 2", "host: h", "host: i"])
        #expect(second.known(at: 1) == .host && second.occurrences(.host) == 2)
        #expect(lines(second) == "b: 2\r\nhost: h\r\nhost: i\r\n")
    }

    @Test func changes() throws {
        var fields = Fields()
        for (name, value) in [("a", "1"), ("Host", "h"), ("b", "2"), ("A", "3"), ("host", "i")] {
            try fields.append(name: name.bytes.span, value: value.bytes.span)
        }
        try fields.setValue(at: 2, to: "  longer than before ".bytes.span)
        #expect(fields.removeAll(named: "a".bytes.span) == 2)
        #expect(dump(fields) == ["Host: h", "b: longer than before", "host: i"])
        fields.removeAll(.host)
        #expect(dump(fields) == ["b: longer than before"])
        fields.remove(at: 0)
        #expect(fields.isEmpty == true)
    }

    @Test func removesWhatFolds() throws {
        var fields = Fields()
        for name in ["X_Tenant_Id", "host", "x-tenant-id", "x-tenant-ids"] {
            try fields.append(name: name.bytes.span, value: "v".bytes.span)
        }
        #expect(fields.removeAll(protectedBy: HeaderFolding(names: ["x-tenant-id"], prefixes: [])) == 2)
        #expect(dump(fields) == ["host: v", "x-tenant-ids: v"])
    }

    @Test(arguments: ["", " ", "a b", "a:", "a\r", "ü", "a\u{0}"]) func refusesNames(_ name: String) {
        var fields = Fields()
        #expect(throws: FieldError.invalidName) {
            try fields.append(name: name.bytes.span, value: "v".bytes.span)
        }
        #expect(fields.isEmpty && fields.byteCount == 0)
    }

    @Test(arguments: ["a\r\nb: c", "a\n", "a\rb", "\u{0}", "a\u{7F}", "a\u{1B}b"]) func refusesValues(
        _ value: String
    ) {
        var fields = Fields()
        #expect(throws: FieldError.invalidValue) { try fields.append(.etag, value: value.bytes.span) }
        #expect(throws: FieldError.invalidValue) {
            try fields.append(name: "x".bytes.span, value: value.bytes.span)
        }
        fields.append(.etag, value: "good")
        #expect(throws: FieldError.invalidValue) { try fields.setValue(at: 0, to: value.bytes.span) }
        #expect(dump(fields) == ["etag: good"])
    }

    @Test func refusesNamesThatAreTooLong() {
        var fields = Fields()
        let name = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
        #expect(throws: FieldError.tooLong) { try fields.append(name: name.span, value: "v".bytes.span) }
    }

    @Test func behavesAsAListOfPairs() {
        for seed in 0..<200 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            var fields = Fields()
            var model: [String] = []
            for _ in 0..<30 {
                let name = ["host", "X-A", "x-b", "ETag"].randomElement(using: &generator)!
                switch Int.random(in: 0..<5, using: &generator) {
                case 0 where !model.isEmpty:
                    let index = Int.random(in: 0..<model.count, using: &generator)
                    fields.remove(at: index)
                    model.remove(at: index)
                case 3 where !model.isEmpty:
                    let index = Int.random(in: 0..<model.count, using: &generator)
                    let value = String(UInt64.random(in: 0...99_999, using: &generator))
                    try? fields.setValue(at: index, to: (" " + value).bytes.span)
                    model[index] = model[index].prefix { $0 != ":" } + ": " + value
                case 1:
                    let removed = fields.removeAll(named: name.uppercased().bytes.span)
                    let before = model.count
                    model.removeAll { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                    #expect(removed == before - model.count, "seed \(seed)")
                case 2 where Int.random(in: 0..<8, using: &generator) == 0:
                    fields.removeAll()
                    model = []
                default:
                    let value = String(UInt64.random(in: 0...99_999, using: &generator))
                    try? fields.append(name: name.bytes.span, value: value.bytes.span)
                    model.append(name + ": " + value)
                }
                #expect(dump(fields) == model, "seed \(seed)")
                #expect(lines(fields) == model.map { $0 + "\r\n" }.joined(), "seed \(seed)")
                let others = model.filter { !$0.lowercased().hasPrefix("host:") }
                #expect(
                    lines(fields, skipping: [.host]) == others.map { $0 + "\r\n" }.joined(),
                    "seed \(seed)"
                )
            }
        }
    }
}
