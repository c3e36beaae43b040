// SPDX-License-Identifier: Apache-2.0
import JSON
import Namespaces
import Testing

@Suite struct SessionPolicyTests {
    private static func prefix(_ scope: CompartmentScope = .tenant, _ tenant: String = "acme") throws
        -> KeyPrefix
    {
        KeyPrefix(
            try Compartment(
                scope: scope,
                tenant: tenant,
                issuer: "https://idp.example",
                user: "a user of some length"
            )
        )
    }

    @Test(arguments: [
        ("memory:Read", "s3:GetObject"), ("memory:Write", "s3:PutObject"),
        ("memory:Delete", "s3:DeleteObject"),
        ("memory:List", "s3:ListBucket"),
    ])
    func anActionHasItsRightsAndNoMore(_ action: String, _ right: String) throws {
        let policy = String(decoding: SessionPolicy.s3(action, ["docs"], try Self.prefix()), as: UTF8.self)
        #expect(policy.contains("\"\(right)\""))
        for other in ["s3:PutObject", "s3:DeleteObject", "s3:ListBucket"] where other != right {
            #expect(!policy.contains("\"\(other)\""))
        }
        #expect(!policy.contains("s3:*") && !policy.contains("\"*\""))
        // Never the code without its slash, which is the beginning of other codes.
        #expect(policy.contains("t4acme/*"))
        #expect(!policy.replacing("t4acme/*", with: "").contains("t4acme"))
    }

    @Test func aQueryWithoutAKeyIsExcluded() throws {
        for action in ["memory:Read", "memory:Write", "memory:Delete", "memory:Search"] {
            let policy = SessionPolicy.dynamoDB(action, ["facts"], try Self.prefix())
            let text = String(decoding: policy, as: UTF8.self)
            #expect(text.contains(#""ForAllValues:StringLike":{"dynamodb:LeadingKeys":"t4acme/*"}"#))
            #expect(text.contains(#""Null":{"dynamodb:LeadingKeys":"false"}"#))
            #expect(!text.contains("Scan") && !text.contains("PartiQL"))
            _ = try JSONValue.parse(policy.span)
        }
    }

    /// With the longest code there is, some buckets and tables fit.
    @Test func theyFit() throws {
        let prefix = try Self.prefix(.user, String(repeating: "T", count: 60))
        let names = (0..<4).map { "bucket-of-a-customer-\($0)" }
        for action in ["memory:Read", "memory:Write", "memory:Delete", "memory:List", "memory:Search"] {
            #expect(SessionPolicy.s3(action, names, prefix).count <= SessionPolicy.maximumBytes)
            #expect(SessionPolicy.dynamoDB(action, names, prefix).count <= SessionPolicy.maximumBytes)
        }
    }
}
