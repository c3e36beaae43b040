#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times Cedar decisions beside the reference implementation: same policies, same requests, same machine, one run.

Usage: pip install cedarpy==4.12.2; swift build -c release --product CedarBenchmark; Tests/Benchmarks/cedar.py
The reference's time is its own report of the evaluation alone (authz_duration_micros), without its Python binding.
"""
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = ["admin", "editor", "viewer", "auditor", "operator", "guest"]


def world(tenants, seed):
    """Ten policies a tenant, one gateway a tenant; six roles, ten users."""
    rng = random.Random(seed)
    policies, entities, requests = [], [], []
    actions = ["read", "write", "list", "search", "delete", "invoke", "call", "share"]
    for name in actions:
        entities.append(
            {"uid": {"type": "Action", "id": name}, "attrs": {}, "parents": [{"type": "Action", "id": "any"}]}
        )
    for t in range(tenants):
        gateway = f'Gateway::"gw{t}"'
        for i, role in enumerate(ROLES):
            names = ", ".join(f'Action::"{a}"' for a in actions[: 2 + i])
            policies.append(
                f'permit (principal in Role::"t{t}-{role}", action in [{names}], resource == {gateway})\n'
                f'when {{ principal.hasTag("scope") && principal.getTag("scope") like "*{role}*" && context.risk < {30 + 10 * i} }};'
            )
        policies.append(
            f'permit (principal, action == Action::"read", resource == {gateway}) when {{ principal == resource.owner }};'
        )
        policies.append(
            f"forbid (principal, action, resource == {gateway})\n"
            f'unless {{ context.ip.isInRange(ip("10.{t % 256}.0.0/16")) }};'
        )
        policies.append(f"forbid (principal, action, resource == {gateway}) when {{ context.risk > 90 }};")
        policies.append(f'permit (principal in Role::"t{t}-admin", action in Action::"any", resource == {gateway});')
        owner = {"__entity": {"type": "User", "id": f"t{t}-u0"}}
        entities.append({"uid": {"type": "Gateway", "id": f"gw{t}"}, "attrs": {"owner": owner}, "parents": []})
        for u in range(8):
            role = ROLES[u % len(ROLES)]
            entities.append(
                {
                    "uid": {"type": "User", "id": f"t{t}-u{u}"},
                    "attrs": {},
                    "tags": {"scope": f"mcp {role} openid"},
                    "parents": [{"type": "Role", "id": f"t{t}-{role}"}],
                }
            )
    for _ in range(500):
        t = rng.randrange(tenants)
        inside = rng.random() < 0.8
        address = f"10.{t % 256 if inside else (t + 1) % 256}.{rng.randrange(256)}.{rng.randrange(256)}"
        requests.append(
            {
                "principal": f'User::"t{t}-u{rng.randrange(8)}"',
                "action": f'Action::"{rng.choice(actions)}"',
                "resource": f'Gateway::"gw{t}"',
                "context": {
                    "risk": rng.randrange(100),
                    "ip": {"__extn": {"fn": "ip", "arg": address}},
                },
            }
        )
    return "\n".join(policies), entities, requests


def reference(policies, entities, requests):
    import cedarpy

    ps = cedarpy.PolicySet.from_str(policies)
    en = cedarpy.Entities.from_json_str(json.dumps(entities))
    times, allowed = [], 0
    for request in requests:
        result = cedarpy.is_authorized(request, ps, en)
        times.append(result.metrics["authz_duration_micros"])
        allowed += result.decision == cedarpy.Decision.Allow
    return statistics.median(times), allowed


def ours(binary, policies, entities, requests):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in (
            ("policies.cedar", policies),
            ("entities.json", json.dumps(entities)),
            ("requests.json", json.dumps(requests)),
        ):
            path = pathlib.Path(folder) / name
            path.write_text(text)
            paths.append(str(path))
        return json.loads(subprocess.check_output([binary, *paths, "40"]))


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".build/release/CedarBenchmark")
    print(f"{'policies':>8} {'reference p50':>14} {'bulkhead p50':>13} {'p99':>8} {'ratio':>8} {'load':>9}")
    base = None
    for count in (10, 100, 1000, 10000):
        policies, entities, requests = world(count // 10, 7)
        mine = ours(binary, policies, entities, requests)
        theirs, allowed = reference(policies, entities, requests[: 500 if count < 10000 else 50])
        if count < 10000 and allowed != mine["allowed"]:
            sys.exit(f"{count} policies: {mine['allowed']} allowed here, {allowed} by the reference")
        base = base or mine["p50_us"]
        print(
            f"{count:>8} {theirs:>11.1f} µs {mine['p50_us']:>10.2f} µs {mine['p99_us']:>5.2f} µs"
            f" {theirs / mine['p50_us']:>7.0f}x {mine['load_ms']:>6.0f} ms   {mine['p50_us'] / base:.2f} of 10 policies"
        )


main()
