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
    /// Ids that the store invents.
    enum IDForm: String, Sendable, CaseIterable {
        /// UUIDs of the versions that stores make (`IDSealer`).
        case uuid
        /// UUIDs that the agent may choose too: any at all.
        case chosen
        /// Whatever the id looks like (`TextSealer`).
        case text
        /// Numbers, into which nothing can be sealed: remembered with their owner (`OwnerCache`), and counted anew for each
        /// compartment.
        case number
    }

    /// What becomes of a request that leaves the value out.
    enum Missing: String, Sendable, CaseIterable {
        case allowed = "allow"
        case refused = "refuse"
        case added = "add"
    }

    enum Kind: Sendable {
        /// A native tenant field: whatever the request calls it by one of `visible` becomes `value`. What comes back
        /// must be `value` (the owner stamp) and is shown under the name that the request used, else the first.
        case pin(value: AdapterTemplate, visible: [AdapterTemplate])
        /// An id that the store invents, sealed.
        case own(IDForm)
        /// The id of what the request has just created, in its answer: from then on the compartment's, under the rewrite of
        /// that index, which is an `own` of numbers.
        case created(Int)
        /// A key inside the namespace: the text goes in front, and comes off again; of a list, in front of each name.
        case prefix(AdapterTemplate, NameList?)
        /// The same for a name that may also be told by its ARN: there the text goes behind these words, which stand behind the
        /// account.
        case arn(AdapterTemplate, [UInt8])
        /// A key that is too long or too strange for the store: the text and a keyed digest (`TextSealer`).
        case digest(AdapterTemplate)
        /// JSON around a value, or in its place where it is left out: a condition on every query.
        case filter(before: AdapterTemplate, after: AdapterTemplate, absent: AdapterTemplate)
        /// A member that only Bulkhead writes: put into what is sent, looked at and left out of what comes back.
        case stamp(AdapterTemplate)
        /// The same as the first element of an array.
        case first(AdapterTemplate)
        /// A name in which a word may not occur: that of a member that only Bulkhead writes.
        case except([UInt8])
        /// A number that counts something of which the store has so many more.
        case shift(Int)
        /// A name that the client chose: passes unless it is written like an id that the store invents, since some
        /// servers take an id in the place of a name without asking whose it is.
        case name
        /// A text for people: without the compartment's prefixes; one that holds a compartment's code or a UUID all the
        /// same has a fixed one in its place.
        case screen
    }

    var name: String
    var kind: Kind
    var missing = Missing.allowed
    /// What stands behind a prefix that is added.
    var fallback: [UInt8] = []
    /// In a path: whether the value may hold slashes, which stay escaped.
    var takesSlashes = false
}

/// What becomes of a path segment, a parameter or a header.
enum AdapterRule: Hashable, Sendable {
    case pass
    /// In a path: also what the edge does not take for one value (`%2F`).
    case opaque
    case drop
    case refuse
    /// In a path: a name that the route must give in its `resources`.
    case resource
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
    /// Of an answer: server-sent events, which go through a `BodyTransform` as they come.
    case events
}

enum AdapterBody: Sendable {
    case none
    case opaque
    case mapped(JSONBodyForm)
    /// `application/x-www-form-urlencoded`.
    case form([AdapterParameter])
}

/// A parameter of a query or a form.
struct AdapterParameter: Sendable {
    var name: [UInt8]
    var rule: AdapterRule
}

/// A piece of the path that an operation has at the store, where it is another than the agent's.
enum AdapterTargetPart: Sendable {
    case text([UInt8])
    case compartment
    /// The segment of that index, rewritten by its rule.
    case segment(Int)
}

