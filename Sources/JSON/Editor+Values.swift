// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension JSONEditor {
    /// Takes the byte at `index`, at which something begins or ends.
    mutating func step(_ bytes: Span<UInt8>, _ output: inout Buffer) throws(JSONEditError) -> JSONEditRequest?
    {
        let byte = bytes[index]
        switch phase {
        case .value: return try begin(byte, bytes, &output)
        case .firstElement:
            if byte == UInt8(ascii: "]") { return try closeArray() }
            return try beginElement(byte, bytes, &output)
        case .element: return try beginElement(byte, bytes, &output)
        case .firstMember:
            if byte == UInt8(ascii: "}") { return try beginClose(bytes, &output) }
            return try beginName(byte, bytes, &output)
        case .name: return try beginName(byte, bytes, &output)
        case .colon:
            guard byte == ASCII.colon else { throw failure(.syntax(.unexpectedByte), at: index) }
            index += 1
            phase = .value
            return nil
        case .separator: return try separator(byte, bytes, &output)
        case .end: throw failure(.syntax(.trailingBytes), at: index)
        case .scanning, .skipping, .inserting, .finished:
            preconditionFailure("not at a byte that begins or ends something")
        }
    }

    private mutating func separator(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let top = frames.count - 1
        if byte == ASCII.comma {
            if frames[top].defers {
                // Behind a member that was left out white space goes with it.
                if !frames[top].commaPending { flush(bytes, upTo: index, &output) }
                copied = index + 1
                frames[top].commaPending = true
                space.removeAll()
            }
            index += 1
            phase = frames[top].isObject ? .name : .element
            return nil
        }
        if frames[top].isObject {
            if byte == UInt8(ascii: "}") { return try beginClose(bytes, &output) }
        } else if byte == UInt8(ascii: "]") {
            return try closeArray()
        }
        throw failure(.syntax(.unexpectedByte), at: index)
    }

    // MARK: values

    /// A value of node `current` begins.
    private mutating func begin(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let node = current
        // No JSON text starts with this byte, so it is a byte order mark or the beginning of one.
        if byte == 0xEF, base + index == 0 { throw failure(.syntax(.byteOrderMark), at: 0) }
        if !isWrapped {
            let outer = table.nodes[node].wrap
            if byte == UInt8(ascii: "n"), let binding = outer ?? table.nodes[node].prepend {
                flush(bytes, upTo: index, &output)
                self.binding = nil
                beginToken(.literal, captures: true)
                literal = JSONLiteralScan()
                return .text(binding: binding, .absent)
            }
            if let outer {
                flush(bytes, upTo: index, &output)
                isWrapped = true
                return .text(binding: outer, .before)
            }
        }
        if table.nodes[node].isAny {
            skip = JSONValueSkip(maximumDepth: maximumDepth - frames.count)
            phase = .skipping
            return nil
        }
        if case .refused? = table.nodes[node].scalar, byte != UInt8(ascii: "n") {
            throw failure(.memberRefused, at: index)
        }
        switch byte {
        case UInt8(ascii: "{"):
            guard let object = table.nodes[node].object else { throw failure(.unexpectedType, at: index) }
            try push(node, isObject: true, defers: object.removes)
            phase = .firstMember
            return nil
        case UInt8(ascii: "["): return try beginArray(node, bytes, &output)
        default: return try beginScalar(byte, node, bytes, &output)
        }
    }

    private mutating func beginArray(
        _ node: Int,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let declared = table.nodes[node]
        guard declared.element != nil || declared.prepend != nil || declared.behead != nil else {
            throw failure(.unexpectedType, at: index)
        }
        try push(node, isObject: false, defers: declared.hides || declared.behead != nil)
        phase = .firstElement
        guard let binding = declared.prepend else { return nil }
        flush(bytes, upTo: index, &output)
        return .text(binding: binding, .element)
    }

    private mutating func push(_ node: Int, isObject: Bool, defers: Bool) throws(JSONEditError) {
        guard frames.count < maximumDepth else { throw failure(.syntax(.tooDeep), at: index) }
        var frame = Frame(node: node, isObject: isObject)
        frame.defers = defers
        frame.isWrapped = isWrapped
        frame.hides = !isObject && table.nodes[node].hides
        isWrapped = false
        frames.append(frame)
        index += 1
    }

    private mutating func beginScalar(
        _ byte: UInt8,
        _ node: Int,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let kind: Token
        switch byte {
        case ASCII.quote: kind = .string
        case UInt8(ascii: "-"), 0x30...0x39: kind = .number
        default:
            guard let scan = JSONLiteralScan(byte) else { throw failure(.syntax(.unexpectedByte), at: index) }
            kind = .literal
            literal = scan
        }
        let isNull = byte == UInt8(ascii: "n")
        switch table.nodes[node].scalar {
        case .pass?: beginToken(kind, captures: false)
        case .refused?, .insert?:
            guard isNull else { throw failure(.memberRefused, at: index) }
            beginToken(kind, captures: false)
        case .edit(let binding, _)?:
            if kind == .literal, !isNull { throw failure(.unexpectedType, at: index) }
            flush(bytes, upTo: index, &output)
            self.binding = binding
            beginToken(kind, captures: true)
        case .remove(let binding)?:
            guard kind == .string else { throw failure(.memberMissing, at: index) }
            self.binding = binding
            beginToken(kind, captures: true)
        case nil:
            guard isNull else { throw failure(.unexpectedType, at: index) }
            let object = table.nodes[node].object
            if ((object?.required ?? 0) | (object?.added ?? 0)) != 0 || table.nodes[node].isFilled
                || table.nodes[node].behead != nil
            {
                throw failure(.memberMissing, at: index)
            }
            beginToken(kind, captures: false)
        }
        return nil
    }

    // MARK: elements

    private mutating func beginElement(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let top = frames.count - 1
        let node = frames[top].node
        frames[top].count += 1
        let isFirst = frames[top].count == 1
        if isFirst, let binding = table.nodes[node].behead {
            guard byte == ASCII.quote else { throw failure(.memberMissing, at: index) }
            flush(bytes, upTo: index, &output)
            isDropping = true
            self.binding = binding
            beginToken(.string, captures: true)
            return nil
        }
        if isFirst, table.nodes[node].prepend != nil {
            let comma: StaticString = ","
            emit(comma.bytes, &output)
        }
        guard let element = table.nodes[node].element else { throw failure(.unexpectedType, at: index) }
        if frames[top].hides {
            if isFirst { flush(bytes, upTo: index, &output) }
            frames[top].mark = held.count
            frames[top].isHidden = false
            holds += 1
        }
        if frames[top].defers { separate(bytes, upTo: index, &output) }
        current = element
        phase = .value
        return nil
    }

    private mutating func closeArray() throws(JSONEditError) -> JSONEditRequest? {
        let frame = frames[frames.count - 1]
        if frame.count == 0, table.nodes[frame.node].behead != nil || table.nodes[frame.node].isFilled {
            throw failure(.memberMissing, at: index)
        }
        pop()
        return nil
    }

    private mutating func pop() {
        guard let frame = frames.popLast() else { preconditionFailure("nothing is open") }
        if frames.isEmpty { rootSeen = frame.seen }
        current = frame.node
        isWrapped = frame.isWrapped
        index += 1
        phase = .finished
    }

    // MARK: members

    private mutating func beginName(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        guard byte == ASCII.quote else { throw failure(.syntax(.unexpectedByte), at: index) }
        guard let object = table.nodes[frames[frames.count - 1].node].object else {
            preconditionFailure("only objects have members")
        }
        let isPlain = object.count == 0 && object.otherBinding == nil && object.other != nil
        beginToken(.name, captures: !isPlain)
        return nil
    }

    private mutating func beginClose(
        _ bytes: Span<UInt8>,
        _ output: inout Buffer
    ) throws(JSONEditError) -> JSONEditRequest? {
        let frame = frames[frames.count - 1]
        let required = table.nodes[frame.node].object?.required ?? 0
        if frame.seen & required != required { throw failure(.memberMissing, at: index) }
        if frame.commaPending { copied = index }
        if (table.nodes[frame.node].object?.added ?? 0) & ~frame.seen == 0 {
            pop()
            return nil
        }
        flush(bytes, upTo: index, &output)
        phase = .inserting
        return nil
    }

    /// Puts in the next member that is left out, or ends the object.
    mutating func insertMember(_ output: inout Buffer) throws(JSONEditError) -> JSONEditRequest? {
        let top = frames.count - 1
        let left = (table.nodes[frames[top].node].object?.added ?? 0) & ~frames[top].seen
        guard left != 0, let object = table.nodes[frames[top].node].object else {
            if !frames[top].isMade {
                pop()
                return nil
            }
            frames.removeLast()
            let end: StaticString = "}"
            emit(end.bytes, &output)
            return nil
        }
        let child = left.trailingZeroBitCount
        var name = Buffer()
        if frames[top].hasItems { name.append(ASCII.comma) }
        let member = table.children[object.start + child]
        JSONWriter.appendString(table.name(member), &name)
        name.append(ASCII.colon)
        frames[top].hasItems = true
        frames[top].seen |= 1 << UInt64(child)
        if let binding = member.absent {
            emit(name.bytes, &output)
            return .text(binding: binding, .absent)
        }
        guard frames.count < maximumDepth else { throw failure(.syntax(.tooDeep), at: index) }
        name.append(UInt8(ascii: "{"))
        emit(name.bytes, &output)
        var frame = Frame(node: member.node, isObject: true)
        frame.isMade = true
        frames.append(frame)
        return nil
    }

    // MARK: ends

    /// The value of node `current` ends before `index`.
    mutating func finish(_ bytes: Span<UInt8>, _ output: inout Buffer) throws(JSONEditError)
        -> JSONEditRequest?
    {
        if isWrapped, let binding = table.nodes[current].wrap {
            isWrapped = false
            flush(bytes, upTo: index, &output)
            return .text(binding: binding, .after)
        }
        isWrapped = false
        guard !frames.isEmpty else {
            phase = .end
            return nil
        }
        let top = frames.count - 1
        phase = .separator
        if isDropping {
            isDropping = false
            copied = index
            return nil
        }
        guard frames[top].hides else {
            frames[top].hasItems = true
            return nil
        }
        flush(bytes, upTo: index, &output)
        if held.count > maximumHeldBytes { throw failure(.syntax(.tooLarge), at: index) }
        holds -= 1
        if frames[top].isHidden {
            frames[top].isHidden = false
            held.truncate(to: frames[top].mark)
        } else {
            frames[top].hasItems = true
        }
        if holds == 0 {
            output.append(held.bytes)
            held.removeAll()
        }
        return nil
    }
}
