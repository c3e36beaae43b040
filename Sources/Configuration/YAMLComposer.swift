// SPDX-License-Identifier: Apache-2.0

/// Makes the tree from the events. What leaves the tree sound (a key twice, a tag) is noted and composing goes
/// on, so that one run shows all of it; what does not ends it.
struct YAMLComposer: ~Copyable {
    private var events: YAMLEvents
    private let file: String
    private let limits: YAML.Limits
    private var problems: [Configuration.Problem] = []
    private var nodes = 0

    init(events: consuming YAMLEvents, file: String, limits: YAML.Limits) {
        self.events = events
        self.file = file
        self.limits = limits
    }

    mutating func document() throws(Configuration.Problems) -> YAML.Node {
        let root: YAML.Node
        do throws(YAMLEvents.Failure) {
            root = try stream()
        } catch {
            note(error.position, error.message)
            throw Configuration.Problems(problems)
        }
        guard problems.isEmpty else { throw Configuration.Problems(problems) }
        return root
    }

    private mutating func stream() throws(YAMLEvents.Failure) -> YAML.Node {
        _ = try events.next()
        let first = try events.next()
        guard case .documentStart = first.kind else {
            throw .init(position: first.position, message: "the file is empty")
        }
        let root = try node(try events.next(), depth: 0)
        _ = try events.next()
        let next = try events.next()
        if case .documentStart = next.kind {
            throw .init(position: next.position, message: "a second document; a file holds one")
        }
        return root
    }

    private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(YAMLEvents.Failure) -> YAML.Node
    {
        nodes += 1
        guard nodes <= limits.nodes else {
            throw .init(position: event.position, message: "more than \(limits.nodes) values")
        }
        guard depth < limits.depth else {
            throw .init(position: event.position, message: "nested deeper than \(limits.depth) levels")
        }
        if event.isAnchored { note(event.position, "anchors are not supported") }
        switch event.kind {
        case .scalar(let text, let style):
            return YAML.Node(.scalar(scalar(text, style, event)), at: event.position)
        case .sequenceStart:
            checkTag(event, allowed: "tag:yaml.org,2002:seq")
            return YAML.Node(.sequence(try sequence(depth: depth)), at: event.position)
        case .mappingStart:
            checkTag(event, allowed: "tag:yaml.org,2002:map")
            return YAML.Node(.mapping(try mapping(depth: depth)), at: event.position)
        case .alias:
            note(event.position, "aliases are not supported")
            return YAML.Node(.scalar(.init(text: "", style: .quoted, kind: .text)), at: event.position)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw .init(position: event.position, message: "a value is missing")
        }
    }

    private mutating func sequence(depth: Int) throws(YAMLEvents.Failure) -> [YAML.Node] {
        var items: [YAML.Node] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func mapping(depth: Int) throws(YAMLEvents.Failure) -> [YAML.Entry] {
        var entries: [YAML.Entry] = []
        var firsts: [String: YAML.Position] = [:]
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return entries }
            guard case .scalar(let key) = try node(event, depth: depth + 1).content else {
                throw .init(position: event.position, message: "a key must be plain text")
            }
            let value = try node(try events.next(), depth: depth + 1)
            if let first = firsts.updateValue(event.position, forKey: key.text) {
                let place = "\(first.line):\(first.column)"
                note(event.position, "duplicate key \"\(key.text)\"; first at \(place)")
                firsts[key.text] = first
            } else {
                entries.append(.init(key: key.text, keyPosition: event.position, value: value))
            }
        }
    }

    private mutating func scalar(_ text: String, _ style: YAML.Style, _ event: YAMLEvents.Event)
        -> YAML.Scalar
    {
        if let control = text.unicodeScalars.first(where: isRefused) {
            note(event.position, "control character U+\(String(control.value, radix: 16)) in a value")
        }
        switch event.tag {
        case nil:
            let kind = style == .plain ? YAML.Scalar.kind(ofPlain: text) : .text
            return .init(text: text, style: style, kind: kind)
        case "!", "tag:yaml.org,2002:str": return .init(text: text, style: style, kind: .text)
        case .some(let tag):
            note(event.position, "tag \"\(tag)\" is not supported")
            return .init(text: text, style: style, kind: .text)
        }
    }

    private mutating func checkTag(_ event: YAMLEvents.Event, allowed: String) {
        guard let tag = event.tag, tag != allowed, tag != "!" else { return }
        note(event.position, "tag \"\(tag)\" is not supported")
    }

    private mutating func note(_ position: YAML.Position, _ message: String) {
        problems.append(.init(file: file, position: position, message: message))
    }
}

/// Tab and the line breaks are what a text of several lines needs; the rest only hides something.
private func isRefused(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D: false
    case 0..<0x20, 0x7F..<0xA0: true
    default: false
    }
}
