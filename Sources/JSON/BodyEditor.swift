// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// How the JSON of a body is laid out, and what each part of it is declared to be.
package enum JSONBodyForm: Sendable {
    /// One document.
    case document(JSONEditTable)
    /// One document a line (NDJSON). Lines come in records: `tables` says what each line of one is, nil for any JSON. A
    /// record whose first line has one of the members `alone` has no other line.
    case lines([JSONEditTable?], alone: [[UInt8]])
    /// Server-sent events, one document in the data of each. What an event's name is not found for is what the last
    /// entry says; nil is any text.
    case events([(name: [UInt8], table: JSONEditTable?)])
}

/// `JSONEditor` for bodies of several documents. The caller answers through `editor`.
/// Limits: the editor's, and `maximumLineBytes` for a line of events.
package struct JSONBodyEditor: ~Copyable {
    package var editor: JSONEditor
    let form: JSONBodyForm
    let maximumLineBytes = 4 << 20

    // Lines
    /// Which line of a record comes.
    private var line = 0
    /// Where the line begins in the piece at hand, and whether it had bytes in earlier ones.
    private var position = 0
    private var isInside = false
    private var aloneBits: UInt64 = 0

    // Events
    private enum Data {
        /// Nothing of this event's yet; what comes is looked at; it is not.
        case none, edited, verbatim
    }

    private var text = Buffer()
    private var event: [UInt8] = []
    private var data = Data.none
    /// Where the data begins in `text` while it is fed to the editor; nil between lines.
    private var feeding: Int?

    package init(_ form: JSONBodyForm, maximumDepth: Int = 64) {
        self.form = form
        editor = JSONEditor(Self.first(form), maximumDepth: maximumDepth)
        aloneBits = Self.bits(form)
    }

    private static func first(_ form: JSONBodyForm) -> JSONEditTable {
        switch form {
        case .document(let table): table
        case .lines(let tables, _): (tables.first ?? nil) ?? .any
        case .events: .any
        }
    }

    private static func bits(_ form: JSONBodyForm) -> UInt64 {
        guard case .lines(let tables, let alone) = form, let table = tables.first ?? nil else { return 0 }
        return alone.reduce(into: 0) { bits, name in
            if let index = table.rootMember(name) { bits |= 1 << UInt64(index) }
        }
    }

    /// As `JSONEditor.next`.
    package mutating func next(
        _ bytes: Span<UInt8>,
        isFinal: Bool,
        into output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        switch form {
        case .document: return try editor.next(bytes, isFinal: isFinal, into: &output)
        case .lines(let tables, _): return try nextLine(tables, bytes, isFinal, &output)
        case .events: return try nextEvent(bytes, isFinal, &output)
        }
    }

    // MARK: lines

    private mutating func nextLine(
        _ tables: [JSONEditTable?],
        _ bytes: Span<UInt8>,
        _ isFinal: Bool,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        while true {
            let feed = bytes.firstIndex(of: ASCII.lineFeed, from: position)
            let end = feed ?? bytes.count
            if end > position || isInside {
                let rest = bytes.extracting(position..<end)
                let ends = feed != nil || isFinal
                if let request = try editor.next(rest, isFinal: ends, into: &output) { return request }
                isInside = !ends
                if ends { endLine(tables) }
            } else if line != 0, feed != nil {
                throw JSONEditError(.memberMissing, at: editor.base)
            }
            guard let feed else { break }
            output.append(ASCII.lineFeed)
            position = feed + 1
        }
        position = 0
        if isFinal, line != 0 { throw JSONEditError(.memberMissing, at: editor.base) }
        return nil
    }

    private mutating func endLine(_ tables: [JSONEditTable?]) {
        let isAlone = line == 0 && editor.rootSeen & aloneBits != 0
        line = isAlone ? 0 : (line + 1) % tables.count
        editor.restart(tables[line] ?? .any)
    }

    // MARK: events

    private mutating func nextEvent(
        _ bytes: Span<UInt8>,
        _ isFinal: Bool,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        while true {
            if let start = feeding {
                let request = try feed(from: start, &output)
                if let request { return request }
            }
            guard let feed = bytes.firstIndex(of: ASCII.lineFeed, from: position) else { break }
            text.append(bytes.extracting(position..<feed + 1))
            position = feed + 1
            var whole = Buffer()
            swap(&whole, &text)
            try take(whole.bytes, &output)
            if feeding == nil { whole.removeAll() }
            swap(&whole, &text)
        }
        text.append(bytes.extracting(position..<bytes.count))
        position = 0
        if text.count > maximumLineBytes { throw JSONEditError(.syntax(.tooLarge), at: 0) }
        // An event without its empty line is none (HTML §9.2.6).
        if isFinal, !text.isEmpty || data != .none { throw JSONEditError(.syntax(.truncated), at: 0) }
        return nil
    }

    /// Feeds the data that is in `text` to the editor.
    private mutating func feed(from start: Int, _ output: inout Buffer) throws(JSONEditError)
        -> JSONEditRequest?
    {
        var whole = Buffer()
        swap(&whole, &text)
        let request = try editor.next(
            whole.bytes.extracting(start..<whole.count),
            isFinal: false,
            into: &output
        )
        if request == nil {
            feeding = nil
            whole.removeAll()
        }
        swap(&whole, &text)
        return request
    }

    /// Takes one line, its end included.
    private mutating func take(_ line: borrowing Span<UInt8>, _ output: inout Buffer) throws(JSONEditError) {
        var end = line.count - 1
        if end > 0, line[end - 1] == ASCII.carriageReturn { end -= 1 }
        if end == 0 {
            if data == .edited {
                let nothing = Span<UInt8>()
                guard try editor.next(nothing, isFinal: true, into: &output) == nil else {
                    throw JSONEditError(.syntax(.truncated), at: 0)
                }
            }
            data = .none
            event = []
            return output.append(line.extracting(0..<line.count))
        }
        let colon = line.firstIndex(of: ASCII.colon) ?? end
        let name = line.extracting(0..<min(colon, end))
        var start = min(colon + 1, end)
        if start < end, line[start] == ASCII.space { start += 1 }
        if name.equals("event") {
            // The name decides what the data is, so it must be known before it.
            if data != .none { throw JSONEditError(.unexpectedType, at: 0) }
            event = line.extracting(start..<end).array()
        } else if name.equals("data") {
            begin(isMark: line.extracting(start..<end).equals("[DONE]"))
            if data == .edited {
                output.append(line.extracting(0..<start))
                feeding = start
                return
            }
        }
        output.append(line.extracting(0..<line.count))
    }

    /// A line of data: the first of an event decides what is done with all of them.
    private mutating func begin(isMark: Bool) {
        guard data == .none else { return }
        data = .verbatim
        if isMark { return }
        if let table = table() {
            editor.restart(table)
            data = .edited
        }
    }

    private func table() -> JSONEditTable? {
        guard case .events(let tables) = form else { return nil }
        return (tables.first { $0.name == event } ?? tables.last)?.table
    }
}

extension JSONEditTable {
    /// Any JSON at all.
    package static let any: JSONEditTable = {
        do throws(JSONTableError) {
            return try JSONEditTable([(JSONPattern([]), .any)])
        } catch {
            preconditionFailure("one rule cannot contradict itself")
        }
    }()
}