/// One operation of a table.
package final class AdapterOperation: Sendable {
    /// What a table answers by itself: nothing goes to the store.
    struct Answer: Sendable {
        var status: UInt16
        /// In a JSON text: `visible` is filled in between quotes.
        var body: AdapterTemplate
    }

    /// Where requests go whose body has a certain member.
    struct Alternative: Sendable {
        var member: [UInt8]
        /// Its index in the body's table, as a bit.
        var bit: UInt64
        var target: [AdapterTargetPart]
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

    /// The value of X-Amz-Target, for services that tell their operations apart by it; nil for all others.
    let amzTarget: [UInt8]?
    /// The segment that policies decide on; nil where they decide on the route's own resource.
    package let resourceSegment: Int?
    let segments: [AdapterSegment]
    /// Whether the path ends in `/`.
    let endsWithSlash: Bool
    /// Nil: the agent's own path.
    let target: [AdapterTargetPart]?
    /// Another path at the store, for requests whose body has that member.
    let alternative: Alternative?
    /// Nil: parameters are opaque.
    let parameters: [AdapterParameter]?
    let request: AdapterBody
    /// Whether the request's body may be left out.
    let isBodyOptional: Bool
    /// Whether a body of JSON may come without a name for it, as bytes of the caller's.
    let isBlob: Bool
    /// Members of the body's root, as bits, of which just one must be there; 0 for none.
    let alternatives: UInt64
    let response: AdapterBody
    /// Of an answer that is a stream of events.
    let events: AdapterBody?
    /// Bodies of answers with these statuses, from 400, that are no errors of the store's usual shape.
    let statuses: [UInt16: JSONBodyForm]
    let answer: Answer?
    /// The segment that is an id of the store's.
    let idSegment: Int?
    /// Whether the store's every 404 means that id; else one means it that names an id.
    let isUnknownIDBy404: Bool

    init(_ parts: Parts) {
        name = parts.name
        method = parts.method
        template = parts.template
        action = parts.action
        isWebSocket = parts.isWebSocket
        isRefused = parts.isRefused
        amzTarget = parts.amzTarget
        resourceSegment = parts.resourceSegment
        segments = parts.segments
        endsWithSlash = parts.template.count > 1 && parts.template.hasSuffix("/")
        target = parts.target
        alternative = parts.alternative
        parameters = parts.parameters
        request = parts.request
        isBodyOptional = parts.isBodyOptional
        isBlob = parts.isBlob
        alternatives = parts.alternatives
        response = parts.response
        events = parts.events
        statuses = parts.statuses
        answer = parts.answer
        idSegment = parts.idSegment
        isUnknownIDBy404 = parts.isUnknownIDBy404
    }

    /// What an operation is made of, while it is read.
    struct Parts {
        var name: String
        var method: Method
        var template: String
        var action = ""
        var isWebSocket = false
        var isRefused = false
        var amzTarget: [UInt8]?
        var resourceSegment: Int?
        var segments: [AdapterSegment] = []
        var target: [AdapterTargetPart]?
        var alternative: Alternative?
        var parameters: [AdapterParameter]? = []
        var request = AdapterBody.none
        var isBodyOptional = false
        var isBlob = false
        var alternatives: UInt64 = 0
        var response = AdapterBody.none
        var events: AdapterBody?
        var statuses: [UInt16: JSONBodyForm] = [:]
        var answer: Answer?
        var idSegment: Int?
        var isUnknownIDBy404 = true
    }
}

extension AdapterOperation {
    /// One of a built-in protocol, which knows the rest.
    /// - Parameter isLocal: answered with 200 and nothing in it.
    convenience init(native name: String, _ method: Method, _ action: String, isLocal: Bool = false) {
        var parts = Parts(name: name, method: method, template: name, action: action)
        parts.request = .opaque
        parts.response = .opaque
        if isLocal { parts.answer = Answer(status: 200, body: AdapterTemplate(pieces: [])) }
        self.init(parts)
    }
}

/// How the table words a refusal.
struct AdapterErrors: Sendable {
    struct Wording: Sendable {
        var status: UInt16?
        var name: String?
        var message: AdapterTemplate?
    }

    /// The whole body, JSON; holes, inside strings: name, message, code; outside: status.
    var body: AdapterTemplate
    var names: [UInt16: String]
    var otherwise: String
    var message: AdapterTemplate
    var hidden: String
    /// By reason code; those of the gateway's own too.
    var codes: [String: Wording]
    /// The shape of the store's own errors; nil where errors are opaque.
    var upstream: JSONBodyForm?

    /// Of protocols that word their refusals themselves.
    static let none = AdapterErrors(
        body: AdapterTemplate(pieces: []),
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
