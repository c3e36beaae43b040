// SPDX-License-Identifier: Apache-2.0

/// A type as a schema declares it, all names resolved.
package indirect enum SchemaType: Hashable, Sendable {
    case bool, long, string
    case decimal, address, datetime, duration
    case set(SchemaType)
    case record(RecordType)
    case entity(Text)
}

/// The attributes that a record or an entity has, and no others.
package struct RecordType: Hashable, Sendable {
    package struct Attribute: Hashable, Sendable {
        package let type: SchemaType
        package let isRequired: Bool
    }

    package static let empty = RecordType(attributes: [:])

    package let attributes: [Text: Attribute]

    package subscript(name: Text) -> Attribute? { attributes[name] }
}

extension SchemaType {
    /// The function whose value is of this extension type.
    var constructor: ExtensionFunction? {
        switch self {
        case .decimal: .decimal
        case .address: .ip
        case .datetime: .datetime
        case .duration: .duration
        case .bool, .long, .string, .set, .record, .entity: nil
        }
    }

    /// As a schema writes it, built-in names and records spelled out.
    package var description: String {
        switch self {
        case .bool: "Bool"
        case .long: "Long"
        case .string: "String"
        case .decimal: "decimal"
        case .address: "ipaddr"
        case .datetime: "datetime"
        case .duration: "duration"
        case .set(let element): "Set<\(element.description)>"
        case .entity(let name): name.string
        case .record(let record):
            "{"
                + record.attributes.sorted { $0.key < $1.key }.map { name, attribute in
                    "\(Escape.quoted(name.string))\(attribute.isRequired ? "" : "?"): \(attribute.type.description)"
                }.joined(separator: ", ") + "}"
        }
    }
}
