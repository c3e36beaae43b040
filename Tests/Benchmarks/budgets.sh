#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What one warm request may cost: allocations in the gateway, system calls of the real binary, both held against budgets.json.
#   bash Tests/Benchmarks/budgets.sh        exit code 0 when every budget is kept
# Builds what it measures, in release. Without strace, or where ptrace is forbidden, the second half says so and fails.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
budgets=$root/Tests/Benchmarks/budgets.json
release=(swift build --package-path "$root" -c release --static-swift-stdlib)

"${release[@]}" --product Budgets >&2
"${release[@]}" --product bulkhead >&2
bin=$("${release[@]}" --show-bin-path)

status=0
"$bin/Budgets" "$budgets" || status=1
python3 "$root/Tests/Benchmarks/syscalls.py" "${BULKHEAD_BINARY:-$bin/bulkhead}" "$budgets" || status=1
exit "$status"
