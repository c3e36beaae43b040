// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension AdapterRewrite.Kind {
    /// Whether the table of owners is asked.
    var isRemembered: Bool {
        switch self {
        case .own(.number), .created: true
        default: false
        }
    }
}

/// Ids that are remembered with their owner, since nothing can be sealed into them.
extension Adapter {
    /// Whether ids of this store are remembered in a table, which must then be configured.
    package var remembersOwners: Bool {
        rewrites.contains { if case .own(.number) = $0.kind { true } else { false } }
    }

    /// What tells the ids of this adapter from others' in the table of owners.
    /// - Parameter upstream: its name.
    package func ownedSpaces(of upstream: String) -> [[UInt8]] {
        rewrites.compactMap { rewrite in
            guard case .own(.number) = rewrite.kind else { return nil }
            return Self.space(Array(upstream.utf8), rewrite)
        }
    }

    private static func space(_ upstream: [UInt8], _ rewrite: AdapterRewrite) -> [UInt8] {
        upstream + [ASCII.slash] + Array(rewrite.name.utf8)
    }

    /// Appends the store's id behind a number that the agent sent.
    func openNumber(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        guard let number = IDNumber.parse(value) else { throw AdapterFailure(.idMalformed) }
        switch ask(.real(of: number), rewrite, scope) {
        case .real(let id)?: output.append(id)
        case .some: throw AdapterFailure(.idUnknown)
        // A placeholder: the transform will run again.
        case nil: output.append(UInt8(ascii: "0"))
        }
    }

    /// Appends the compartment's number of one of the store's ids.
    /// - Parameter isCreated: whether the store has made it just now, for this request.
    func sealNumber(
        _ rewrite: Int,
        _ value: borrowing Span<UInt8>,
        isCreated: Bool,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) {
        guard IDNumber.parse(value) != nil else { throw AdapterFailure(.responseInvalid) }
        let id = value.array()
        switch ask(isCreated ? .created(id) : .number(of: id), rewrite, scope) {
        case .number(let number)?: output.append(decimal: Int(number))
        case .some: throw scope.leak(rewrites[rewrite], at: rewrite, Span())
        case nil: output.append(UInt8(ascii: "0"))
        }
    }

    private func ask(
        _ ask: OwnerCache.Query.Ask,
        _ rewrite: Int,
        _ scope: AdapterScope
    ) -> OwnerCache.Answer? {
        scope.owners.find(
            OwnerCache.Query(
                space: Self.space(scope.space, rewrites[rewrite]),
                compartment: scope.compartment.bytes,
                ask: ask
            )
        )
    }
}
