// SPDX-License-Identifier: Apache-2.0
import Bytes
import TestSupport
import Testing
import XML

@Suite struct XMLTests {
    private static func names(_ text: String) throws -> [String] {
        let bytes = text.bytes
        let document = try XMLDocument(bytes.span)
        return document.elements.map { bytes.span.extracting($0.name).string() ?? "" }
    }

    private static func refusal(_ text: String) -> XMLError? {
        let bytes = text.bytes
        do throws(XMLError) {
            _ = try XMLDocument(bytes.span)
            return nil
        } catch {
            return error
        }
    }

    /// Puts `new` into every element of that name.
    private static func edited(_ text: String, _ name: String, _ new: String?) throws -> String {
        let bytes = text.bytes
        let document = try XMLDocument(bytes.span)
        var editor = XMLEditor()
        for element in document.elements where bytes.span.extracting(element.name).equals(name.bytes) {
            if let new {
                let fits = editor.setText(new.bytes.span, of: element, in: bytes.span)
                #expect(fits)
            } else {
                editor.remove(element)
            }
        }
        var output = Buffer()
        editor.apply(to: bytes.span, into: &output)
        return output.text ?? ""
    }

    @Test func elementsStandInTheirOrder() throws {
        let text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x='1'><b>one</b><c/><b>t&amp;o</b><d><b>&#65;</b></d></a>"
        let bytes = text.bytes
        let document = try XMLDocument(bytes.span)
        #expect(try Self.names(text) == ["a", "b", "c", "b", "d", "b"])
        #expect(document.children(of: 0) == [1, 2, 3, 4])
        #expect(document.elements[1].text == "one".bytes)
        #expect(document.elements[2].isSelfClosed)
        #expect(document.elements[3].text == "t&o".bytes)
        #expect(document.elements[5].text == "A".bytes)
        #expect(document.elements[5].parent == 4)
        #expect(document.elements[0].hasChildren && !document.elements[1].hasChildren)
        #expect(bytes.span.extracting(document.elements[4].whole).string() == "<d><b>&#65;</b></d>")
    }

    @Test func editsLeaveTheRestAsItIs() throws {
        #expect(
            try Self.edited("<a><k>x</k> <k/>\n<l>k</l></a>", "k", "1<2")
                == "<a><k>1&lt;2</k> <k>1&lt;2</k>\n<l>k</l></a>"
        )
        #expect(try Self.edited("<a><k y='/'/></a>", "k", "v") == "<a><k y='/'>v</k></a>")
        #expect(try Self.edited("<a><k><m/></k>t<k>z</k></a>", "k", nil) == "<a>t</a>")
        #expect(try Self.edited("<a><k>a<!-- b --><![CDATA[c]]></k></a>", "k", "v") == "<a><k>v</k></a>")
        #expect(try Self.edited("<a>é</a>", "k", "v") == "<a>é</a>")
    }

    @Test func commentsAndSectionsAreOneText() throws {
        let bytes = "<k>a<!-- b --><![CDATA[<c>]]></k>".bytes
        #expect(try XMLDocument(bytes.span).elements[0].text == "a<c>".bytes)
    }

    @Test(arguments: [
        "", "<a>", "<a></b>", "text", "<a/><b/>", "<a>\u{1}</a>", "<a x=1/>", "<a>&b;</a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<!DOCTYPE a SYSTEM 'http://x/'><a/>", "<a><?p q?></a>",
        "<?xml version='1.0' encoding='utf-16'?><a/>", "<?xml version='1.0' encoding='latin1'?><a/>",
    ])
    func whatIsNotPlainIsRefused(_ text: String) { #expect(Self.refusal(text) == .syntax) }

    @Test func sizesAreBounded() {
        let deep = String(repeating: "<a>", count: 33) + String(repeating: "</a>", count: 33)
        #expect(Self.refusal(deep) == .tooLarge)
        #expect(Self.refusal("<a>" + String(repeating: "<b/>", count: 65_536) + "</a>") == .tooLarge)
        #expect(Self.refusal("<a>\u{FF}</a>") == nil)
        let broken: [UInt8] = [0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E]
        #expect(throws: XMLError.syntax) { try XMLDocument(broken.span) }
    }

    @Test func textsThatXMLCannotHoldAreRefused() {
        var output = Buffer()
        #expect(!XMLText.append(escaped: "a\u{1}".bytes.span, to: &output))
        output.removeAll()
        #expect(XMLText.append(escaped: "a\r\n\t\"&<>".bytes.span, to: &output))
        #expect(output.text == "a&#13;\n\t&quot;&amp;&lt;&gt;")
    }
}
