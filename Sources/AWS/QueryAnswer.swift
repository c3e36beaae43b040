// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
package import JSON
import XML

/// An answer of the query protocol (IAM, STS): texts by the names of their elements.
/// Source: the IAM and STS API references.
package struct QueryAnswer: Sendable {
    package let status: Int
    private let document: XMLDocument
    private let names: [String]

    /// Nil for what is no XML.
    package init?(_ body: Span<UInt8>, status: Int) {
        guard let document = try? XMLDocument(body) else { return nil }
        self.status = status
        self.document = document
        var names: [String] = []
        for element in document.elements { names.append(body.extracting(element.name).string() ?? "") }
        self.names = names
    }

    /// The error's code; empty for an answer that is none.
    package var code: String { status == 200 ? "" : text("Code") ?? "\(status)" }

    /// The text of the first element of that name.
    package func text(_ name: String) -> String? {
        names.firstIndex(of: name).map { String(decoding: document.elements[$0].text, as: UTF8.self) }
    }

    /// The texts of the members of a list of texts.
    package func list(_ name: String) -> [String] {
        members(name).map { String(decoding: document.elements[$0].text, as: UTF8.self) }
    }

    /// Of each member of a list of structures, the text of one of its elements.
    package func list(_ name: String, _ element: String) -> [String] {
        members(name).compactMap { member in
            document.children(of: member).first { names[$0] == element }
                .map { String(decoding: document.elements[$0].text, as: UTF8.self) }
        }
    }

    private func members(_ name: String) -> [Int] {
        names.firstIndex(of: name).map { list in
            document.children(of: list).filter { names[$0] == "member" }
        } ?? []
    }

    /// A document of IAM, which comes percent-encoded in its element.
    package func document(_ name: String) -> JSONValue? {
        guard let text = text(name) else { return nil }
        let bytes = Array(text.utf8)
        var decoded = Buffer()
        guard PercentEncoding.decode(bytes.span, into: &decoded) else { return nil }
        return try? JSONValue.parse(decoded.bytes, maximumBytes: 1 << 20)
    }
}

/// Where IAM answers for the account of an ARN.
/// Source: the IAM endpoints of the AWS General Reference.
package struct IAMPlace: Hashable, Sendable {
    package let endpoint: String
    package let region: String

    /// - Parameter partition: the second part of an ARN.
    package init(partition: String) {
        switch partition {
        case "aws-cn": (endpoint, region) = ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1")
        case "aws-us-gov": (endpoint, region) = ("https://iam.us-gov.amazonaws.com", "us-gov-west-1")
        default: (endpoint, region) = ("https://iam.amazonaws.com", "us-east-1")
        }
    }
}
