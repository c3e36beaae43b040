// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Crypto
internal import JSON

/// One compartment as one adapter sees it: every text of the table with its holes filled, and the keys of its ids.
/// Belongs to a grant, on one worker. Cost: a few µs and allocations to make, none to use.
package final class AdapterScope {
    struct Rendered {
        /// What the store knows a pinned field by, or what stands in front of a key.
        var value: [UInt8] = []
        /// What the agent may call a pinned field, the default first.
        var visible: [[UInt8]] = []
        /// What is added where it is left out.
        var added: [UInt8] = []
        /// JSON around a value, and in its place where there is none.
        var before: [UInt8] = []
        var after: [UInt8] = []
        var absent: [UInt8] = []
        /// The value as a JSON string.
        var string: [UInt8] = []
    }

    package let compartment: Compartment
    package let resources: StoreResources
    /// What stands before every key in a store whose keys are texts.
    package let keyPrefix: KeyPrefix
    let tenant: [UInt8]
    /// By the index of the rewrite.
    let rendered: [Rendered]
    let sealer: IDSealer?
    let textSealer: TextSealer?
    /// For ids that are remembered with their owner; `space` is what tells one store's from another's.
    package let owners: OwnerCache
    let space: [UInt8]
    /// The tables that its requests may name.
    let tables: TableFinder
    /// Whether a virtual session id is one of the principal's; nil where nobody asks (carrier `payload`).
    private let isOwnSession: ((Span<UInt8>) -> Bool)?

    /// - Parameters:
    ///   - tenant: the tenant's own id, as its users know it.
    ///   - owners: the worker's, where the adapter remembers owners.
    ///   - space: the name of the upstream.
    ///   - schemas: the worker's, where the store is asked for keys of tables; `schemaSpace` tells routes and roles apart.
    ///   - isOwnSession: asked of each virtual session id that stands in a key of a request; nil: none is looked for.
    package init(
        _ adapter: Adapter,
        compartment: Compartment,
        tenant: borrowing Span<UInt8>,
        idKey: Secret,
        owners: OwnerCache = OwnerCache(),
        space: String = "",
        resources: StoreResources = StoreResources(),
        schemas: KeySchemaCache = KeySchemaCache(),
        schemaSpace: String = "",
        isOwnSession: ((Span<UInt8>) -> Bool)? = nil
    ) {
        self.isOwnSession = isOwnSession
        self.owners = owners
        self.space = Array(space.utf8)
        self.compartment = compartment
        self.resources = resources
        tables = TableFinder(resources: resources, schemas: schemas, space: schemaSpace)
        keyPrefix = KeyPrefix(compartment)
        let tenant = tenant.array()
        self.tenant = tenant
        rendered = adapter.rewrites.map { Self.render($0, compartment, tenant) }
        sealer = adapter.sealsUUIDs ? IDSealer(idKey: idKey, compartment: compartment) : nil
        textSealer = adapter.sealsTexts ? TextSealer(idKey: idKey, compartment: compartment) : nil
    }

    /// Virtual session ids come back as keys. Each says by itself whose it is, but never alone: it has to agree with who was
    /// identified (THREATS 4).
    /// - Parameter text: holds any number of them, anywhere.
    /// - Throws: `session_foreign`.
    func checkSessions(in text: borrowing Span<UInt8>) throws(AdapterFailure) {
        guard let isOwnSession else { return }
        var index = 0
        while index + VirtualSession.byteCount <= text.count {
            let candidate = text.extracting(index..<index + VirtualSession.byteCount)
            guard VirtualSession.isOne(candidate) else {
                index += 1
                continue
            }
            guard isOwnSession(candidate) else { throw AdapterFailure(.sessionForeign) }
            index += VirtualSession.byteCount
        }
    }

    /// What is told of a foreign value at the place of a rewrite.
    func leak(_ rewrite: AdapterRewrite, at place: Int, _ value: borrowing Span<UInt8>) -> AdapterFailure {
        let own = rendered[place].value
        // The code stands where this compartment's own stands.
        var start = 0
        while start < own.count, !own.span.extracting(start..<own.count).hasPrefix(compartment.bytes) {
            start += 1
        }
        if start == own.count { start = 0 }
        var owner: Digest?
        if start <= value.count {
            let rest = value.extracting(start..<value.count)
            if let code = CompartmentDescription(at: rest) {
                owner = SHA256.hash(rest.extracting(0..<code.count))
            }
        }
        return AdapterFailure(.foreignObject, leak: AdapterLeak(rewrite: rewrite.name, owner: owner))
    }

    private static func render(
        _ rewrite: AdapterRewrite,
        _ compartment: Compartment,
        _ tenant: [UInt8]
    ) -> Rendered {
        func text(_ template: AdapterTemplate) -> [UInt8] {
            template.rendered { hole, output in
                switch hole {
                case .compartment: output.append(compartment.bytes)
                case .tenant: output.append(tenant)
                case .value, .visible, .subject, .code, .name, .message, .status, .resource:
                    preconditionFailure("the table was compiled with a hole that has no value here")
                }
            }
        }
        var rendered = Rendered()
        switch rewrite.kind {
        case .pin(let value, let visible):
            rendered.value = text(value)
            rendered.visible = visible.map(text)
        case .prefix(let value, let list):
            rendered.value = text(value)
            rendered.added = rendered.value + (list == nil ? rewrite.fallback : Array("*".utf8))
            rendered.absent = string(rendered.added)
        case .arn(let value, _), .digest(let value), .stamp(let value), .first(let value):
            rendered.value = text(value)
        case .filter(let before, let after, let absent):
            rendered.before = text(before)
            rendered.after = text(after)
            rendered.absent = text(absent)
        case .own, .created, .shift, .except, .name, .screen: break
        }
        if rendered.added.isEmpty { rendered.added = rendered.value }
        rendered.string = string(rendered.value)
        if rendered.absent.isEmpty { rendered.absent = rendered.string }
        if case .first = rewrite.kind {
            rendered.absent = Array("[".utf8) + rendered.string + Array("]".utf8)
        }
        return rendered
    }

    private static func string(_ text: [UInt8]) -> [UInt8] {
        var output = Buffer()
        JSONWriter.appendString(text.span, &output)
        return output.bytes.array()
    }
}

