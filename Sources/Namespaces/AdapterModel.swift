// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes
internal import JSON

/// Which side of the agent the requests of a protocol come from.
package enum AdapterKind: String, Sendable, CaseIterable {
    /// Callers → agent: what is not declared about headers passes, but for what the gateway itself strips.
    case ingress
    /// Agent → store: headers that are not declared and not harmless are dropped.
    case store
}

/// How a value is carried between the agent's view and the store's.
struct AdapterRewrite: Sendable {
    enum Kind: Sendable {
        /// A native tenant field: whatever the request calls it by one of `visible` becomes `value`. What comes back
        /// must be `value` (the owner stamp) and is shown under the name that the request used, else the first.
        case pin(value: AdapterTemplate, visible: [AdapterTemplate])
        /// An id that the store invents, sealed (`IDSealer`).
        case own
        /// A key inside the namespace: the text goes in front, and comes off again.
        case prefix(AdapterTemplate)
        /// A name that the client chose: passes unless it is written like an id that the store invents, since some
        /// servers take an id in the place of a name without asking whose it is.
        case name
        /// A text for people: passes if it holds no compartment code and no UUID, else a fixed one takes its place.
        case screen
    }

    var name: String
    var kind: Kind
}

/// What becomes of a path segment, a parameter or a header.
enum AdapterRule: Hashable, Sendable {
    case pass
    /// In a path: also what the edge does not take for one value (`%2F`).
    case opaque
    case drop
    case refuse
    case rewrite(Int)
    /// The client's session id: the gateway puts a virtual one in its place and takes it back in answers.
    case session
    /// The user's id: the gateway puts the verified one in its place.
    case user
}

/// One segment of a path template.
enum AdapterSegment: Hashable, Sendable {
    case literal([UInt8])
    case field(AdapterRule)
    /// All that is left, slashes included; the last of a template.
    case rest(AdapterRule)
}

/// What a message's body is, and what is done with it.
package enum BodyPlan: Equatable, Sendable {
    /// There is none; one that is there all the same is refused (`body_undeclared`).
    case none
    /// It flows as it is.
    case opaque
    /// It is collected whole, up to so many bytes, and given to the transform.
    case json(maximumBytes: Int)
}

enum AdapterBody: Sendable {
    case none
    case opaque
    case json(JSONEditTable)
}

/// One operation of a table.
package final class AdapterOperation: Sendable {
    /// What a table answers by itself: nothing goes to the store.
    struct Answer: Sendable {
        var status: UInt16
        /// In a JSON text: `visible` is filled in between quotes.
        var body: AdapterTemplate
    }

    package let name: String
    package let method: Method
    /// The path template as it stands in the table: the route of spans and metrics.
    package let template: String
    /// The policy action, `memory:Read`.
    package let action: String
    /// Whether the request may be an upgrade to a WebSocket, and only that.
    package let isWebSocket: Bool
    /// Whether the table answers by itself, after the request was checked: see `Adapter.answer`.
    package var isLocal: Bool { answer != nil }
    /// Whether the table refuses it: known, and not let through.
    package let isRefused: Bool

    let segments: [AdapterSegment]
    /// Nil: parameters are opaque.
    let parameters: [(name: [UInt8], rule: AdapterRule)]?
    let request: AdapterBody
    let response: AdapterBody
    let answer: Answer?
    /// The segment that is an id of the store's.
    let idSegment: Int?
    /// Whether the store's every 404 means that id; else one means it that names an id.
    let isUnknownIDBy404: Bool

    init(
        name: String,
        method: Method,
        template: String,
        action: String,
        isWebSocket: Bool,
        isRefused: Bool,
        segments: [AdapterSegment],
        parameters: [(name: [UInt8], rule: AdapterRule)]?,
        request: AdapterBody,
        response: AdapterBody,
        answer: Answer?,
        idSegment: Int?,
        isUnknownIDBy404: Bool
    ) {
        self.name = name
        self.method = method
        self.template = template
        self.action = action
        self.isWebSocket = isWebSocket
        self.isRefused = isRefused
        self.segments = segments
        self.parameters = parameters
        self.request = request
        self.response = response
        self.answer = answer
        self.idSegment = idSegment
        self.isUnknownIDBy404 = isUnknownIDBy404
    }
}

extension AdapterOperation {
    /// One of a built-in protocol, which knows the rest.
    convenience init(native name: String, _ method: Method, _ action: String) {
        self.init(
            name: name,
            method: method,
            template: name,
            action: action,
            isWebSocket: false,
            isRefused: false,
            segments: [],
            parameters: nil,
            request: .opaque,
            response: .opaque,
            answer: nil,
            idSegment: nil,
            isUnknownIDBy404: false
        )
    }
}

/// How the table words a refusal.
struct AdapterErrors: Sendable {
    struct Wording: Sendable {
        var status: UInt16?
        var name: String?
        var message: AdapterTemplate?
    }

    /// Members of the body, in order; holes: name, message, code.
    var body: [(name: String, text: AdapterTemplate)]
    var names: [UInt16: String]
    var otherwise: String
    var message: AdapterTemplate
    var hidden: String
    /// By reason code; those of the gateway's own too.
    var codes: [String: Wording]
    /// The shape of the store's own errors; nil where errors are opaque.
    var upstream: JSONEditTable?

    /// Of protocols that word their refusals themselves.
    static let none = AdapterErrors(
        body: [],
        names: [:],
        otherwise: "",
        message: AdapterTemplate(pieces: []),
        hidden: "",
        codes: [:],
        upstream: nil
    )
}

/// A request that makes a compartment ready, rendered: see `Adapter.provision`.
package struct ProvisionStep: Equatable, Sendable {
    package var method: Method
    /// In canonical form, query included.
    package var target: [UInt8]
    /// JSON; empty for none.
    package var body: [UInt8]
    /// Any other status is a failure, and the compartment is not ready.
    package var accepted: [UInt16]
}

struct AdapterProvision: Sendable {
    var method: Method
    var target: AdapterTemplate
    var body: AdapterTemplate
    var accepted: [UInt16]
}
