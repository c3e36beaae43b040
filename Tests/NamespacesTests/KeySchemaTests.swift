// SPDX-License-Identifier: Apache-2.0
import Bytes
import Namespaces
import TestSupport
import Testing

@Suite struct KeySchemaTests {
    private static func table(
        _ name: String = "t",
        attributes: String =
            #"{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"},{"AttributeName":"o","AttributeType":"S"}"#,
        keys: String = #"{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}"#,
        more: String = ""
    ) -> String {
        #"{"Table":{"TableName":"\#(name)","AttributeDefinitions":[\#(attributes)],"KeySchema":[\#(keys)]\#(more)}}"#
    }

    private static func index(_ name: String, _ keys: String...) -> String {
        let elements = keys.map { #"{"AttributeName":"\#($0)","KeyType":"HASH"}"# }.joined(separator: ",")
        return #"{"IndexName":"\#(name)","KeySchema":[\#(elements)]}"#
    }

    private static func read(_ body: String, status: Int = 200) -> KeySchema? {
        KeySchema.read(body.utf8Span.span, of: "t", status: status)
    }

    @Test func aTableIsRead() {
        #expect(Self.read(Self.table()) == .table(.init(name: "t", partitionKey: "pk")))
        let indexes =
            #","GlobalSecondaryIndexes":[\#(Self.index("by-o", "o")),\#(Self.index("by-n", "n")),"#
            + #"\#(Self.index("by-two", "o", "pk"))],"LocalSecondaryIndexes":[\#(Self.index("local", "pk"))]"#
        // An index by a number, or by several attributes, has no place for a compartment: it cannot be queried.
        #expect(
            Self.read(Self.table(more: indexes))
                == .table(.init(name: "t", partitionKey: "pk", indexes: ["by-o": "o", "local": "pk"]))
        )
    }

    @Test func whatHoldsNoCompartmentIsRefused() {
        for keys in ["n", "missing"] {
            #expect(
                Self.read(Self.table(keys: #"{"AttributeName":"\#(keys)","KeyType":"HASH"}"#)) == .refused
            )
        }
        let two = #"{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"o","KeyType":"HASH"}"#
        #expect(Self.read(Self.table(keys: two)) == .refused)
        #expect(Self.read(Self.table(keys: #"{"AttributeName":"pk","KeyType":"RANGE"}"#)) == .refused)
    }

    @Test(arguments: [
        "", "{}", "[]", "null", #"{"Table":{}}"#, #"{"Table":{"TableName":"t"}}"#,
        KeySchemaTests.table("another"), KeySchemaTests.table(keys: ""), KeySchemaTests.table(keys: "1"),
        KeySchemaTests.table(attributes: "1"), KeySchemaTests.table(more: #","GlobalSecondaryIndexes":[1]"#),
        KeySchemaTests.table(more: #","GlobalSecondaryIndexes":[{"IndexName":"i"}]"#),
    ])
    func whatIsNoSuchAnswerIsNone(_ body: String) {
        #expect(Self.read(body) == nil)
    }

    @Test func onlyAMissingTableIsUnknown() {
        let type = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
        #expect(Self.read(#"{"__type":"\#(type)"}"#, status: 400) == .unknown)
        for type in [
            "AccessDeniedException", "com.amazon.coral#ThrottlingException", "", "XResourceNotFoundException",
        ] {
            #expect(Self.read(#"{"__type":"\#(type)"}"#, status: 400) == nil)
        }
        #expect(Self.read(Self.table(), status: 500) == nil)
    }

    @Test func anyPrefixOfAnAnswerIsNone() {
        let bytes = Array(Self.table().utf8)
        for count in 0..<bytes.count {
            let part = Array(bytes[..<count])
            #expect(KeySchema.read(part.span, of: "t", status: 200) == nil)
        }
    }
}
