#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that CI checks: `bash Deploy/test.sh [--long]`. Installs what is missing; needs nothing else.
#   format and lint · build · Swift tests (tidy among them) · release build · budgets · tests against real peers · twenty seconds of fuzzing
#   for each parser
# --long adds what takes longer: the Swift tests under AddressSanitizer and under ThreadSanitizer, an issuer that is down for a
# minute, slow callers, testssl.sh, ten minutes of fuzzing for each parser.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=Deploy/setup.sh
source "$root/Deploy/setup.sh"

long=()
case "${1:-}" in
    "") ;;
    --long) long=(--long) ;;
    *) fail "usage: test.sh [--long]" ;;
esac

cd "$root"
passed=0
failed=0
skipped=0
summary=()

# step NAME COMMAND…: runs it, notes how it ended and how long it took; the steps after it run all the same.
step() {
    local name=$1 started=$SECONDS status=0
    shift
    say "$name"
    "$@" || status=$?
    if [ "$status" = 0 ]; then
        summary+=("$(printf '  ✓ %-34s %4d s' "$name" $((SECONDS - started)))")
    else
        summary+=("$(printf '  ✗ %-34s %4d s  (exit %d)' "$name" $((SECONDS - started)) "$status")")
        failed=$((failed + 1))
    fi
    return 0
}

format_lint() {
    swift-format lint --strict --parallel --recursive Sources Tests Package.swift
}

# Adds what a test runner's closing line says to the totals.
count() {
    passed=$((passed + ${1:-0}))
    failed=$((failed + ${2:-0}))
    skipped=$((skipped + ${3:-0}))
}

swift_tests() {
    local log status=0 total issues
    log=$(mktemp)
    swift test 2>&1 | tee "$log" || status=$?
    total=$(sed -n 's/.*Test run with \([0-9]*\) tests.*/\1/p' "$log" | tail -n 1)
    issues=$(grep -E '^✘ Test .* failed after ' "$log" | grep -cvE '^✘ Test (run|case) ' || true)
    rm -f "$log"
    [ -n "$total" ] || return 1
    count "$((total - issues))" "$issues"
    # The failed tests are counted above, so that the step itself must not count again.
    [ "$status" = 0 ] || { [ "$issues" -gt 0 ] && failed=$((failed - 1)); return 1; }
}

peer_environments() {
    python_environment "$root/.build/peers/main" Tests/Peers/requirements.txt &&
        python_environment "$root/.build/peers/aws" Tests/Peers/requirements-aws.txt &&
        python_environment "$root/.build/peers/origins" Tests/Peers/requirements-origins.txt &&
        python_environment "$root/.build/peers/clients" Tests/Peers/requirements-clients.txt &&
        python_environment "$root/.build/peers/stores" Tests/Peers/requirements-stores.txt &&
        python_environment "$root/.build/peers/langgraph" Tests/Peers/requirements-langgraph.txt &&
        python_environment "$root/.build/peers/mem0" Tests/Peers/requirements-mem0.txt
}

peer_tests() {
    local log status=0 line
    log=$(mktemp)
    PYTHONDONTWRITEBYTECODE=1 "$root/.build/peers/main/bin/python" -m pytest Tests/Peers "${long[@]}" 2>&1 | tee "$log" \
        || status=$?
    line=$(grep -E '^=+ .*(passed|failed|error).* in ' "$log" | tail -n 1 || true)
    rm -f "$log"
    count "$(number passed "$line")" "$(($(number failed "$line") + $(number 'errors?' "$line")))" \
        "$(number skipped "$line")"
    [ "$status" = 0 ] || { [ -n "$line" ] && failed=$((failed - 1)); return 1; }
}

# The whole of the Swift tests, the real binary in them too, in a build of its own; the first report fails it. Leaks are not looked for:
# what lives until exit is told as one where Swift keeps bits of its own in the pointer (the policies' trees, Foundation's readers).
sanitized() {
    ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1 \
        swift test --sanitize="$1" --scratch-path "$root/.build/$1" --no-parallel
}

cedar_differential() {
    python_environment "$root/.build/peers/cedar" Tests/Differential/requirements.txt &&
        "$root/.build/peers/cedar/bin/python" Tests/Differential/cedar.py --cases 20000
}

signing_differential() {
    swift build --product SigningPeer &&
        "$root/.build/peers/main/bin/python" Tests/Differential/sigv4.py --cases 20000
}

# number WORD LINE: the count before that word in pytest's closing line, or 0.
number() {
    sed -nE "s/.*[^0-9]([0-9]+) $1.*/\1/p" <<<" $2" | grep . || echo 0
}

setup peers
[ "${#long[@]}" = 0 ] || install_packages testssl.sh slowhttptest
step "format" format_lint
step "build" swift build --build-tests
step "Swift tests" swift_tests
step "release build" build_release "$root"
step "budgets" bash Tests/Benchmarks/budgets.sh
step "python environments" peer_environments
step "peer tests" peer_tests
if [ "${#long[@]}" = 0 ]; then
    step "fuzzing" bash Tests/Fuzz/run.sh --seconds 20
else
    step "AddressSanitizer" sanitized address
    step "ThreadSanitizer" sanitized thread
    step "fuzzing" bash Tests/Fuzz/run.sh --seconds 200
    step "Cedar beside its reference" cedar_differential
    step "AWS signatures against botocore" signing_differential
fi

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
