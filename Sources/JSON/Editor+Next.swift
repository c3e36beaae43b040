// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension JSONEditor {
    /// Goes on in a piece of the document.
    /// - Parameter bytes: the same piece until nil is the answer, then the next one.
    /// - Parameter isFinal: whether nothing comes behind this piece.
    /// - Returns: what the caller must answer, or nil when the piece is used up; with `isFinal`, the document was then
    ///   complete and as declared.
    package mutating func next(
        _ bytes: Span<UInt8>,
        isFinal: Bool,
        into output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        while true {
            var request: JSONEditRequest?
            switch phase {
            case .scanning:
                guard let end = try scan(bytes, isFinal) else { return try suspend(bytes, isFinal, &output) }
                index = end
                request = try scanned(bytes, &output)
            case .skipping:
                guard let end = try skip(bytes, isFinal) else { return try suspend(bytes, isFinal, &output) }
                index = end
                phase = .finished
            case .inserting: request = try insertMember(&output)
            case .finished: request = try finish(bytes, &output)
            case .value, .firstElement, .element, .firstMember, .name, .colon, .separator, .end:
                index = JSONScan.skipWhitespace(bytes, from: index)
                guard index < bytes.count else { return try suspend(bytes, isFinal, &output) }
                request = try step(bytes, &output)
            }
            if let request { return request }
        }
    }

    // MARK: pieces

    /// The piece is used up: keeps what cannot leave yet, copies the rest.
    private mutating func suspend(
        _ bytes: Span<UInt8>,
        _ isFinal: Bool,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        var end = bytes.count
        if case .scanning = phase, captures {
            raw.append(bytes.extracting(tokenStart..<end))
            end = tokenStart
        }
        if !isDropping {
            if frames.last?.commaPending == true {
                space.append(bytes.extracting(copied..<end))
            } else {
                flush(bytes, upTo: end, &output)
            }
        }
        if max(raw.count, space.count) > maximumTokenBytes || held.count > maximumHeldBytes {
            throw failure(.syntax(.tooLarge), at: bytes.count)
        }
        base += bytes.count
        (index, copied, tokenStart) = (0, 0, 0)
        if isFinal {
            guard case .end = phase else { throw failure(.syntax(.truncated), at: 0) }
        }
        return nil
    }

    /// Copies what was passed over.
    mutating func flush(_ bytes: Span<UInt8>, upTo end: Int, _ output: inout Buffer) {
        if end > copied { emit(bytes.extracting(copied..<end), &output) }
        copied = end
    }

    /// Writes a comma that was put off, if anything stands before it, and copies what was passed over.
    mutating func separate(_ bytes: Span<UInt8>, upTo end: Int, _ output: inout Buffer) {
        let top = frames.count - 1
        if frames[top].commaPending {
            frames[top].commaPending = false
            if frames[top].hasItems {
                let comma: StaticString = ","
                emit(comma.bytes, &output)
            }
            if !space.isEmpty {
                var written = Buffer()
                swap(&written, &space)
                emit(written.bytes, &output)
                written.removeAll()
                swap(&written, &space)
            }
        }
        flush(bytes, upTo: end, &output)
    }

    // MARK: tokens

    private mutating func scan(_ bytes: Span<UInt8>, _ isFinal: Bool) throws(JSONEditError) -> Int? {
        do throws(JSONError) {
            switch token {
            case .name, .string: return try string.end(bytes, from: index).map { $0 + 1 }
            case .number:
                if let end = try number.end(bytes, from: index) { return end }
                return isFinal && number.isComplete ? bytes.count : nil
            case .literal: return try literal.end(bytes, from: index)
            }
        } catch {
            throw failure(.syntax(error.reason), at: error.offset)
        }
    }

    private mutating func skip(_ bytes: Span<UInt8>, _ isFinal: Bool) throws(JSONEditError) -> Int? {
        do throws(JSONError) {
            if let end = try skip.end(bytes, from: index) { return end }
        } catch {
            throw failure(.syntax(error.reason), at: error.offset)
        }
        return isFinal && skip.isComplete ? bytes.count : nil
    }

    mutating func beginToken(_ kind: Token, captures: Bool) {
        token = kind
        self.captures = captures
        tokenStart = index
        raw.removeAll()
        phase = .scanning
        switch kind {
        case .name, .string:
            string = JSONStringScan()
            index += 1
        case .number: number = JSONNumberScan()
        case .literal: break
        }
    }

    /// The token ends before `index`.
    private mutating func scanned(
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        if captures {
            if raw.count + index - tokenStart > maximumTokenBytes {
                throw failure(.syntax(.tooLarge), at: index)
            }
            raw.append(bytes.extracting(tokenStart..<index))
        }
        switch token {
        case .name: return try named(bytes, &output)
        case .string, .number, .literal:
            phase = .finished
            guard captures else { return nil }
            copied = index
            guard let binding else { return nil }
            if token == .literal { return .null(binding: binding) }
            readMeaning()
            return .value(binding: binding)
        }
    }

    /// Fills `plain` with what `raw` means.
    private mutating func readMeaning() {
        var meaning = Buffer()
        swap(&meaning, &plain)
        meaning.removeAll()
        if token == .number {
            meaning.append(raw.bytes)
        } else {
            let range = ByteRange(start: 1, count: raw.count - 2)
            JSONText.unescape(raw.bytes, range, escaped: string.escaped, into: &meaning)
        }
        swap(&meaning, &plain)
    }

    // MARK: members

    /// A name ends before `index`.
    private mutating func named(
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let top = frames.count - 1
        phase = .colon
        let node = frames[top].node
        if !captures {
            current = table.nodes[node].object!.other!
            return nil
        }
        guard let child = try member(of: node) else {
            guard let other = table.nodes[node].object?.other else {
                throw failure(.memberUndeclared, at: tokenStart + 1)
            }
            current = other
            if let binding = table.nodes[node].object?.otherBinding {
                separate(bytes, upTo: tokenStart, &output)
                copied = index
                readMeaning()
                return .name(binding: binding)
            }
            copyName(bytes, &output)
            return nil
        }
        let bit: UInt64 = 1 << UInt64(child)
        if frames[top].seen & bit != 0 { throw failure(.memberDuplicate, at: tokenStart + 1) }
        frames[top].seen |= bit
        let declared = table.children[table.nodes[node].object!.start + child]
        if declared.isOurs { throw failure(.memberRefused, at: tokenStart) }
        current = declared.node
        if declared.isRemoved {
            isDropping = true
            if !frames[top].commaPending { flush(bytes, upTo: tokenStart, &output) }
            space.removeAll()
        } else {
            copyName(bytes, &output)
        }
        return nil
    }

    private mutating func copyName(_ bytes: Span<UInt8>, _ output: inout Buffer) {
        separate(bytes, upTo: tokenStart, &output)
        copied = index
        keep(&output)
    }

    /// The index of the declared member that `raw` names, or nil.
    private func member(of node: Int) throws(JSONEditError) -> Int? {
        guard let object = table.nodes[node].object else { return nil }
        let whole = raw.bytes
        let range = ByteRange(start: 1, count: whole.count - 2)
        for index in 0..<object.count {
            let child = table.children[object.start + index]
            if !string.escaped {
                if child.nameCount == range.count, whole.extracting(range).equals(table.name(child)) {
                    return index
                }
            } else if JSONText.equals(whole, range, escaped: true, table.name(child)) {
                throw failure(.memberUndeclared, at: tokenStart + 1)
            }
        }
        return nil
    }
}
