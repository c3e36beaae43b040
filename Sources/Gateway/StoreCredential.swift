// SPDX-License-Identifier: Apache-2.0
package import AWS
import Bytes
package import Configuration
package import Crypto
package import HTTPTypes

/// What a request of Bulkhead's own bears on its way to a store, where an agent's request would be given the same:
/// provisioning, and the walk through a tenant's store.
package struct StoreCredential: Sendable {
    /// Names and values; a value may be a secret.
    package private(set) var fields: [(name: String, value: Secret)] = []
    /// Name and value of a parameter, encoded.
    package private(set) var parameter: Secret?
    /// Keys to sign with, and for what.
    package private(set) var signing: (keys: AWSCredential, scope: SigningScope)?

    package static let none = StoreCredential()

    private init() {}

    /// - Parameters:
    ///   - fields: with whatever stands in them.
    ///   - parameter: as `InjectedCredential` has it.
    init(_ fields: borrowing Fields, parameter: Secret?, signing: (keys: AWSCredential, scope: SigningScope)?)
    {
        for index in fields.indices {
            guard let name = fields.name(at: index).string() else { continue }
            self.fields.append((name, Secret(copying: fields.value(at: index))))
        }
        self.parameter = parameter
        self.signing = signing
    }

    /// - Parameter user: of Basic authentication, where the configuration names one.
    /// - Throws: for a secret that fits in no field.
    package init(_ secret: Secret, _ injection: Configuration.Injection, user: [UInt8]?) throws(FieldError) {
        var fields = Fields()
        let injected = try InjectedCredential(secret, injection, user: user, into: &fields)
        self.init(fields, parameter: injected.parameter, signing: nil)
    }

    package init(_ keys: AWSCredential, _ scope: SigningScope) { signing = (keys, scope) }
}
