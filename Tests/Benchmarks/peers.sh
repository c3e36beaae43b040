#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bulkhead, HAProxy and Envoy at the same job in one run: `bash Tests/Benchmarks/peers.sh [--rounds N] [--seconds N] [--only NAME]… [--json]`.
# Installs what is missing, builds the release binary, prints for each line the rate, p50, p99, CPU, memory and ratios. `--only` takes
# lines (http2-small, handshake-full, …) and proxies.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=Deploy/setup.sh
source "$root/Deploy/setup.sh"

{
    setup benchmarks
    environment=$root/.build/peers/benchmarks
    python_environment "$environment" "$root/Tests/Benchmarks/peers/requirements.txt"
    binary=${BULKHEAD_BINARY:-}
    [ -n "$binary" ] || binary=$(build_release "$root") || fail "the build failed"
} >&2
envoy=$("$environment/bin/python" -c 'import envoy, pathlib; print(pathlib.Path(envoy.__file__).parent / "_bin" / "envoy")')
exec "$environment/bin/python" "$root/Tests/Benchmarks/peers/compare.py" --envoy "$envoy" --bulkhead "$binary" "$@"
