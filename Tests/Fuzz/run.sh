#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the parsers that stand in front of everything: `bash Tests/Fuzz/run.sh [--seconds N] [NAME…]`, 10 s each by default, two at a time.
# Inputs that crash are kept in Tests/Fuzz/NAME/Regressions, and are run first the next time. Needs x86-64 or arm64 and a Swift toolchain.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
seconds=10
names=()
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        -*) echo "usage: run.sh [--seconds N] [NAME…]" >&2; exit 2 ;;
        *) names+=("$1"); shift ;;
    esac
done
[ "${#names[@]}" -gt 0 ] || names=(RequestHead ResponseHead Pipeline Values AdapterTable Chunked HTTP2 CanonicalPath JWT JWKS JSON YAML Cedar Signature XML)

corpora=${BULKHEAD_CORPORA:-$root/../shared/corpora}
export BULKHEAD_FUZZ=1
toolchain=$(dirname "$(readlink -f "$(command -v swiftc)")")
runtime=$(find "$toolchain/../lib/clang" -name "libclang_rt.fuzzer_no_main-$(uname -m).a" -print -quit)
[ -n "$runtime" ] || { echo "✗ this toolchain brings no libFuzzer" >&2; exit 1; }
build=(swift build --package-path "$root" --scratch-path "$root/.build/fuzz" -c release
    -Xlinker "$runtime" -Xlinker -lstdc++ -Xlinker -lm)

# Each line of what is given becomes a seed of its own; \r and \n are written as such.
lines() {
    local folder=$1 number=0 line
    shift
    for line in "$@"; do
        number=$((number + 1))
        printf '%b' "$line" >"$folder/line-$number"
    done
}

# Copies files as seeds, when they are there.
files() {
    local folder=$1 file
    shift
    for file in "$@"; do
        [ -f "$file" ] && cp "$file" "$folder/$(sha256sum "$file" | cut -c 1-16)"
    done
    return 0
}

