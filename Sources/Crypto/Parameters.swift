// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

// OpenSSL keeps the addresses of parameter names, so these are static strings spelled as
// <openssl/core_names.h> spells them, not Swift strings made of its macros.

/// Runs `body` with the list of a key derivation. The pointer is good during the call.
func withParameters(
    digest: StaticString,
    key: borrowing Span<UInt8>,
    salt: borrowing Span<UInt8>,
    info: borrowing Span<UInt8>,
    _ body: (UnsafePointer<OSSL_PARAM>) -> Int32
) -> Int32 {
    // Safe because the spans stay borrowed for the length of `body`, which only reads them.
    unsafe key.withUnsafeBufferPointer { key in
        unsafe salt.withUnsafeBufferPointer { salt in
            unsafe info.withUnsafeBufferPointer { info in
                var list = unsafe [parameter("digest", text: digest), parameter("key", octets: key)]
                if !salt.isEmpty { unsafe list.append(parameter("salt", octets: salt)) }
                if !info.isEmpty { unsafe list.append(parameter("info", octets: info)) }
                unsafe list.append(OSSL_PARAM_construct_end())
                return unsafe list.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
            }
        }
    }
}

func parameter(_ name: StaticString, text: StaticString) -> OSSL_PARAM {
    // Safe because both strings are static and neither is written to.
    let value = unsafe UnsafeMutableRawPointer(mutating: text.utf8Start)
    return unsafe OSSL_PARAM_construct_utf8_string(
        parameterName(name),
        value.assumingMemoryBound(to: CChar.self),
        0
    )
}

func parameter(_ name: StaticString, octets: UnsafeBufferPointer<UInt8>) -> OSSL_PARAM {
    // Safe because the caller keeps the bytes until the list has been used, and they are only read.
    unsafe OSSL_PARAM_construct_octet_string(
        parameterName(name),
        UnsafeMutableRawPointer(mutating: octets.baseAddress),
        octets.count
    )
}

private func parameterName(_ name: StaticString) -> UnsafePointer<CChar> {
    // Safe because a static string ends with a zero byte and lives for the whole process.
    unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}
