// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Crypto

/// One compartment as one adapter sees it: every text of the table with its holes filled, and the key of its ids.
/// Belongs to a grant, on one worker. Cost: a few µs and allocations to make, none to use.
package final class AdapterScope {
    struct Rendered {
        /// What the store knows a pinned field by, or what stands in front of a key.
        var value: [UInt8] = []
        /// What the agent may call a pinned field, the default first.
        var visible: [[UInt8]] = []
    }

    package let compartment: Compartment
    package let resources: StoreResources
    /// What stands before every key in a store whose keys are texts.
    package let keyPrefix: KeyPrefix
    let tenant: [UInt8]
    /// By the index of the rewrite.
    let rendered: [Rendered]
    let sealer: IDSealer?

    /// - Parameter tenant: the tenant's own id, as its users know it.
    package init(
        _ adapter: Adapter,
        compartment: Compartment,
        tenant: borrowing Span<UInt8>,
        idKey: Secret,
        resources: StoreResources = StoreResources()
    ) {
        self.compartment = compartment
        self.resources = resources
        keyPrefix = KeyPrefix(compartment)
        let tenant = tenant.array()
        self.tenant = tenant
        func render(_ template: AdapterTemplate) -> [UInt8] {
            template.rendered { hole, output in
                switch hole {
                case .compartment: output.append(compartment.bytes)
                case .tenant: output.append(tenant)
                case .visible, .subject, .code, .name, .message:
                    preconditionFailure("the table was compiled with a hole that has no value here")
                }
            }
        }
        rendered = adapter.rewrites.map { rewrite in
            switch rewrite.kind {
            case .pin(let value, let visible):
                Rendered(value: render(value), visible: visible.map { render($0) })
            case .prefix(let text): Rendered(value: render(text))
            case .own, .name, .screen: Rendered()
            }
        }
        sealer = adapter.sealsIDs ? IDSealer(idKey: idKey, compartment: compartment) : nil
    }
}

/// What a request was rewritten by, kept until its response is mapped back. Trivial to copy.
package struct RequestMapping: Hashable, Sendable {
    package let operation: Int
    /// The pin that the request named, and by which of its visible names; -1 for none.
    private(set) var pin = -1
    private(set) var choice = 0

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