seeds() {
    local name=$1 folder=$2
    case "$name" in
        RequestHead)
            lines "$folder" 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' \
                'POST /a/b%2Fc?d=e HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\n\r\nabc' \
                'PUT http://a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n' \
                'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' ;;
        ResponseHead)
            lines "$folder" 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab' \
                'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n' \
                'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhi' \
                'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nall' 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n' ;;
        Pipeline)
            lines "$folder" \
                'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2?x HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nxDELETE /3 HTTP/1.1\r\nHost: c\r\n\r\n' \
                'PUT /a%2Fb HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n' \
                'POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab' \
                'GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: X-Hop, TE\r\nX-Hop: 1\r\nTE: trailers\r\n\r\n' ;;
        Values)
            lines "$folder" 'a.example:8443' '[2001:db8::1]:443' '127.0.0.1' '0x7f.1' 'a=b&c=%20d&A=+&=&&x' \
                'k=v;p=1,k2=%20v2 ,bad key=1' '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' ;;
        AdapterTable) files "$folder" "$root"/Config/adapters/*.yaml ;;
        Chunked)
            lines "$folder" '5\r\nhello\r\n0\r\n\r\n' '5;a=b;c="d"\r\nhello\r\n0\r\nX: y\r\n\r\n' \
                'ffffffffffffffff\r\n' '0\r\n\r\n' ;;
        HTTP2)
            # SETTINGS, then a GET and a POST; then PING, a window, a reset, GOAWAY.
            lines "$folder" \
                '\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0\0\0\6\1\5\0\0\0\1\x82\x87\x84\1\1a' \
                '\0\0\0\4\0\0\0\0\0\0\0\6\1\4\0\0\0\1\x83\x87\x84\1\1a\0\0\2\0\1\0\0\0\1hi' \
                '\0\0\0\4\0\0\0\0\0\0\0\x8\6\0\0\0\0\0abcdefgh\0\0\4\x8\0\0\0\0\0\0\0\0\1' \
                '\0\0\0\4\0\0\0\0\0\0\0\6\1\4\0\0\0\1\x83\x87\x84\1\1a\0\0\4\3\0\0\0\0\1\0\0\0\x8' ;;
        CanonicalPath)
            lines "$folder" '/' '/a/b/c' '/a/../b' '/%2e%2E/a' '/a%2Fb;c?d=e&f=%00' '/é/%C3%A9' '//a' '/a\\b' '/%252e' ;;
        JWT)
            lines "$folder" \
                '{"iss":"https://idp.example","aud":"app","sub":"u","tenant":"acme","tier":"basic","exp":1800000600,"groups":["a"]}' \
                '{"iss":"https://idp.example","aud":["x","app"],"sub":"u","tenant":"acme","exp":1.8e9,"nbf":0,"tag":"t"}' \
                'eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.AAAA'
            files "$folder" "$corpora"/jose-cookbook/jws/*.json ;;
        JWKS)
            lines "$folder" \
                '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"1","use":"sig","alg":"EdDSA"}]}' \
                '{"keys":[{"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw","key_ops":["verify"]},{"kty":"oct","k":"AA"}]}' \
                '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"},{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1","d":"AQAB"}]}'
            files "$folder" "$corpora"/jose-cookbook/jwk/*.json "$corpora"/wycheproof/testvectors_v1/json_web_key_test.json ;;
        JSON)
            lines "$folder" '{"a":[1,-2.5e3,"\\u00e9\\ud83d\\ude00",true,null]}' '[]' '"a"'
            files "$folder" "$corpora"/jsontestsuite/test_parsing/*.json ;;
        YAML) files "$folder" "$root"/Config/*.yaml "$root"/Config/adapters/*.yaml ;;
        Signature)
            lines "$folder" 'AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000' \
                'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260102%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=0000000000000000000000000000000000000000000000000000000000000000' \
                '5;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\nhello\r\n' ;;
        XML)
            lines "$folder" '<a><b c="d"/>e<![CDATA[f]]><!-- g --></a>' \
                '<?xml version="1.0" encoding="UTF-8"?><Delete><Object><Key>a&amp;b</Key></Object></Delete>' ;;
        Cedar) files "$folder" "$root"/Tests/Fuzz/Cedar/Corpus/* ;;
        *) echo "✗ there is no $name" >&2; exit 2 ;;
    esac
}

# libFuzzer's corpus lives in .build/fuzz and grows from run to run.
fuzz() {
    local name=$1 folder="$root/.build/fuzz/corpus/$1" kept="$root/Tests/Fuzz/$1/Regressions"
    mkdir -p "$folder"
    seeds "$name" "$folder"
    local crashes
    crashes=$(mktemp -d)
    local past=()
    [ -d "$kept" ] && past=("$kept")
    # Else Swift's own handler of a trap ends the process before the input is written down.
    if SWIFT_BACKTRACE=enable=no "$bin/Fuzz$name" "$folder" "${past[@]}" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -max_len=8192 -artifact_prefix="$crashes/" -print_final_stats=1 >"$crashes/log" 2>&1; then
        printf '✓ %s: %s inputs, %s in the corpus\n' "$name" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$crashes/log")" "$(find "$folder" -type f | wc -l)"
        rm -rf "$crashes"
    else
        mkdir -p "$kept"
        find "$crashes" -type f ! -name log -exec cp {} "$kept/" \;
        grep -E 'Fatal error|Precondition|ERROR|SUMMARY' "$crashes/log" | head -5 >&2 || true
        printf '✗ %s: the input is in %s, the log in %s\n' "$name" "$kept" "$crashes/log" >&2
        return 1
    fi
}

status=0
for name in "${names[@]}"; do "${build[@]}" --product "Fuzz$name" >&2 || exit 1; done
bin=$("${build[@]}" --show-bin-path)
running=()
for name in "${names[@]}"; do
    if [ "${#running[@]}" = 2 ]; then
        wait "${running[0]}" || status=1
        running=("${running[@]:1}")
    fi
    fuzz "$name" &
    running+=("$!")
done
for process in "${running[@]}"; do wait "$process" || status=1; done
exit "$status"
