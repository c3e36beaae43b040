// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Why a document is not what its table declares, and at which byte.
package struct JSONEditError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// It is no JSON.
        case syntax(JSONError.Reason)
        /// A name that the table has not, or one that is written with escapes: two readers may not take it for the
        /// same.
        case memberUndeclared
        case memberDuplicate
        case memberRefused
        /// An object lacks a required member, or an array its first element; the offset is that of its end.
        case memberMissing
        /// An object, an array or a scalar where another was declared.
        case unexpectedType
    }

    package var reason: Reason
    package var offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

/// Where a text of the caller's goes.
package enum JSONTextPart: Hashable, Sendable {
    /// In front of a value that is wrapped, and behind it.
    case before, after
    /// In the place of a value that is left out or `null`.
    case absent
    /// An array's first element.
    case element
}

/// What the editor asks of its caller.
package enum JSONEditRequest: Hashable, Sendable {
    /// A string or number, whose meaning is `JSONEditor.text`. The answer is `replace`, `keep` or `hide`; what is
    /// looked at and left out (`.remove`, `.behead`) is left out in any case.
    case value(binding: Int)
    /// The name of a member, whose meaning is `JSONEditor.text`. The answer is `replace` or `keep`.
    case name(binding: Int)
    /// `null` at an edited place. The answer is `keep`.
    case null(binding: Int)
    /// JSON is wanted. The answer is `insert`.
    case text(binding: Int, JSONTextPart)
}

/// Copies a document that comes in pieces and stops at each place that a table gives to the caller, who answers before
/// he goes on. What comes out differs from what went in in the edited places alone, and is the same however the document
/// is cut into pieces:
///
///     while let request = try editor.next(bytes, isFinal: isLast, into: &output) {
///         switch request {
///         case .value(let binding): editor.replace("…", &output)
///         …
///         }
///     }
///
/// A name that is not declared can come last, so what has left before is of use only where a message that is cut off is
/// none at all. `null` is taken in the place of a declared array, and of an object that needs no member.
/// Limits: `maximumDepth` levels, `maximumTokenBytes` for a name or an edited value, `maximumHeldBytes` for an element
/// that may yet be hidden. It holds that much and no more. Cost: one pass, one copy; no allocation once it is warm.
package struct JSONEditor: ~Copyable {
    enum Phase {
        case value, firstElement, element, firstMember, name, colon, separator
        /// Inside the token that began at `tokenStart`.
        case scanning
        /// Inside a value that is not looked at.
        case skipping
        /// At the end of an object: members that are put in.
        case inserting
        /// Behind the value of node `current`.
        case finished
        /// Behind the document.
        case end
    }

    enum Token {
        case name, string, number, literal
    }

    struct Frame {
        var node = 0
        var isObject = false
        var seen: UInt64 = 0
        /// Elements that were begun.
        var count = 0
        /// Whether something is in the output, so that what follows needs a comma.
        var hasItems = false
        /// Whether commas are not copied, since what stands before or behind them may be left out.
        var defers = false
        var commaPending = false
        var hides = false
        var isHidden = false
        /// Where the element begins in `held`.
        var mark = 0
        var isWrapped = false
        /// Whether it is an object that stands in the output alone.
        var isMade = false
    }

    let maximumDepth: Int
    let maximumTokenBytes: Int
    let maximumHeldBytes: Int
    var table: JSONEditTable
    var phase = Phase.value
    var frames: [Frame] = []
    /// The node of the value that begins or has just ended.
    var current = 0
    /// Whether text was put in front of that value.
    var isWrapped = false
    /// Whether the member or element under way is left out.
    var isDropping = false
    /// Nested elements that may yet be hidden.
    var holds = 0

    var token = Token.name
    /// Whether the token is kept for the caller.
    var captures = false
    /// What the token is shown to the caller as; nil where null was replaced already.
    var binding: Int?
    var string = JSONStringScan()
    var number = JSONNumberScan()
    var literal = JSONLiteralScan()
    var skip = JSONValueSkip(maximumDepth: 0)

    /// Places in the piece at hand: the next byte, the first that is not copied, and where the token began.
    var index = 0
    var copied = 0
    var tokenStart = 0
    /// Bytes of the pieces before.
    var base = 0
    /// Of the token: what earlier pieces had, and its meaning.
    var raw = Buffer()
    var plain = Buffer()
    /// White space behind a comma that is not written yet.
    var space = Buffer()
    var held = Buffer()
    /// Members of the root that were there, by their index in the table.
    package internal(set) var rootSeen: UInt64 = 0

    package init(
        _ table: JSONEditTable,
        maximumDepth: Int = 64,
        maximumTokenBytes: Int = 64 << 10,
        maximumHeldBytes: Int = 4 << 20
    ) {
        self.table = table
        self.maximumDepth = maximumDepth
        self.maximumTokenBytes = maximumTokenBytes
        self.maximumHeldBytes = maximumHeldBytes
    }

    /// Makes ready for another document.
    package mutating func restart(_ table: JSONEditTable) {
        self.table = table
        phase = .value
        frames.removeAll(keepingCapacity: true)
        (current, isWrapped, isDropping, holds) = (0, false, false, 0)
        (index, copied, tokenStart, base, rootSeen) = (0, 0, 0, 0, 0)
        captures = false
        raw.removeAll()
        plain.removeAll()
        space.removeAll()
        held.removeAll()
    }

    /// What the name, string or number of the last request means.
    package var text: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { plain.bytes }
    }

    /// Whether the value of the last request is a number.
    package var isNumber: Bool { token == .number }

    /// Whether an element is open that `hide` would leave out.
    package var canHide: Bool { holds > 0 }

    // MARK: answers

    /// Writes a string with this meaning in the place of what was asked about.
    package mutating func replace(_ meaning: Span<UInt8>, _ output: inout Buffer) {
        if isDropping { return }
        var written = Buffer()
        swap(&written, &space)
        JSONWriter.appendString(meaning, &written)
        emit(written.bytes, &output)
        written.removeAll()
        swap(&written, &space)
    }

    /// Leaves what was asked about as it was written.
    package mutating func keep(_ output: inout Buffer) {
        if isDropping { return }
        var written = Buffer()
        swap(&written, &raw)
        emit(written.bytes, &output)
        swap(&written, &raw)
    }

    /// Writes JSON.
    package mutating func insert(_ json: Span<UInt8>, _ output: inout Buffer) { emit(json, &output) }

    /// Leaves out the innermost element that may be hidden.
    package mutating func hide(_ output: inout Buffer) {
        guard let place = frames.lastIndex(where: { $0.hides }) else {
            preconditionFailure("no element is open that may be hidden")
        }
        frames[place].isHidden = true
        keep(&output)
    }

    mutating func emit(_ bytes: Span<UInt8>, _ output: inout Buffer) {
        if holds > 0 { held.append(bytes) } else { output.append(bytes) }
    }

    func failure(_ reason: JSONEditError.Reason, at index: Int) -> JSONEditError {
        JSONEditError(reason, at: base + index)
    }
}
