// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct Base64Tests {
    /// RFC 4648 §10, and both characters that base64url writes otherwise.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("~~?", "fn4/"), ("~~>", "fn4+"),
    ]) func isWrittenAsTheStandardSays(_ plain: String, _ text: String) {
        var output = Buffer()
        Base64.encode(Array(plain.utf8).span, into: &output)
        #expect(output.bytes.string() == text)
    }
}
