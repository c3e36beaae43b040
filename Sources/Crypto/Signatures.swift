// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// The calls that sign and verify, for keys whose kind has already been checked against the algorithm.
enum Signatures {
    static func verify(
        _ contexts: ReadyContexts,
        _ algorithm: SignatureAlgorithm,
        message: borrowing Span<UInt8>,
        signature: borrowing Span<UInt8>
    ) -> Bool {
        guard let context = unsafe contexts.copy(for: algorithm) else { return false }
        // Safe because the context is ours; a failed check leaves entries in the error queue of this thread.
        defer {
            unsafe EVP_MD_CTX_free(context)
            bulkhead_clear_errors()
        }
        return unsafe message.withUnsafeBufferPointer { message in
            unsafe signature.withUnsafeBufferPointer { signature in
                unsafe EVP_DigestVerify(
                    context,
                    signature.baseAddress,
                    signature.count,
                    message.baseAddress,
                    message.count
                ) == 1
            }
        }
    }

    /// Appends the signature in OpenSSL's form (DER for EC).
    /// - Parameter room: bytes of the longest signature.
    /// - Returns: false when the library refuses; nothing is appended then.
    static func sign(
        _ contexts: ReadyContexts,
        _ algorithm: SignatureAlgorithm,
        room: Int,
        message: borrowing Span<UInt8>,
        into output: inout Buffer
    ) -> Bool {
        guard let context = unsafe contexts.copy(for: algorithm) else { return false }
        // Safe because the context is ours.
        defer {
            unsafe EVP_MD_CTX_free(context)
            bulkhead_clear_errors()
        }
        let before = output.count
        unsafe message.withUnsafeBufferPointer { message in
            unsafe output.append(upTo: room) { target in
                var written = room
                let bytes = unsafe target.baseAddress!.assumingMemoryBound(to: UInt8.self)
                let done = unsafe EVP_DigestSign(
                    context,
                    bytes,
                    &written,
                    message.baseAddress,
                    message.count
                )
                return done == 1 ? written : 0
            }
        }
        return output.count > before
    }
}

/// Between JOSE's fixed-length r ‖ s (RFC 7518 §3.4) and the DER SEQUENCE of two INTEGERs (RFC 3279 §2.2.3).
enum ECDSASignature {
    /// Appends DER. False unless `raw` has exactly twice the curve's coordinate length.
    static func encode(raw: borrowing Span<UInt8>, curve: EllipticCurve, into output: inout Buffer) -> Bool {
        let half = curve.coordinateByteCount
        guard raw.count == 2 * half else { return false }
        let r = raw.extracting(0..<half).droppingLeadingZeros()
        let s = raw.extracting(half..<(2 * half)).droppingLeadingZeros()
        let content = integerByteCount(r) + integerByteCount(s)
        output.append(0x30)
        // At most 2 × (2 + 1 + 66) = 138 bytes, so a length of one or two bytes.
        if content > 127 { output.append(0x81) }
        output.append(UInt8(content))
        appendInteger(r, into: &output)
        appendInteger(s, into: &output)
        return true
    }

    /// Appends r ‖ s. False when `der` is no signature or one that does not fit the curve.
    static func decode(der: borrowing Span<UInt8>, curve: EllipticCurve, into output: inout Buffer) -> Bool {
        let half = curve.coordinateByteCount
        // Safe because the signature object is ours, and r and s are borrowed from it while it lives.
        defer { ERR_clear_error() }
        return unsafe der.withUnsafeBufferPointer { der in
            var cursor = der.baseAddress
            guard let signature = unsafe d2i_ECDSA_SIG(nil, &cursor, der.count) else { return false }
            defer { unsafe ECDSA_SIG_free(signature) }
            var fits = false
            unsafe output.append(upTo: 2 * half) { target in
                let bytes = unsafe target.baseAddress!.assumingMemoryBound(to: UInt8.self)
                let count = Int32(half)
                fits =
                    unsafe BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, count) == count
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + half, count) == count
                return fits ? 2 * half : 0
            }
            return fits
        }
    }

    private static func integerByteCount(_ magnitude: borrowing Span<UInt8>) -> Int {
        2 + (needsZero(magnitude) ? 1 : 0) + magnitude.count
    }

    private static func appendInteger(_ magnitude: borrowing Span<UInt8>, into output: inout Buffer) {
        output.append(0x02)
        output.append(UInt8(integerByteCount(magnitude) - 2))
        if needsZero(magnitude) { output.append(0) }
        for index in magnitude.indices { output.append(magnitude[index]) }
    }

    /// A leading zero keeps the number positive; zero itself is one zero byte.
    private static func needsZero(_ magnitude: borrowing Span<UInt8>) -> Bool {
        magnitude.isEmpty || magnitude[0] >= 0x80
    }
}
