#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Bulkhead is built from on Debian 12: `bash Deploy/setup.sh [peers] [benchmarks]`.
# Quick and silent about it when nothing is missing. The Swift toolchain (6.3) has to be there already.
set -euo pipefail

# What each part needs, as Debian packages.
build_packages=(libssl-dev libyaml-dev libc-ares-dev libexpat1-dev libsqlite3-dev libnghttp2-dev zlib1g-dev pkg-config)
run_packages=(openssl curl ca-certificates python3)
peer_packages=(python3-venv prometheus shellcheck strace iproute2 nginx-light haproxy nghttp2-client nghttp2-server nghttp2-proxy
    redis-server wrk)
benchmark_packages=(python3-venv haproxy nginx-light nghttp2-client wrk)

say() { printf '\033[1m▸\033[0m %s\n' "$*"; }
fail() { printf '\033[1;31m✗\033[0m %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root or sudo for: $*"
    fi
}

# A package counts as there when dpkg has it installed.
missing_packages() {
    local package
    for package in "$@"; do
        case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" in
            installed) ;;
            *) printf '%s\n' "$package" ;;
        esac
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    command -v apt-get >/dev/null || fail "no apt-get here; install these yourself: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { as_root apt-get -q update && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: ${missing[*]}"
    fi
    rm -f "$log"
}

check_swift() {
    command -v swift >/dev/null || fail "no swift in PATH: install the Swift 6.3 toolchain from swift.org first"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case "$version" in
        6.[3-9]|6.[1-9][0-9]|[7-9].*) ;;
        *) fail "swift ${version:-of an unknown version} is too old: 6.3 or later is needed" ;;
    esac
}

# The release binary, with Swift's standard library inside it; prints its path.
build_release() {
    local release=(swift build --package-path "$1" -c release --static-swift-stdlib)
    "${release[@]}" --product bulkhead >&2 || return 1
    printf '%s/bulkhead\n' "$("${release[@]}" --show-bin-path)"
}

# A virtual environment that holds exactly what a requirements file pins; made anew when the file changes.
python_environment() {
    local folder=$1 requirements=$2 stamp
    stamp=$(sha256sum "$requirements" | cut -d ' ' -f 1)
    if [ "$(cat "$folder/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
        say "python environment $(basename "$folder") from $(basename "$requirements")"
        rm -rf "$folder"
        mkdir -p "$(dirname "$folder")"
        python3 -m venv "$folder" || return 1
        "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$requirements" || return 1
        printf '%s\n' "$stamp" >"$folder/.stamp"
    fi
}

setup() {
    local packages=("${build_packages[@]}" "${run_packages[@]}") part
    for part in "$@"; do
        case "$part" in
            peers) packages+=("${peer_packages[@]}") ;;
            benchmarks) packages+=("${benchmark_packages[@]}") ;;
            *) fail "setup.sh knows the parts peers and benchmarks, not '$part'" ;;
        esac
    done
    check_swift
    install_packages "${packages[@]}"
}

# Sourced: only the functions. Run: does it.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    setup "$@"
    say "everything needed is installed"
fi
