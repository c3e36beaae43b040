// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Which of a certificate's names says who it is for, and where in it tenant, user and tier stand.
///
/// A name is compared piece by piece: the segments of a SPIFFE id's path, the labels of a DNS name, the attributes of a
/// subject. A piece is text with at most one hole, and a hole takes all that is left of its piece.
/// Source: SPIFFE ID §2, X.509-SVID §2 and §4; RFC 9525 §6.3.
package struct CertificateNames: Sendable, Equatable {
    package enum Form: Sendable, Equatable {
        /// The one URI, in that trust domain exactly.
        case spiffe(trustDomain: String)
        /// The one DNS name; its case does not matter.
        case dns
        /// Each attribute that is named stands once in the subject; others do not count.
        case subject
    }

    package enum Hole: String, Sendable, CaseIterable {
        case tenant, user, tier
    }

    package struct Piece: Sendable, Equatable {
        /// Of a subject: `CN`, `O`. Else empty.
        package let attribute: String
        package let prefix: String
        package let hole: Hole?
        package let suffix: String

        package init(attribute: String = "", prefix: String, hole: Hole?, suffix: String = "") {
            self.attribute = attribute
            self.prefix = prefix
            self.hole = hole
            self.suffix = suffix
        }

        /// What fills the hole, empty where there is none; nil when the text does not fit.
        fileprivate func match(_ text: Substring) -> Substring? {
            let count = prefix.utf8.count + suffix.utf8.count
            let bytes = text.utf8
            guard bytes.count >= count, bytes.starts(with: prefix.utf8),
                bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
            else { return nil }
            guard hole != nil else { return bytes.count == count ? "" : nil }
            let start = bytes.index(bytes.startIndex, offsetBy: prefix.utf8.count)
            let end = bytes.index(bytes.endIndex, offsetBy: -suffix.utf8.count)
            return start == end ? nil : text[start..<end]
        }
    }

    package let form: Form
    package let pieces: [Piece]

    /// Nil unless exactly one piece has the tenant, and no hole stands twice. A subject is no name by itself, so there one
    /// piece has the user as well.
    package init?(_ form: Form, _ pieces: [Piece]) {
        let holes = pieces.compactMap(\.hole)
        guard holes.contains(.tenant), Set(holes).count == holes.count else { return nil }
        if form == .subject, !holes.contains(.user) { return nil }
        self.form = form
        self.pieces = pieces
    }

    package var namesTier: Bool { pieces.contains { $0.hole == .tier } }

    /// What a name says. Texts, not yet ids.
    struct Found: Equatable {
        var tenant: Substring = ""
        /// The whole name where no piece has the user.
        var user: Substring = ""
        var tier: Substring?
    }

    /// What the certificate's name says; nil when it has no such name, more than one, or one that does not fit.
    func find(in certificate: ClientCertificate) -> Found? {
        switch form {
        case .spiffe(let trustDomain):
            // More than one would let each reader choose its own (X.509-SVID §2).
            guard certificate.uris.count == 1, let path = Self.path(certificate.uris[0], trustDomain) else {
                return nil
            }
            let segments = path.split(separator: "/", omittingEmptySubsequences: false)
            return match(segments, whole: certificate.uris[0][...])
        case .dns:
            guard certificate.dnsNames.count == 1 else { return nil }
            let name = certificate.dnsNames[0].lowercased()
            guard name.utf8.allSatisfy({ Self.isNameByte($0) }) else { return nil }
            return match(name.split(separator: ".", omittingEmptySubsequences: false), whole: name[...])
        case .subject: return match(certificate.subject)
        }
    }

    private func match(_ parts: [Substring], whole: Substring) -> Found? {
        guard parts.count == pieces.count else { return nil }
        var found = Found(user: whole)
        for (piece, part) in zip(pieces, parts) {
            guard let text = piece.match(part) else { return nil }
            found.take(text, piece.hole)
        }
        return found
    }

    private func match(_ subject: [ClientCertificate.Attribute]) -> Found? {
        var found = Found()
        for piece in pieces {
            let named = subject.filter { $0.type == piece.attribute }
            guard named.count == 1, let text = piece.match(named[0].value[...]) else { return nil }
            found.take(text, piece.hole)
        }
        return found
    }

    /// What follows `spiffe://<trust domain>/`; nil for anything but a well-formed id of that domain: no port, query,
    /// escape, or empty or dotted segment, so that each id has one spelling.
    private static func path(_ uri: String, _ trustDomain: String) -> Substring? {
        let start = "spiffe://\(trustDomain)/"
        guard uri.utf8.count <= 2048, uri.utf8.starts(with: start.utf8) else { return nil }
        let path = uri.utf8.dropFirst(start.utf8.count)
        guard path.allSatisfy({ isNameByte($0) || ($0 >= 0x41 && $0 <= 0x5A) || $0 == UInt8(ascii: "/") })
        else {
            return nil
        }
        let isPlain = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }
        return isPlain ? uri[path.startIndex...] : nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }
}

extension CertificateNames.Found {
    fileprivate mutating func take(_ text: Substring, _ hole: CertificateNames.Hole?) {
        switch hole {
        case .tenant: tenant = text
        case .user: user = text
        case .tier: tier = text
        case nil: break
        }
    }
}
