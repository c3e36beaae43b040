// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Why a text is not taken as XML.
package enum XMLError: Error, Hashable, Sendable {
    /// Not well-formed, not UTF-8, or with a document type: entities are a second language in the first.
    case syntax
    /// More elements or deeper ones than `XMLDocument` holds.
    case tooLarge
}

/// One element, by places in the document's bytes.
package struct XMLElement: Sendable {
    /// As written, prefix included.
    package internal(set) var name: ByteRange
    /// Index of the element around it; nil for the root.
    package let parent: Int?
    /// From `<` of the first tag to `>` of the last.
    package internal(set) var whole: ByteRange
    /// Between the tags; empty for `<a/>`, which `isSelfClosed` says.
    package internal(set) var content: ByteRange
    package internal(set) var isSelfClosed: Bool
    package internal(set) var hasChildren = false
    /// The characters in it, references resolved; of an element with children, those between them.
    package internal(set) var text: [UInt8] = []
}

/// A document as a flat list of its elements, in the order in which they begin, each with its place in the bytes.
/// Read by expat in one go: for messages, which are small. Names are compared as they are written: a document that
/// uses prefixes says something else to whoever compares names.
/// Limits: `maximumElements`, `maximumDepth`. Cost: one pass, an allocation for each text.
package struct XMLDocument: Sendable {
    package static let maximumElements = 65_536
    package static let maximumDepth = 32

    package private(set) var elements: [XMLElement]

    /// - Throws: `syntax`, `tooLarge`.
    package init(_ bytes: borrowing Span<UInt8>) throws(XMLError) {
        let reader = XMLReader()
        elements = try reader.read(bytes)
        for index in elements.indices { elements[index].name = Self.name(elements[index], bytes) }
    }

    /// Behind `<`, up to the first byte that ends a name.
    private static func name(_ element: XMLElement, _ bytes: borrowing Span<UInt8>) -> ByteRange {
        let start = element.whole.start + 1
        var end = start
        while end < bytes.count {
            switch bytes[end] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn, ASCII.slash, UInt8(ascii: ">"):
                return ByteRange(start: start, count: end - start)
            default: end += 1
            }
        }
        return ByteRange(start: start, count: end - start)
    }

    /// Indices of the elements directly inside another.
    package func children(of index: Int) -> [Int] { elements.indices.filter { elements[$0].parent == index } }
}
