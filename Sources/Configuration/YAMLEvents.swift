// SPDX-License-Identifier: Apache-2.0
import Bytes
import CYAML

/// libyaml's event stream over a private copy of the input.
/// This is the only file of Configuration with `unsafe` in it: nothing that points into libyaml leaves it.
@safe
struct YAMLEvents: ~Copyable {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd
        case alias
        case scalar(text: String, style: YAML.Style)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
    }

    struct Event {
        var kind: Kind
        var position: YAML.Position
        /// Nil when the document writes none.
        var tag: String?
        var isAnchored = false
    }

    /// One position and one sentence: libyaml stops at its first error.
    struct Failure: Error {
        var position: YAML.Position
        var message: String
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// Nil when libyaml has no memory for its own buffers.
    init?(_ bytes: borrowing Span<UInt8>) {
        unsafe parser = .allocate(capacity: 1)
        // At least one byte, so that the block has an address even for an empty file.
        unsafe input = .allocate(capacity: max(bytes.count, 1))
        unsafe input.initialize(repeating: 0)
        for index in bytes.indices { unsafe input[index] = bytes[index] }
        // Safe because the parser is zeroed by its initialiser and reads `input`, which lives as long as self.
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            unsafe input.deallocate()
            return nil
        }
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        // UTF-16 would be detected otherwise; one encoding is enough.
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event. Nothing may be asked after `streamEnd` or a failure.
    mutating func next() throws(Failure) -> Event {
        var raw = unsafe yaml_event_t()
        // Safe because the parser fills the event, and it is deleted once its bytes were copied.
        guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&raw) }
        let position = YAML.Position(unsafe raw.start_mark)
        switch unsafe raw.type {
        case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, position: position)
        case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, position: position)
        case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, position: position)
        case YAML_ALIAS_EVENT: return Event(kind: .alias, position: position)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe raw.data.scalar
            guard let text = unsafe Self.text(scalar.value, scalar.length) else {
                throw Failure(position: position, message: "text is not UTF-8")
            }
            return Event(
                kind: .scalar(text: text, style: unsafe YAML.Style(scalar.style)),
                position: position,
                tag: unsafe Self.text(scalar.tag),
                isAnchored: unsafe scalar.anchor != nil
            )
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe raw.data.sequence_start
            return Event(
                kind: .sequenceStart,
                position: position,
                tag: unsafe Self.text(start.tag),
                isAnchored: unsafe start.anchor != nil
            )
        case YAML_MAPPING_START_EVENT:
            let start = unsafe raw.data.mapping_start
            return Event(
                kind: .mappingStart,
                position: position,
                tag: unsafe Self.text(start.tag),
                isAnchored: unsafe start.anchor != nil
            )
        case YAML_SEQUENCE_END_EVENT: return Event(kind: .sequenceEnd, position: position)
        case YAML_MAPPING_END_EVENT: return Event(kind: .mappingEnd, position: position)
        default: return Event(kind: .streamEnd, position: position)
        }
    }

    private func failure() -> Failure {
        let error = unsafe parser.pointee
        let problem = unsafe Self.text(error.problem) ?? "not enough memory"
        guard unsafe error.error != YAML_READER_ERROR else {
            // The reader knows bytes, not lines.
            return Failure(position: position(ofByte: unsafe error.problem_offset), message: problem)
        }
        let position = YAML.Position(unsafe error.problem_mark)
        guard let context = unsafe Self.text(error.context) else {
            return Failure(position: position, message: problem)
        }
        let start = YAML.Position(unsafe error.context_mark)
        let begun = start == position ? "" : " that begins at \(start.line):\(start.column)"
        return Failure(position: position, message: "\(problem) \(context)\(begun)")
    }

    private func position(ofByte offset: Int) -> YAML.Position {
        var position = YAML.Position(line: 1, column: 1)
        for index in 0..<min(offset, unsafe input.count) {
            // Continuation bytes of UTF-8 do not begin a character.
            let byte = unsafe input[index]
            if byte == ASCII.lineFeed {
                position.line += 1
                position.column = 1
            } else if byte & 0xC0 != 0x80 {
                position.column += 1
            }
        }
        return position
    }

    private static func text(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) -> String? {
        guard let start = unsafe start else { return nil }
        // Safe because libyaml owns `count` bytes there until the event is deleted.
        return unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    private static func text(_ start: UnsafeMutablePointer<UInt8>?) -> String? {
        guard let start = unsafe start else { return nil }
        // Safe because libyaml ends tags with a zero byte.
        return unsafe String(validatingCString: UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self))
    }

    private static func text(_ start: UnsafePointer<CChar>?) -> String? {
        guard let start = unsafe start else { return nil }
        // Safe because libyaml's messages are literals.
        return unsafe String(validatingCString: start)
    }
}

extension YAML.Position {
    fileprivate init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }
}

extension YAML.Style {
    fileprivate init(_ style: yaml_scalar_style_t) {
        switch style {
        case YAML_PLAIN_SCALAR_STYLE: self = .plain
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: self = .block
        default: self = .quoted
        }
    }
}
