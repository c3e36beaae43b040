#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the keys and certificates that one Bulkhead needs: `bash Deploy/keys.sh FOLDER [NAME…]`.
# NAMEs are the host names and addresses by which callers reach it (localhost and 127.0.0.1 are always in).
#
#   tls/ca.crt                         a private authority: callers trust it until you bring real certificates
#   tls/tls.crt, tls/tls.key           what callers see
#   tls/client.crt, tls/client.key     what Bulkhead shows to its stores
#   tls/store.crt, tls/store.key       what a store shows to Bulkhead (names: store, localhost, 127.0.0.1)
#   keys/bulkhead.key                  handles, session ids and sealed ids come from it: back it up
#   keys/context.pem                   signs the context tokens that upstreams may verify (Ed25519)
#   keys/admin.token                   what /metrics wants to see
#
# Files that exist are kept, so that running it again changes nothing. Nothing secret is printed.
set -euo pipefail

folder=${1:?usage: keys.sh FOLDER [NAME...]}
shift
umask 077
mkdir -p "$folder/tls" "$folder/keys"
cd "$folder"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() {
    "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

alternative_names() {
    local names="DNS:localhost,IP:127.0.0.1" name
    for name in "$@"; do
        case "$name" in
            localhost | 127.0.0.1) ;;
            *[!0-9.]*) names="$names,DNS:$name" ;;
            *) names="$names,IP:$name" ;;
        esac
    done
    printf '%s' "$names"
}

# certificate NAME COMMON-NAME USAGE SUBJECT-ALTERNATIVE-NAMES
certificate() {
    [ ! -f "tls/$1.crt" ] || return 0
    quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
        -keyout "tls/$1.key" -out "tls/$1.csr"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\nbasicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n' \
        "$4" "$3" >"tls/$1.ext"
    quietly openssl x509 -req -in "tls/$1.csr" -CA tls/ca.crt -CAkey tls/ca.key -CAcreateserial \
        -days 397 -sha256 -extfile "tls/$1.ext" -out "tls/$1.crt"
    rm -f "tls/$1.csr" "tls/$1.ext"
}

if [ ! -f tls/ca.crt ]; then
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=bulkhead private authority" \
        -days 3650 -sha256 -addext "basicConstraints=critical,CA:true,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout tls/ca.key -out tls/ca.crt
fi
certificate tls bulkhead serverAuth "$(alternative_names "$@")"
certificate client bulkhead clientAuth "DNS:bulkhead"
certificate store store serverAuth "$(alternative_names store)"
# Text: a raw key whose last byte happens to be a line end would be read without it.
[ -f keys/bulkhead.key ] || openssl rand -hex 32 >keys/bulkhead.key
[ -f keys/context.pem ] || quietly openssl genpkey -algorithm ed25519 -out keys/context.pem
[ -f keys/admin.token ] || openssl rand -hex 32 >keys/admin.token
