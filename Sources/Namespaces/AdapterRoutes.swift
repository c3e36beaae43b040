// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTPTypes

/// The path templates of all operations, flat: texts in one array and trivial entries beside it, so that a look-up
/// touches no reference but those two.
struct AdapterRoutes: Sendable {
    /// A segment that must be just this text.
    private struct Literal: Sendable {
        var segment: Int
        var start: Int
        var count: Int
    }

    /// A piece of a target that goes to the store.
    enum Part: Sendable {
        /// Slashes and literals, as far as they go without a field.
        case text(start: Int, count: Int)
        case field(segment: Int, rule: AdapterRule)
        case rest(segment: Int, rule: AdapterRule)
        case compartment
    }

    private struct Template: Sendable {
        var operation: Int
        var method: Method
        /// Segments, the rest not counted.
        var fixed: Int
        var endsInRest: Bool
        var endsWithSlash: Bool
        var literals: Range<Int>
    }

    private var text: [UInt8] = []
    private var literals: [Literal] = []
    private var templates: [Template] = []
    /// Where the templates of that many segments begin; behind the last stand those that end in a rest.
    private var starts: [Int] = []
    private var allParts: [Part] = []
    private var partRanges: [Range<Int>] = []
    /// Of the other paths, for operations that have one.
    private var alternativeRanges: [Range<Int>] = []

    init(_ operations: [AdapterOperation]) {
        let order = operations.indices.sorted { operations[$0].precedes(operations[$1]) }
        let fixed = order.filter { !operations[$0].endsInRest }
        let longest = fixed.map { operations[$0].segments.count }.max() ?? 0
        for count in 0...longest {
            starts.append(templates.count)
            for index in fixed where operations[index].segments.count == count {
                add(index, operations[index])
            }
        }
        starts.append(templates.count)
        for index in order where operations[index].endsInRest { add(index, operations[index]) }
        for operation in operations {
            partRanges.append(addParts(operation, operation.target))
            let other = operation.alternative?.target
            alternativeRanges.append(other.map { addParts(operation, $0) } ?? 0..<0)
        }
    }

    /// The most specific operation with this method and path, or nil. The last segments are compared first, since the
    /// first ones are the same in most of a table.
    func find(_ method: Method, _ path: borrowing CanonicalPath) -> Int? {
        let count = path.segmentCount
        if count + 1 < starts.count {
            for index in starts[count]..<starts[count + 1] where matches(templates[index], method, path) {
                return templates[index].operation
            }
        }
        for index in starts[starts.count - 1]..<templates.count where matches(templates[index], method, path)
        {
            return templates[index].operation
        }
        return nil
    }

    func parts(of operation: Int, alternative: Bool) -> Range<Int> {
        alternative ? alternativeRanges[operation] : partRanges[operation]
    }

    func part(_ index: Int) -> Part { allParts[index] }

    func append(_ start: Int, _ count: Int, to output: inout Buffer) {
        output.append(text.span.extracting(start..<start + count))
    }

    private func matches(
        _ template: Template,
        _ method: Method,
        _ path: borrowing CanonicalPath
    ) -> Bool {
        guard template.method == method, path.segmentCount >= template.fixed else { return false }
        if !template.endsInRest, template.endsWithSlash != path.endsWithSlash { return false }
        for index in template.literals {
            let literal = literals[index]
            let expected = text.span.extracting(literal.start..<literal.start + literal.count)
            if !path.segment(at: literal.segment).equals(expected) { return false }
        }
        return true
    }

    private mutating func add(_ index: Int, _ operation: AdapterOperation) {
        let start = literals.count
        for (segment, value) in operation.segments.enumerated().reversed() {
            guard case .literal(let bytes) = value else { continue }
            literals.append(Literal(segment: segment, start: text.count, count: bytes.count))
            text += bytes
        }
        templates.append(
            Template(
                operation: index,
                method: operation.method,
                fixed: operation.segments.count - (operation.endsInRest ? 1 : 0),
                endsInRest: operation.endsInRest,
                endsWithSlash: operation.endsWithSlash,
                literals: start..<literals.count
            )
        )
    }

    private mutating func addParts(
        _ operation: AdapterOperation,
        _ target: [AdapterTargetPart]?
    ) -> Range<Int> {
        let first = allParts.count
        var start = text.count
        func close(_ parts: inout [Part], _ text: [UInt8]) {
            if text.count > start { parts.append(.text(start: start, count: text.count - start)) }
            start = text.count
        }
        func add(_ index: Int, _ segment: AdapterSegment) {
            switch segment {
            case .literal(let bytes): text += bytes
            case .field(let rule):
                close(&allParts, text)
                allParts.append(.field(segment: index, rule: rule))
            case .rest(let rule):
                close(&allParts, text)
                allParts.append(.rest(segment: index, rule: rule))
            }
        }
        if let target {
            for part in target {
                switch part {
                case .text(let bytes): text += bytes
                case .compartment:
                    close(&allParts, text)
                    allParts.append(.compartment)
                case .segment(let index): add(index, operation.segments[index])
                }
            }
        } else {
            if operation.segments.isEmpty { text.append(ASCII.slash) }
            for (index, segment) in operation.segments.enumerated() {
                text.append(ASCII.slash)
                add(index, segment)
            }
            if operation.endsWithSlash { text.append(ASCII.slash) }
        }
        close(&allParts, text)
        return first..<allParts.count
    }
}

extension AdapterOperation {
    var endsInRest: Bool {
        if case .rest? = segments.last { true } else { false }
    }

    /// Literals before fields, from the left; more segments before fewer.
    func precedes(_ other: AdapterOperation) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) {
            if mine.rank != theirs.rank { return mine.rank < theirs.rank }
        }
        return segments.count > other.segments.count
    }
}

extension AdapterSegment {
    fileprivate var rank: Int {
        switch self {
        case .literal: 0
        case .field: 1
        case .rest: 2
        }
    }
}
