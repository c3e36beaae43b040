// SPDX-License-Identifier: Apache-2.0
import JSON

/// Reads expressions from JSON ("EST"). The nesting is bounded by that of the document.
struct ExpressionReader {
    func expression(_ json: JSONValue, at path: String) throws(DataError) -> Expression {
        let object = try json.object(at: path)
        guard object.count == 1, let (name, body) = object.members.first else {
            throw DataError(path, "expected an object with one member, the operator")
        }
        let place = "\(path)/\(name)"
        switch name {
        case "Value": return try value(body, at: place)
        case "Var":
            guard let variable = Variable(rawValue: try body.text(at: place).string) else {
                throw DataError(place, "no variable")
            }
            return Expression(.variable(variable))
        case "Slot": throw DataError(place, "a slot cannot stand in a condition")
        case "Set": return Expression(.set(try expressions(body, at: place)))
        case "Record":
            var members: [Expression.Member] = []
            for (name, json) in try body.object(at: place).members {
                members.append(.init(name: Text(name), value: try expression(json, at: "\(place)/\(name)")))
            }
            return Expression(.record(members))
        default: break
        }
        if let function = ExtensionFunction(rawValue: name) {
            let arguments = try expressions(body, at: place)
            guard function.isConstructor || !arguments.isEmpty else {
                throw DataError(place, "a method needs what it is called on")
            }
            return Expression(.call(function, arguments))
        }
        return Expression(try operation(name, try body.object(at: place), at: place))
    }

    private func expressions(_ json: JSONValue, at path: String) throws(DataError) -> [Expression] {
        var list: [Expression] = []
        for (index, json) in try json.array(at: path).enumerated() {
            list.append(try expression(json, at: "\(path)/\(index)"))
        }
        return list
    }

    private func operation(
        _ name: String,
        _ body: JSONObject,
        at path: String
    ) throws(DataError) -> Expression.Kind {
        func operand(_ name: String) throws(DataError) -> Expression {
            try expression(try body.required(name, at: path), at: "\(path)/\(name)")
        }
        if let operation = UnaryOperator(rawValue: name) {
            try body.only(["arg"], at: path)
            return .unary(operation, try operand("arg"))
        }
        if let operation = BinaryOperator(rawValue: name) {
            try body.only(["left", "right"], at: path)
            return .binary(operation, try operand("left"), try operand("right"))
        }
        switch name {
        case "&&", "||":
            try body.only(["left", "right"], at: path)
            let (left, right) = (try operand("left"), try operand("right"))
            return name == "&&" ? .and(left, right) : .or(left, right)
        case "if-then-else":
            try body.only(["if", "then", "else"], at: path)
            return .conditional(try operand("if"), then: try operand("then"), else: try operand("else"))
        case ".":
            try body.only(["left", "attr"], at: path)
            return .attribute(
                try operand("left"),
                try body.required("attr", at: path).text(at: path + "/attr")
            )
        case "has":
            try body.only(["left", "attr"], at: path)
            return try has(try operand("left"), try body.required("attr", at: path), at: path + "/attr")
        case "is":
            try body.only(["left", "entity_type", "in"], at: path)
            let type = try body.required("entity_type", at: path).text(at: path + "/entity_type")
            guard EntityUID.isTypeName(type) else { throw DataError(path, "`\(type)` is no entity type") }
            return .is(try operand("left"), type: type, in: body["in"] == nil ? nil : try operand("in"))
        case "like":
            try body.only(["left", "pattern"], at: path)
            return .like(try operand("left"), try pattern(try body.required("pattern", at: path), at: path))
        default: throw DataError(path, "`\(name)` is no operator or function")
        }
    }

    private func has(_ target: Expression, _ json: JSONValue, at path: String) throws(DataError)
        -> Expression.Kind
    {
        if let name = json.string { return .has(target, [Text(name)]) }
        guard let names = json.strings?.map(Text.init(_:)), !names.isEmpty else {
            throw DataError(path, "expected an attribute or a list of them")
        }
        // Only names that need no quotes can be joined by dots.
        if names.count == 1 || names.allSatisfy(ExpressionPrinter.isName) { return .has(target, names) }
        return hasChain(target, names).kind
    }

    private func pattern(_ json: JSONValue, at path: String) throws(DataError) -> Pattern {
        var elements: [Pattern.Element] = []
        for (index, json) in try json.array(at: path + "/pattern").enumerated() {
            if json.string == "Wildcard" {
                elements.append(.wildcard)
            } else if let literal = json.object, literal.count == 1, let text = literal["Literal"]?.string {
                elements += text.unicodeScalars.map { .scalar($0) }
            } else {
                throw DataError("\(path)/pattern/\(index)", "expected \"Wildcard\" or {\"Literal\"}")
            }
        }
        return Pattern(elements)
    }

    /// A value in the syntax of entities, as the expression that makes it.
    private func value(_ json: JSONValue, at path: String) throws(DataError) -> Expression {
        switch json {
        case .null: throw DataError(path, "Cedar has no null")
        case .number(let text): throw DataError(path, "`\(text)` is no 64-bit integer")
        case .bool(let value): return Expression(.literal(.bool(value)))
        case .integer(let value): return Expression(.literal(.long(value)))
        case .string(let text): return Expression(.literal(.string(Text(text))))
        case .array(let elements):
            var list: [Expression] = []
            for (index, json) in elements.enumerated() {
                list.append(try value(json, at: "\(path)/\(index)"))
            }
            return Expression(.set(list))
        case .object(let object):
            if object["__entity"] != nil {
                return Expression(.literal(.entity(try ValueReader().uid(json, at: path))))
            }
            if let call = object["__extn"] {
                try object.only(["__extn"], at: path)
                return try self.call(try call.object(at: path + "/__extn"), at: path + "/__extn")
            }
            var members: [Expression.Member] = []
            for (name, json) in object.members {
                members.append(.init(name: Text(name), value: try value(json, at: "\(path)/\(name)")))
            }
            return Expression(.record(members))
        }
    }

    private func call(_ object: JSONObject, at path: String) throws(DataError) -> Expression {
        try object.only(["fn", "arg", "args"], at: path)
        let name = try object.required("fn", at: path).text(at: path + "/fn").string
        guard let function = ExtensionFunction(rawValue: name) else {
            throw DataError(path + "/fn", "`\(name)` is no extension function")
        }
        var arguments: [Expression] = []
        switch (object["arg"], object["args"]) {
        case (let json?, nil): arguments = [try value(json, at: path + "/arg")]
        case (nil, let json?):
            for (index, json) in try json.array(at: path + "/args").enumerated() {
                arguments.append(try value(json, at: "\(path)/args/\(index)"))
            }
        case (nil, nil), (_?, _?): throw DataError(path, "expected one of `arg` and `args`")
        }
        guard function.isConstructor || !arguments.isEmpty else {
            throw DataError(path, "a method needs what it is called on")
        }
        return Expression(.call(function, arguments))
    }
}
