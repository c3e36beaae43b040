#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bulkhead in front of a sample agent, from nothing: `bash Deploy/run.sh [--tour] [--port N]`.
# Installs what is missing, builds, starts everything on 127.0.0.1 and prints the curl commands to try.
# With --tour it makes the calls itself, shows what happened, and exits 0 only if all is as it should be.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=Deploy/setup.sh
source "$root/Deploy/setup.sh"

usage() {
    sed -n '3,5s/^# //p' "${BASH_SOURCE[0]}"
}

arguments=()
state=demo
while [ $# -gt 0 ]; do
    case "$1" in
        --tour) arguments+=(--tour) state=tour ;;
        --port)
            if ! [[ ${2:-} =~ ^[0-9]{1,5}$ ]] || [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
                usage >&2
                exit 2
            fi
            arguments+=(--port "$2")
            shift
            ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

setup
if [ -n "${BULKHEAD_BINARY:-}" ]; then
    binary=$BULKHEAD_BINARY
else
    say "building (the first time takes some minutes)"
    binary=$(build_release "$root") || fail "the build failed"
fi
exec python3 "$root/Deploy/sample/demo.py" --binary "$binary" --state "$root/.build/$state" "${arguments[@]}"
