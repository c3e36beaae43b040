// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto
package import JSON

/// The public keys of one issuer, read from a JWK set (RFC 7517 §5). Immutable.
///
/// A key that cannot be used is left out and noted, so that an issuer may add kinds that are not known here;
/// what would let two readers see different sets (duplicate members, no list of keys) refuses the whole.
package struct KeySet: Sendable {
    package static let maximumBytes = 256 << 10
    package static let maximumKeys = 100
    package static let maximumKeyIDBytes = 256

    package enum Problem: Error, Equatable {
        case json(JSONError)
        /// No object with a `keys` array of objects.
        case notAKeySet
        case tooManyKeys
        /// Not one key that can be used: the last good set is worth more than this one.
        case noUsableKey
    }

    /// Why a key was left out.
    package enum Note: String, Hashable, Sendable {
        case unknownType = "unknown_type"
        case unknownCurve = "unknown_curve"
        case unknownAlgorithm = "unknown_algorithm"
        /// `use` or `key_ops` say that it is not for signatures.
        case otherUse = "other_use"
        /// A member of the wrong type, missing, or not strict base64url.
        case malformed
        /// Published together with its private half, so no longer anybody's own.
        case privateMember = "private_member"
        /// Too short, off its curve, or otherwise refused by `VerificationKey`.
        case unsound
        /// Two different keys under one `kid` for one kind of key: which one is meant cannot be known.
        case ambiguousID = "ambiguous_id"
    }

    package struct Key: Sendable {
        package let id: String?
        /// When the set says so, the key is good for this algorithm only.
        package let algorithm: SignatureAlgorithm?
        package let key: VerificationKey
        /// RFC 7638.
        package let thumbprint: Digest
        /// The first 8 bytes of the thumbprint: names the key in what was verified with it.
        var fingerprint: UInt64 { thumbprint.prefix64 }

        func fits(_ algorithm: SignatureAlgorithm) -> Bool {
            key.accepts(algorithm) && (self.algorithm == nil || self.algorithm == algorithm)
        }
    }

    package private(set) var keys: [Key] = []
    /// By place in the set.
    package private(set) var notes: [(place: Int, note: Note)] = []

    package static func parse(_ bytes: Span<UInt8>) throws(Problem) -> KeySet {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(bytes, maximumDepth: 8, maximumBytes: maximumBytes)
        } catch {
            throw .json(error)
        }
        guard let list = value.object?["keys"]?.array else { throw .notAKeySet }
        if list.count > maximumKeys { throw .tooManyKeys }
        var set = KeySet()
        for (place, element) in list.enumerated() {
            guard let object = element.object else { throw .notAKeySet }
            switch JSONWebKey.read(object) {
            case .success(let key): set.add(key, at: place)
            case .failure(let note): set.notes.append((place, note.note))
            }
        }
        set.dropAmbiguous()
        if set.keys.isEmpty { throw .noUsableKey }
        return set
    }

    /// Whether the key of that fingerprint is here. What a key verified is void once it is gone.
    func contains(_ fingerprint: UInt64) -> Bool { keys.contains { $0.fingerprint == fingerprint } }

    enum Lookup {
        case found(Key)
        case unknown
        /// The id is known, and its keys are for other algorithms.
        case otherAlgorithm
        case ambiguous
    }

    /// The one key for that id and algorithm; without an id, the one key that fits at all.
    func find(_ id: String?, _ algorithm: SignatureAlgorithm) -> Lookup {
        var found: Key? = nil
        var sawID = false
        for key in keys {
            if let id {
                guard let keyID = key.id, keyID.utf8.elementsEqual(id.utf8) else { continue }
                sawID = true
            }
            guard key.fits(algorithm) else { continue }
            if found != nil { return .ambiguous }
            found = key
        }
        if let found { return .found(found) }
        return sawID ? .otherAlgorithm : .unknown
    }

    private mutating func add(_ key: Key, at place: Int) {
        // The same key twice is one key.
        let isThere = keys.contains {
            $0.thumbprint == key.thumbprint && $0.id == key.id && $0.algorithm == key.algorithm
        }
        if isThere { return }
        keys.append(key)
        places.append(place)
    }

    private var places: [Int] = []

    private mutating func dropAmbiguous() {
        var dropped: Set<Int> = []
        for (index, key) in keys.enumerated() where key.id != nil {
            for other in keys.indices where other > index {
                let candidate = keys[other]
                guard candidate.id == key.id, candidate.key.kind == key.key.kind else { continue }
                if let left = key.algorithm, let right = candidate.algorithm, left != right { continue }
                dropped.formUnion([index, other])
            }
        }
        for index in dropped.sorted(by: >) {
            notes.append((places[index], .ambiguousID))
            keys.remove(at: index)
            places.remove(at: index)
        }
    }
}

extension Digest {
    /// The first 8 bytes as a number.
    var prefix64: UInt64 {
        var value: UInt64 = 0
        for index in 0..<8 { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}
