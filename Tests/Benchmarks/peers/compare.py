# SPDX-License-Identifier: Apache-2.0
"""Three proxies, one job, one run: `bash Tests/Benchmarks/peers.sh` calls this with everything installed.

Each proxy has one worker and a core of its own where there are two; load and upstream share the other. Rounds are
interleaved, so that a noisy minute hits all alike, and the best round counts: the one with the least cost.
CPU is what the kernel charged to the proxy's process (utime + stime of all its threads) while the load ran.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time

from bench import COLD_TOKENS, WARM_TOKENS, Bench
from lines import LINES

PROXIES = ("bulkhead", "haproxy", "envoy")


def run(bench, lines, rounds, seconds, note):
    """The best row of each line and proxy."""
    best = {}
    for number in range(rounds):
        for line in lines:
            if number and line.is_steady:
                continue
            for proxy in bench.proxies:
                note(f"round {number + 1}/{rounds}  {line.name:18} {proxy.name}")
                line.prepare(proxy)
                result = line.measure(proxy, seconds)
                held = best.setdefault(line.name, {}).get(proxy.name)
                if held is None or result[line.cost] < held[line.cost]:
                    best[line.name][proxy.name] = result
    return best


def ratios(line, rows):
    return {name: round(rows["bulkhead"][line.cost] / max(row[line.cost], 0.001), 2)
            for name, row in rows.items() if name != "bulkhead" and "bulkhead" in rows}


def report(results, lines):
    head = ("", "per second", "p50 µs", "p99 µs", "CPU µs", "core", "MiB")
    for line in lines:
        rows = results[line.name]
        print(f"\n{line.name}, for each {line.unit}")
        if line.cost == "kib":
            for name, row in rows.items():
                print(f"  {name:10} {row['kib']:>8.1f} KiB  ({row['requests']:,}: {row['resident_mb']:.0f} MiB)")
        else:
            print(f"  {head[0]:10} {head[1]:>11} {head[2]:>8} {head[3]:>8} {head[4]:>9} {head[5]:>6} {head[6]:>7}")
            for name, row in rows.items():
                print(f"  {name:10} {row['per_second']:>11,} {row['p50_us']:>8,} {row['p99_us']:>8,} "
                      f"{row['cpu_us']:>9.1f} {row['cpu_share']:>6.0%} {row['resident_mb']:>7.1f}")
        what = {"cpu_us": "CPU", "kib": "memory", "p50_us": "time"}[line.cost]
        told = ", ".join(f"{ratio:.2f} of {name}'s" for name, ratio in ratios(line, rows).items())
        if told:
            print(f"  Bulkhead's {what}: {told}")


def main():
    names = [line.name for line in LINES]
    parser = argparse.ArgumentParser(description="Three proxies, one job, one run.")
    parser.add_argument("--envoy", required=True, help="the envoy program")
    parser.add_argument("--bulkhead", help="the bulkhead program; without it only the two others run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load per measurement")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, for programs")
    parser.add_argument("--only", action="append", default=[], choices=[*names, *PROXIES], metavar="NAME",
                        help=f"lines or proxies, as often as wanted: {', '.join([*names, *PROXIES])}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended, it ends what it started
    options.proxies = [name for name in PROXIES if not set(PROXIES) & set(options.only) or name in options.only]
    if not options.bulkhead:
        options.proxies = [name for name in options.proxies if name != "bulkhead"]
    lines = [line for line in LINES if not set(names) & set(options.only) or line.name in options.only]
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        os.chmod(folder, 0o711)  # nginx, started as root, reads its file as nobody
        bench = Bench(options, folder)
        # Progress is for people who watch; programs and files get the result alone.
        watched = sys.stderr.isatty()
        note = lambda text: watched and print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)  # noqa: E731
        needs_cold = any(line.needs_cold for line in lines)
        try:
            note(f"signing {WARM_TOKENS + needs_cold * COLD_TOKENS:,} tokens")
            bench.prepare(needs_cold)
            bench.start()
            started = time.monotonic()
            results = run(bench, lines, options.rounds, options.seconds, note)
        finally:
            bench.stop()
        note("")
    if options.json:
        compared = {line.name: {"cost": line.cost, "unit": line.unit, "rows": results[line.name],
                                "ratios": ratios(line, results[line.name])} for line in lines}
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "results": compared}, indent=2))
        return
    print(f"best of {options.rounds} rounds, one worker each, {time.monotonic() - started:.0f} s in all")
    report(results, lines)


if __name__ == "__main__":
    main()
