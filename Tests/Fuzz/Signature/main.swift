// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import FuzzDriver
import HTTPTypes

/// Nothing that the fuzzer writes is a signature of anything, in a header or in a query, and no body in chunks passes.
func check(_ input: Span<UInt8>) {
    let secret = Secret(copying: Array("a secret that nobody knows".utf8).span)
    let host = Array("s3.local".utf8)
    let path = Array("/bucket/key".utf8)
    var fields = Fields()
    let none = Span<UInt8>()
    do {
        try fields.append(name: "authorization", value: input)
        try fields.append(name: "x-amz-date", value: Array("20260102T030405Z".utf8).span)
    } catch {
        fields.removeAll()
    }
    verify(fields, none, path.span, host.span, secret)
    fields.removeAll()
    verify(fields, input, path.span, host.span, secret)
    chunks(input, secret)
}

func verify(
    _ fields: borrowing Fields,
    _ query: Span<UInt8>,
    _ path: Span<UInt8>,
    _ host: Span<UInt8>,
    _ secret: Secret
) {
    do throws(SignatureFailure) {
        let claim = try SignatureClaim(fields, query: query)
        let payload = claim.payloadText(fields) ?? Array("UNSIGNED-PAYLOAD".utf8)
        let parts = SignedParts(method: .get, path: path, query: query, host: host, payload: payload.span)
        var signer = RequestSigner()
        try signer.verify(claim, secret: secret, parts, fields)
    } catch {
        return
    }
    preconditionFailure("a forged signature")
}

func chunks(_ input: Span<UInt8>, _ secret: Secret) {
    let time = SigningTime(WallTime(seconds: 1_800_000_000))
    let scope = SigningScope(region: "us-east-1", service: "s3")
    func signer() -> ChunkSigner {
        ChunkSigner(DayKey(secret: secret, day: time.day, scope: scope), scope, at: time, seed: Digest())
    }
    var payload = ChunkedPayload(from: signer(), to: signer(), hasTrailers: true, decodedLength: 1 << 20)
    var output = Buffer()
    do {
        _ = try payload.received(input, into: &output)
    } catch {
        return
    }
    precondition(!payload.isDone && output.isEmpty, "a forged chunk")
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
