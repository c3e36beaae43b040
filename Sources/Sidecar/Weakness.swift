// SPDX-License-Identifier: Apache-2.0

/// Something around Bulkhead that turns isolation into paper, and whether it is so here.
package struct Weakness: Equatable, Sendable {
    package enum Name: String, CaseIterable, Sendable {
        case cognitoAttribute = "cognito-attribute"
        case trustTags = "trust-tags"
        case trustPrincipal = "trust-principal"
        case leadingKeys = "leading-keys"
        case listPrefix = "list-prefix"
        case keyPrefix = "key-prefix"
        case roleDuration = "role-duration"
        case rolePermissions = "role-permissions"
        case accountAccess = "account-access"
        case clock
        case secretFile = "secret-file"
        case adminSocket = "admin-socket"
        case singleLayer = "single-layer"
        case processCarrier = "process-carrier"
        case sessionPolicy = "session-policy"
        case claimsAlone = "claims-alone"
        case plaintext

        /// What is asked.
        package var question: String {
            switch self {
            case .cognitoAttribute: "no user can write the attributes that say whose he is"
            case .trustTags: "a role is not taken without the session tags"
            case .trustPrincipal: "a role is not taken by anybody"
            case .leadingKeys: "a condition on leading keys does not hold for a request without any"
            case .listPrefix: "listings are conditioned on a prefix that ends with a slash"
            case .keyPrefix: "no tenant's name is the beginning of another's in a resource"
            case .roleDuration: "roles live as long as is asked for"
            case .rolePermissions: "what roles permit is known"
            case .accountAccess: "the account could be asked"
            case .clock: "this clock is that of those who check signatures and tokens"
            case .secretFile: "secrets are read by nobody else"
            case .adminSocket: "the admin socket is nobody else's"
            case .singleLayer: "stores keep tenants apart too"
            case .processCarrier: "no process speaks for several tenants"
            case .sessionPolicy: "keys are narrowed to their compartment"
            case .claimsAlone: "a registry says who is a customer"
            case .plaintext: "nothing that others can reach is in the clear"
            }
        }
    }

    package enum State: String, Sendable {
        case fine
        case wrong
        /// What is there cannot tell.
        case unknown
        /// It is so, and it is meant: somebody answers for it, or the configuration says it in so many words.
        case meant
    }

    package var name: Name
    package var state: State
    /// What was found, and where.
    package var finding: String
    /// What mends it; empty where nothing has to be.
    package var fix: String

    package init(_ name: Name, _ state: State, _ finding: String, fix: String = "") {
        self.name = name
        self.state = state
        self.finding = finding
        self.fix = fix
    }
}
