// SPDX-License-Identifier: Apache-2.0
import Bytes

extension Configuration {
    /// Whose certificates speak for an issuer of profile `x509`, and where in them tenant and user stand.
    package struct CertificateSource: Sendable, Equatable {
        /// Resolved path of a PEM file: one of these authorities vouches for the caller's certificate.
        package var ca: String
        package var names: CertificateNames
        /// What every caller is a member of. Default: nothing.
        package var groups: [String] = []
        /// Names of issuers whose users are the same people. Default: none.
        package var sameUsersAs: [String] = []
    }

    /// A name in a certificate, cut into pieces; each is text with at most one hole.
    package struct CertificateNames: Sendable, Equatable {
        package enum Form: Sendable, Equatable {
            case spiffe(trustDomain: String)
            case dns, subject
        }

        package enum Hole: String, CaseIterable, Sendable {
            case tenant, user, tier
        }

        package struct Piece: Sendable, Equatable {
            /// Of a subject: `CN`, `O`. Else empty.
            package var attribute = ""
            package var prefix: String
            package var hole: Hole?
            package var suffix = ""
        }

        package var form: Form
        package var pieces: [Piece]

        package func has(_ hole: Hole) -> Bool { pieces.contains { $0.hole == hole } }
    }
}

extension Configuration.CertificateSource {
    /// - Parameter issuer: for SPIFFE it names the trust domain.
    static func decode(_ section: inout YAML.Section, issuer: String) -> Self? {
        let ca = section.required("ca")?.filePath()
        let forms = ["spiffe", "dns", "subject"].compactMap { name in
            section.value(name).map { (name: name, value: $0) }
        }
        var names: Configuration.CertificateNames?
        if forms.count == 1 {
            names = forms[0].value.certificateNames(forms[0].name, issuer)
        } else {
            section.value.note("expected one of \"spiffe\", \"dns\" and \"subject\", found \(forms.count)")
        }
        var groups: [String] = []
        section.read("groups", into: &groups) { $0.strings(count: 0...32) }
        var same: [String] = []
        section.read("same_users_as", into: &same) { $0.names() }
        guard let ca, let names else { return nil }
        return Self(ca: ca, names: names, groups: groups, sameUsersAs: same)
    }
}

extension YAML.Value {
    fileprivate func certificateNames(_ name: String, _ issuer: String) -> Configuration.CertificateNames? {
        guard let text = string(count: 1...1024) else { return nil }
        let names: Configuration.CertificateNames?
        switch name {
        case "spiffe": names = spiffe(text, issuer)
        case "dns":
            names = pieces(text.split(separator: ".", omittingEmptySubsequences: false), isDNSByte)
                .map { .init(form: .dns, pieces: $0) }
        default: names = subject(text).map { .init(form: .subject, pieces: $0) }
        }
        guard let names else { return nil }
        let holes = names.pieces.compactMap(\.hole)
        if !holes.contains(.tenant) { note("nothing says whose it is: one piece must be {tenant}") }
        if name == "subject", !holes.contains(.user) {
            note("nothing says who it is: one piece must be {user}")
        }
        if Set(holes).count != holes.count { note("a placeholder stands twice") }
        return names
    }

    private func spiffe(_ text: String, _ issuer: String) -> Configuration.CertificateNames? {
        let scheme = "spiffe://"
        let domain = issuer.dropFirst(scheme.count)
        guard issuer.hasPrefix(scheme), !domain.isEmpty, domain.utf8.count <= 255,
            domain.utf8.allSatisfy({ isDNSByte($0) || $0 == UInt8(ascii: ".") })
        else {
            note("the \"issuer\" of SPIFFE ids is their trust domain, such as spiffe://prod.example")
            return nil
        }
        guard text.hasPrefix("/") else {
            note("expected a path such as /tenant/{tenant}/sa/{user}")
            return nil
        }
        let segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isLegal = { (byte: UInt8) in
            ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
        return pieces(segments, isLegal).map {
            .init(form: .spiffe(trustDomain: String(domain)), pieces: $0)
        }
    }

    /// `CN={user},O={tenant}`.
    private func subject(_ text: String) -> [Configuration.CertificateNames.Piece]? {
        let known = ["CN", "O", "OU", "C", "ST", "L", "UID", "serialNumber", "emailAddress"]
        var found: [Configuration.CertificateNames.Piece] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let type = String(sides[0].drop { $0 == " " })
            guard sides.count == 2, known.contains(type) else {
                note(
                    "expected attributes such as CN={user},O={tenant}; known: \(known.joined(separator: ", "))"
                )
                return nil
            }
            if found.contains(where: { $0.attribute == type }) {
                note("\(type) stands twice")
                return nil
            }
            guard var piece = piece(sides[1], { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
                return nil
            }
            piece.attribute = type
            found.append(piece)
        }
        return found
    }

    private func pieces(
        _ parts: [Substring],
        _ isLegal: (UInt8) -> Bool
    ) -> [Configuration.CertificateNames.Piece]? {
        let pieces = parts.compactMap { piece($0, isLegal) }
        return pieces.count == parts.count ? pieces : nil
    }

    private func piece(_ text: Substring, _ isLegal: (UInt8) -> Bool) -> Configuration.CertificateNames.Piece?
    {
        let start = text.firstIndex(of: "{") ?? text.endIndex
        let prefix = String(text[..<start])
        var hole: Configuration.CertificateNames.Hole?
        var suffix = ""
        if start != text.endIndex {
            let end = text[start...].firstIndex(of: "}") ?? text.endIndex
            let name = String(text[start..<end].dropFirst())
            hole = end == text.endIndex ? nil : Configuration.CertificateNames.Hole(rawValue: name)
            guard hole != nil else {
                let known = Configuration.CertificateNames.Hole.allCases.map { "{\($0.rawValue)}" }
                note("unknown placeholder; known: \(known.joined(separator: ", "))")
                return nil
            }
            suffix = String(text[text.index(after: end)...])
        }
        let literal = prefix + suffix
        guard !text.isEmpty,
            literal.utf8.allSatisfy({ isLegal($0) && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "}") })
        else {
            note("a piece is text of the name's own alphabet with at most one placeholder")
            return nil
        }
        return .init(prefix: prefix, hole: hole, suffix: suffix)
    }

    private func isDNSByte(_ byte: UInt8) -> Bool {
        (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}
