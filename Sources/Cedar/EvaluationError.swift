// SPDX-License-Identifier: Apache-2.0

/// Why a policy could not be evaluated. Such a policy counts as absent: a permit does not permit and, as Cedar
/// has it, a forbid does not forbid.
package enum EvaluationError: Error, Hashable, Sendable {
    case wrongType(expected: StaticName, found: Text)
    case missingAttribute(Text)
    case missingTag(Text)
    case unknownEntity(EntityUID)
    case overflow
    case invalidArgument(ExtensionFunction, Text)
    case wrongArgumentCount(ExtensionFunction, Int)

    /// What an operator wanted.
    package enum StaticName: String, Hashable, Sendable {
        case bool = "Bool"
        case long = "Long"
        case string = "String"
        case set = "Set"
        case entity = "entity"
        case recordOrEntity = "record or entity"
        case entityOrSetOfEntities = "entity or set of entities"
        case comparable = "Long, datetime or duration"
        case decimal = "decimal"
        case address = "ipaddr"
        case datetime = "datetime"
        case duration = "duration"
    }
}

extension EvaluationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .wrongType(let expected, let found): "expected \(expected.rawValue), found \(found)"
        case .missingAttribute(let name): "no attribute \(Escape.quoted(name.string))"
        case .missingTag(let name): "no tag \(Escape.quoted(name.string))"
        case .unknownEntity(let uid): "entity \(uid) does not exist"
        case .overflow: "integer overflow"
        case .invalidArgument(let function, let text):
            "\(function.name): invalid argument \(Escape.quoted(text.string))"
        case .wrongArgumentCount(let function, let count):
            "\(function.name) takes \(function.argumentCount) argument(s), not \(count)"
        }
    }
}
