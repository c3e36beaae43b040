// SPDX-License-Identifier: Apache-2.0

extension SchemaDocument {
    /// The schema in Cedar's own syntax. Types that JSON names exactly lose that: a name is looked up as usual.
    package var text: String {
        namespaces.map { namespace in
            let lines = namespace.lines
            if namespace.name == "" { return lines.joined(separator: "\n") + "\n" }
            let head = namespace.annotations.lines + ["namespace \(namespace.name) {"]
            return (head + lines.map { $0.isEmpty ? "" : "    " + $0 } + ["}"]).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }
}

extension [Policy.Annotation] {
    fileprivate var lines: [String] {
        map { annotation in
            "@\(annotation.key)" + (annotation.value.map { "(\(Escape.quoted($0.string)))" } ?? "")
        }
    }
}

extension SchemaDocument.Namespace {
    fileprivate var lines: [String] {
        var lines: [String] = []
        for type in types { lines += type.annotations.lines + type.type.lines("type \(type.name) = ", ";") }
        for entity in entities { lines += entity.annotations.lines + entity.lines }
        for action in actions { lines += action.annotations.lines + action.lines }
        return lines
    }
}

extension SchemaDocument.EntityDeclaration {
    fileprivate var lines: [String] {
        switch body {
        case .enumerated(let ids):
            return ["entity \(name) enum [\(ids.map { Escape.quoted($0.string) }.joined(separator: ", "))];"]
        case .standard(let parents, let shape, let tags):
            var head = "entity \(name)"
            if !parents.isEmpty { head += " in [\(parents.map(\.string).joined(separator: ", "))]" }
            var lines = shape.isEmptyRecord ? [head] : shape.lines(head + " = ", "")
            if let tags {
                let last = lines.removeLast()
                lines += tags.lines(last + " tags ", "")
            }
            lines[lines.count - 1] += ";"
            return lines
        }
    }
}

extension SchemaDocument.ActionDeclaration {
    fileprivate var lines: [String] {
        var head = "action \(Escape.quoted(name.string))"
        if !parents.isEmpty {
            let names = parents.map { parent in
                (parent.type.map { "\($0)::" } ?? "") + Escape.quoted(parent.id.string)
            }
            head += " in [\(names.joined(separator: ", "))]"
        }
        guard let appliesTo, !appliesTo.principals.isEmpty, !appliesTo.resources.isEmpty else {
            return [head + ";"]
        }
        var lines = [
            head + " appliesTo {",
            "    principal: [\(appliesTo.principals.map(\.string).joined(separator: ", "))],",
            "    resource: [\(appliesTo.resources.map(\.string).joined(separator: ", "))],",
        ]
        lines += appliesTo.context.lines("context: ", "").map { "    " + $0 }
        return lines + ["};"]
    }
}

extension SchemaDocument.TypeExpression {
    /// On one line, or a record's attributes on lines of their own.
    fileprivate func lines(_ head: String, _ tail: String) -> [String] {
        switch self {
        case .bool: return [head + "Bool" + tail]
        case .long: return [head + "Long" + tail]
        case .string: return [head + "String" + tail]
        case .entity(let name), .extension(let name), .common(let name), .named(let name):
            return [head + name.string + tail]
        case .set(let element):
            return element.lines(head + "Set<", ">" + tail)
        case .record(let members):
            if members.isEmpty { return [head + "{}" + tail] }
            var lines = [head + "{"]
            for member in members {
                let name =
                    ExpressionPrinter.isName(member.name)
                    ? member.name.string : Escape.quoted(member.name.string)
                lines += member.annotations.lines.map { "    " + $0 }
                let type = member.type.lines("\(name)\(member.isRequired ? "" : "?"): ", ",")
                lines += type.map { "    " + $0 }
            }
            return lines + ["}" + tail]
        }
    }
}