/// How a session id looks that Bulkhead gave an agent in the place of the client's (`Identity` makes them).
package enum VirtualSession {
    package static let prefix: StaticString = "bhs2-"
    package static let byteCount = 5 + 64

    /// Whether a text of `byteCount` bytes is meant to be one.
    static func isOne(_ text: borrowing Span<UInt8>) -> Bool {
        guard text.hasPrefix(prefix) else { return false }
        for index in 5..<text.count {
            guard ASCII.isDigit(text[index]) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(text[index])
            else {
                return false
            }
        }
        return true
    }
}

/// What a request was rewritten by, kept until its response is mapped back. Trivial to copy.
package struct RequestMapping: Hashable, Sendable {
    package let operation: Int
    /// The pin that the request named, and by which of its visible names; -1 for none.
    private(set) var pin = -1
    private(set) var choice = 0
    /// Whether there is a body to rewrite.
    var hasBody = true
    /// Whether the body came in `gzip`: it is decoded before it is transformed, and goes on as it is then.
    package internal(set) var isCompressed = false
    /// Whether the body has the member for which the operation has another path: see `Adapter.rewriteTarget`.
    package internal(set) var isAlternative = false

    init(operation: Int) { self.operation = operation }

    /// The name under which a pinned field is shown.
    func visible(_ rewrite: Int, _ scope: AdapterScope) -> [UInt8] {
        scope.rendered[rewrite].visible[rewrite == pin ? choice : 0]
    }

    /// The name of the pin that the request named, or of the table's first.
    func visible(_ adapter: Adapter, _ scope: AdapterScope) -> [UInt8] {
        if pin >= 0 { return visible(pin, scope) }
        return scope.rendered.first { !$0.visible.isEmpty }?.visible[0] ?? []
    }

    /// A request that calls its tenant by two names is answered under the first.
    mutating func named(_ rewrite: Int, _ choice: Int) {
        if pin < 0 {
            pin = rewrite
            self.choice = choice
        }
    }
}
