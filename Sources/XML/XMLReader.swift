// SPDX-License-Identifier: Apache-2.0
import Bytes
import CExpat

/// What expat's callbacks write into. On the heap, so that its address stays.
@safe
private struct Sink {
    var parser: OpaquePointer?
    var elements: [XMLElement] = []
    /// Elements that are open, by index.
    var open: [Int] = []
    var failure: XMLError?

    /// Where expat is now, and how many bytes belong to what it reports.
    var place: ByteRange {
        let start = unsafe Int(XML_GetCurrentByteIndex(parser))
        return unsafe ByteRange(start: start, count: Int(XML_GetCurrentByteCount(parser)))
    }

    mutating func stop(_ error: XMLError) {
        failure = failure ?? error
        // Safe because the parser lives while it calls us, and may be stopped from a callback.
        unsafe XML_StopParser(parser, 0)
    }

    mutating func began() {
        guard elements.count < XMLDocument.maximumElements, open.count < XMLDocument.maximumDepth else {
            return stop(.tooLarge)
        }
        let tag = place
        if let last = open.last { elements[last].hasChildren = true }
        open.append(elements.count)
        elements.append(
            XMLElement(
                name: ByteRange(start: tag.start, count: 0),
                parent: open.dropLast().last,
                whole: tag,
                content: ByteRange(start: tag.end, count: 0),
                isSelfClosed: false
            )
        )
    }

    mutating func ended() {
        guard let index = open.popLast() else { return }
        let tag = place
        let first = elements[index].content.start
        // `<a/>` is one tag with two events: the second has no bytes of its own, or those of the first.
        if tag.start < first || tag.count == 0 {
            elements[index].isSelfClosed = true
        } else {
            elements[index].content.count = tag.start - first
            elements[index].whole.count = tag.end - elements[index].whole.start
        }
    }
}

/// One run of expat. This is the only file of XML with `unsafe` in it: nothing that points into expat leaves it.
@safe
struct XMLReader: ~Copyable {
    private let sink: UnsafeMutablePointer<Sink>

    init() {
        unsafe sink = .allocate(capacity: 1)
        unsafe sink.initialize(to: Sink())
    }

    deinit {
        unsafe sink.deinitialize(count: 1)
        unsafe sink.deallocate()
    }

    func read(_ bytes: borrowing Span<UInt8>) throws(XMLError) -> [XMLElement] {
        // The encoding is given, so that no declaration chooses another.
        guard bytes.count <= Int(Int32.max), let parser = unsafe XML_ParserCreate("UTF-8") else {
            throw .tooLarge
        }
        // Safe because the parser is used in this call alone and freed at its end; the sink outlives it.
        defer { unsafe XML_ParserFree(parser) }
        unsafe sink.pointee.parser = parser
        unsafe XML_SetUserData(parser, sink)
        unsafe Self.register(parser)
        let count = Int32(bytes.count)
        let status = unsafe bytes.withUnsafeBytes { raw in
            unsafe XML_Parse(parser, raw.baseAddress?.assumingMemoryBound(to: CChar.self), count, 1)
        }
        if let failure = unsafe sink.pointee.failure { throw failure }
        guard status == XML_STATUS_OK else { throw .syntax }
        return unsafe sink.pointee.elements
    }

    /// Callbacks only append to the sink.
    private static func register(_ parser: OpaquePointer) {
        unsafe XML_SetElementHandler(
            parser,
            { data, _, _ in unsafe XMLReader.sink(data).pointee.began() },
            { data, _ in unsafe XMLReader.sink(data).pointee.ended() }
        )
        unsafe XML_SetCharacterDataHandler(parser) { data, text, count in
            guard let text = unsafe text, count > 0 else { return }
            let sink = unsafe XMLReader.sink(data)
            guard let index = unsafe sink.pointee.open.last else { return }
            // Safe because expat says how many bytes it gives, for the length of the call.
            let raw = unsafe UnsafeRawBufferPointer(start: text, count: Int(count))
            unsafe sink.pointee.elements[index].text.append(contentsOf: raw)
        }
        unsafe XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
            unsafe XMLReader.sink(data).pointee.stop(.syntax)
        }
        unsafe XML_SetProcessingInstructionHandler(parser) { data, _, _ in
            unsafe XMLReader.sink(data).pointee.stop(.syntax)
        }
        unsafe XML_SetXmlDeclHandler(parser) { data, _, encoding, _ in
            // Whoever heeds the declaration would read other characters than we do.
            guard let encoding = unsafe encoding else { return }
            let name = unsafe String(cString: encoding)
            if name.lowercased() != "utf-8" { unsafe XMLReader.sink(data).pointee.stop(.syntax) }
        }
    }

    private static func sink(_ data: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Sink> {
        guard let data = unsafe data else { preconditionFailure("expat gave no user data") }
        // Safe because that is what was set, for all callbacks.
        return unsafe data.assumingMemoryBound(to: Sink.self)
    }
}
