#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that CI checks: `bash Deploy/test.sh [--long]`. Installs what is missing; needs nothing else.
#   format and lint · build · Swift tests (tidy among them) · release build · budgets · tests against real peers · a minute of fuzzing for
#   each parser
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
declare -A beside_pid=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# ended NAME STATUS SECONDS: a line of the summary.
ended() {
    if [ "$2" = 0 ]; then
        summary+=("$(printf '  ✓ %-34s %4d s' "$1" "$3")")
    else
        summary+=("$(printf '  ✗ %-34s %4d s  (exit %d)' "$1" "$3" "$2")")
        failed=$((failed + 1))
    fi
}

# step NAME COMMAND…: runs it, notes how it ended and how long it took; the steps after it run all the same.
step() {
    local name=$1 started=$SECONDS status=0
    shift
    say "$name"
    "$@" || status=$?
    ended "$name" "$status" $((SECONDS - started))
}

# beside NAME COMMAND…: as step, but goes on while others run, with what they leave of the processor; `joined NAME` ends it.
beside() {
    local name=$1
    shift
    say "$name (beside what follows)"
    (
        started=$SECONDS status=0
        nice -n 10 "$@" || status=$?
        printf '%d %d\n' "$status" $((SECONDS - started)) >"$logs/$name.end"
    ) >"$logs/$name" 2>&1 &
    beside_pid[$name]=$!
}

joined() {
    local name=$1 status=1 seconds=0
    say "$name"
    wait "${beside_pid[$name]}" || true
    cat "$logs/$name"
    [ ! -f "$logs/$name.end" ] || read -r status seconds <"$logs/$name.end"
    ended "$name" "$status" "$seconds"
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
sanitized() (
    # What recurses to its limit has frames that are several times as large there.
    ulimit -s 65536
    ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1 \
        swift test --sanitize="$1" --scratch-path "$root/.build/$1" --no-parallel
)

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
beside "python environments" bash Tests/Peers/environments.sh
step "build" swift build --build-tests
step "Swift tests" swift_tests
step "release build" build_release "$root"
step "budgets" bash Tests/Benchmarks/budgets.sh
joined "python environments"
if [ "${#long[@]}" = 0 ]; then
    beside "fuzzing" bash Tests/Fuzz/run.sh --seconds 60
    step "peer tests" peer_tests
    joined "fuzzing"
else
    step "peer tests" peer_tests
    step "AddressSanitizer" sanitized address
    step "ThreadSanitizer" sanitized thread
    step "fuzzing" bash Tests/Fuzz/run.sh --seconds 600
    step "Cedar beside its reference" cedar_differential
    step "AWS signatures against botocore" signing_differential
fi

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
