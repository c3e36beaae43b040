// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

@Suite struct NamesTests {
    @Test(arguments: KnownField.allCases.filter { $0 != .other })
    func everyKnownFieldIsFoundInAnyCaseAndOnlyWhole(_ field: KnownField) {
        let name = "\(field.name)"
        #expect(KnownField(name.bytes.span) == field)
        #expect(KnownField(name.uppercased().bytes.span) == field)
        #expect(KnownField((name + "x").bytes.span) != field)
        #expect(KnownField(String(name.dropLast()).bytes.span) != field)
        for index in name.utf8.indices {
            var changed = name.bytes
            changed[name.utf8.distance(from: name.startIndex, to: index)] ^= 0x01
            #expect(KnownField(changed.span) != field)
        }
    }

    @Test(arguments: ["", "x", "x_api_key", "x-tenant-id", String(repeating: "a", count: 300)])
    func everyOtherNameIsOther(_ name: String) {
        #expect(KnownField(name.bytes.span) == .other)
    }

    @Test(arguments: Method.allCases) func methods(_ method: Method) {
        #expect(Method("\(method.name)".bytes.span) == method)
        #expect(Method("\(method.name)".lowercased().bytes.span) == nil)
        #expect(Method("\(method.name)x".bytes.span) == nil)
    }

    @Test(arguments: ["", "G", "GOT", "PUTS", "POSH", "PROPFIND", "OPTIONX", "CONNEC"])
    func unknownMethods(_ name: String) {
        #expect(Method(name.bytes.span) == nil)
    }

    @Test func reasons() {
        #expect("\(Status(200).reason)" == "OK")
        #expect("\(Status(421).reason)" == "Misdirected Request")
        #expect("\(Status(299).reason)".isEmpty == true)
        for code in [100, 101, 199, 204, 304] as [UInt16] { #expect(!Status(code).allowsBody) }
        for code in [200, 205, 302, 404, 500] as [UInt16] { #expect(Status(code).allowsBody) }
    }
}

@Suite struct HeaderFoldingTests {
    static let folding = HeaderFolding(
        names: ["x-tenant-id", "X-User-ID", "baggage"],
        prefixes: ["x-bulkhead-", "x-amzn-bedrock-agentcore-runtime-custom-", ""]
    )

    @Test(arguments: [
        "x-tenant-id", "X-Tenant-Id", "X_TENANT_ID", "x_tenant-id", "x.tenant.id", "x-user_id", "BAGGAGE",
        "x-bulkhead-", "X_Bulkhead_anything", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant",
    ])
    func protects(_ name: String) {
        #expect(Self.folding.protects(name.bytes.span) == true)
    }

    @Test(arguments: [
        "", "x", "-", "x-tenant-i", "x-tenant-idx", "xtenantid", "x-bulkhead", "y-bulkhead-a", "host",
        "x-forwarded-for", String(repeating: "x", count: 80),
    ])
    func leaves(_ name: String) {
        #expect(Self.folding.protects(name.bytes.span) == false)
    }

    @Test func longNamesAreFound() {
        let long = String(repeating: "a", count: 100)
        let folding = HeaderFolding(names: [long, "_x"], prefixes: [])
        #expect(folding.protects(long.uppercased().bytes.span) == true)
        #expect(folding.protects("-X".bytes.span) == true)
        #expect(folding.protects((long + "a").bytes.span) == false)
        #expect(HeaderFolding(names: [], prefixes: []).protects("a".bytes.span) == false)
    }
}
