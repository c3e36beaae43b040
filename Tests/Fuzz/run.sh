#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the readers of one target with libFuzzer: Tests/Fuzz/run.sh Cedar [seconds]
# Crashing inputs land in Tests/Fuzz/<target>/Regressions; what is there already is run first.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${1:?usage: run.sh TARGET [SECONDS]}
seconds=${2:-60}
case $target in
    Cedar) modules=(Bytes JSON Cedar) ;;
    *) echo "run.sh: nothing is known about $target" >&2; exit 2 ;;
esac
out=$root/.build/fuzz/$target
mkdir -p "$out" "$root/Tests/Fuzz/$target/Regressions" "$out/corpus"
flags=(-O -sanitize=fuzzer,address -parse-as-library -package-name bulkhead -swift-version 6 -I "$out"
    -enable-experimental-feature Lifetimes -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature ExistentialAny)
libraries=()
for module in "${modules[@]}"; do
    swiftc "${flags[@]}" -wmo -emit-module -emit-module-path "$out/$module.swiftmodule" -module-name "$module" \
        -emit-object -o "$out/$module.o" "$root/Sources/$module/"*.swift
    libraries+=("$out/$module.o")
done
swiftc "${flags[@]}" -module-name Fuzz "$root/Tests/Fuzz/$target/main.swift" "${libraries[@]}" -o "$out/fuzz"
cd "$out"
"$out/fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$root/Tests/Fuzz/$target/Regressions/" \
    "$out/corpus" "$root/Tests/Fuzz/$target/Corpus" "$root/Tests/Fuzz/$target/Regressions"
