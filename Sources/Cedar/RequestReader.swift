// SPDX-License-Identifier: Apache-2.0
package import JSON

extension ValueReader {
    /// `{"principal", "action", "resource", "context"?}`; entities as objects or as text (`"User::\"a\""`).
    package func request(_ json: JSONValue, _ schema: Schema? = nil) throws(DataError) -> AccessRequest {
        let object = try json.object(at: "")
        try object.only(["principal", "action", "resource", "context"], at: "")
        return try request(object, schema)
    }

    func request(_ object: JSONObject, _ schema: Schema?) throws(DataError) -> AccessRequest {
        let action = try named(try object.required("action", at: ""), at: "/action")
        var context = RecordValue.empty
        if let json = object["context"] {
            context = try record(json, schema?.actions[action]?.context, at: "/context")
        }
        return AccessRequest(
            principal: try named(try object.required("principal", at: ""), at: "/principal"),
            action: action,
            resource: try named(try object.required("resource", at: ""), at: "/resource"),
            context: context
        )
    }

    private func named(_ json: JSONValue, at path: String) throws(DataError) -> EntityUID {
        guard let text = json.string else { return try uid(json, at: path) }
        guard let uid = EntityUID(parsing: text) else { throw DataError(path, "`\(text)` is no entity") }
        return uid
    }

    /// Template links in the form of the reference's command line: `[{"template_id", "link_id", "args"}]`.
    package func links(_ json: JSONValue) throws(DataError) -> [TemplateLink] {
        var links: [TemplateLink] = []
        for (index, json) in try json.array(at: "").enumerated() {
            let path = "/\(index)"
            let object = try json.object(at: path)
            try object.only(["template_id", "link_id", "args"], at: path)
            let arguments = try object.required("args", at: path).object(at: path + "/args")
            try arguments.only([Slot.principal.rawValue, Slot.resource.rawValue], at: path + "/args")
            func argument(_ slot: Slot) throws(DataError) -> EntityUID? {
                guard let json = arguments[slot.rawValue] else { return nil }
                return try named(json, at: "\(path)/args/\(slot.rawValue)")
            }
            links.append(
                TemplateLink(
                    id: PolicyID(try object.required("link_id", at: path).text(at: path + "/link_id")),
                    template: PolicyID(
                        try object.required("template_id", at: path).text(at: path + "/template_id")
                    ),
                    principal: try argument(.principal),
                    resource: try argument(.resource)
                )
            )
        }
        return links
    }
}
