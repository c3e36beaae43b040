// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
internal import Crypto

/// Reads PEM, and what Bulkhead wants to know of a certificate. The caller owns the objects that are returned.
enum X509Reader {
    /// Every certificate of a PEM file, in order; other blocks are passed over.
    static func certificates(
        _ pem: borrowing Span<UInt8>,
        named file: String
    ) throws(TLSConfigurationError) -> [OpaquePointer] {
        guard let bio = unsafe open(pem) else { throw TLSConfigurationError(file: file, problem: "is empty") }
        // Safe because the BIO copied the bytes and is ours.
        defer { unsafe BIO_free(bio) }
        ERR_clear_error()
        var found: [OpaquePointer] = unsafe []
        while let certificate = unsafe PEM_read_bio_X509(bio, nil, refusePassword, nil) {
            unsafe found.append(certificate)
        }
        let isEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
        let isUsable = unsafe isEnd && !found.isEmpty
        guard isUsable else {
            let number = unsafe found.count + 1
            unsafe found.forEach { unsafe X509_free($0) }
            if isEnd {
                ERR_clear_error()
                throw TLSConfigurationError(file: file, problem: "holds no certificate in PEM form")
            }
            throw .fromLibrary(file, "certificate \(number) is malformed")
        }
        ERR_clear_error()
        return unsafe found
    }

    static func privateKey(
        _ pem: borrowing Span<UInt8>,
        named file: String
    ) throws(TLSConfigurationError) -> OpaquePointer {
        guard let bio = unsafe open(pem) else { throw TLSConfigurationError(file: file, problem: "is empty") }
        // Safe because the BIO copied the bytes and is ours.
        defer { unsafe BIO_free(bio) }
        ERR_clear_error()
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil) else {
            let problem = "holds no unencrypted private key in PEM form"
            ERR_clear_error()
            throw TLSConfigurationError(file: file, problem: problem)
        }
        return unsafe key
    }

    /// The distinguished name in the form of RFC 2253, escaped to ASCII.
    static func subject(_ certificate: OpaquePointer) -> String {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        // Safe because the BIO is ours, and its text is copied before it is freed.
        defer { unsafe BIO_free(bio) }
        let name = unsafe X509_get_subject_name(certificate)
        guard unsafe X509_NAME_print_ex(bio, name, 0, bulkhead_rfc2253_flags()) >= 0 else { return "" }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe bulkhead_bio_memory(bio, &start)
        guard let start = unsafe start else { return "" }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// Each attribute of the subject with its short name, in the order of the certificate. A value that is no text, or of a
    /// type without a name, is there as an empty one: it counts, and is like no other.
    static func attributes(_ certificate: OpaquePointer) -> [TLSPeerCertificate.Attribute] {
        guard let subject = unsafe X509_get_subject_name(certificate) else { return [] }
        var attributes: [TLSPeerCertificate.Attribute] = []
        // Safe because the entries are borrowed from the certificate, and what is converted is copied and freed.
        for index in 0..<(unsafe X509_NAME_entry_count(subject)) {
            guard let entry = unsafe X509_NAME_get_entry(subject, index) else { continue }
            let type = unsafe OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)))
            var text: UnsafeMutablePointer<UInt8>?
            let count = unsafe ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry))
            let bytes = unsafe UnsafeBufferPointer(start: text, count: max(Int(count), 0))
            let value = unsafe String(validating: bytes, as: UTF8.self) ?? ""
            unsafe bulkhead_free(text)
            attributes.append(
                TLSPeerCertificate.Attribute(
                    type: unsafe type.map { unsafe String(cString: $0) } ?? "",
                    value: value
                )
            )
        }
        ERR_clear_error()
        return attributes
    }

    /// SHA-256 of the certificate as it came.
    static func fingerprint(_ certificate: OpaquePointer) -> Digest? {
        var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
        var count: UInt32 = 0
        // Safe because the digest is as long as the array.
        guard unsafe X509_digest(certificate, EVP_sha256(), &bytes, &count) == 1 else { return nil }
        return Digest(bytes.span)
    }

    /// Whether the certificate may make others, by what it says of itself or by its age (X.509 version 1).
    static func isAuthority(_ certificate: OpaquePointer) -> Bool {
        unsafe X509_check_ca(certificate) != 0
    }

    /// The DNS names and URIs that the certificate is for. A name with a control or non-ASCII byte is there as an empty
    /// one: an embedded zero is a known way to look like another name, and who counts names must see it.
    static func alternativeNames(_ certificate: OpaquePointer) -> (dns: [String], uris: [String]) {
        var result: (dns: [String], uris: [String]) = ([], [])
        guard let raw = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
            return result
        }
        let names = OpaquePointer(raw)
        // Safe because the list is ours, and its entries are borrowed from it while it lives.
        defer { unsafe GENERAL_NAMES_free(names) }
        let count = unsafe bulkhead_names_count(names)
        for index in 0..<count {
            guard let entry = unsafe bulkhead_names_at(names, index) else { continue }
            switch unsafe entry.pointee.type {
            case GEN_DNS: result.dns.append(unsafe text(entry.pointee.d.dNSName) ?? "")
            case GEN_URI: result.uris.append(unsafe text(entry.pointee.d.uniformResourceIdentifier) ?? "")
            default: continue
            }
        }
        return result
    }

    static func notAfter(_ certificate: OpaquePointer) -> WallTime {
        unsafe wall(X509_get0_notAfter(certificate))
    }

    static func notBefore(_ certificate: OpaquePointer) -> WallTime {
        unsafe wall(X509_get0_notBefore(certificate))
    }

    private static func wall(_ time: UnsafePointer<ASN1_TIME>?) -> WallTime {
        guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { return WallTime(seconds: 0) }
        // Safe because the epoch is ours and the other time is borrowed from a live certificate.
        defer { unsafe ASN1_TIME_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return WallTime(seconds: 0) }
        return WallTime(seconds: Int64(days) * 86_400 + Int64(seconds))
    }

    private static func text(_ string: UnsafeMutablePointer<ASN1_STRING>?) -> String? {
        guard let string = unsafe string, let data = unsafe ASN1_STRING_get0_data(string) else { return nil }
        let count = Int(unsafe ASN1_STRING_length(string))
        // Safe because the string holds `count` bytes and lives with the certificate.
        let bytes = unsafe UnsafeBufferPointer(start: data, count: count)
        for index in 0..<count where unsafe !(0x21...0x7E).contains(bytes[index]) { return nil }
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// A BIO over a copy of the bytes, or nil when there are none. Private keys pass through here, so the copy is
    /// in the library's secure memory, which it clears.
    private static func open(_ bytes: borrowing Span<UInt8>) -> OpaquePointer? {
        guard !bytes.isEmpty, let count = Int32(exactly: bytes.count),
            let bio = unsafe BIO_new(BIO_s_secmem())
        else {
            return nil
        }
        // Safe because the BIO copies what it is given.
        let written = unsafe bytes.withUnsafeBufferPointer { unsafe BIO_write(bio, $0.baseAddress, count) }
        if written != count {
            unsafe BIO_free(bio)
            return nil
        }
        return unsafe bio
    }
}

/// There is nobody to ask for the password of an encrypted key.
nonisolated private func refusePassword(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int32,
    _ writing: Int32,
    _ data: UnsafeMutableRawPointer?
) -> Int32 { -1 }
