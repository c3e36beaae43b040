#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Bulkhead's Cedar with the reference implementation (PyPI cedarpy) on generated cases.

Usage: pip install cedarpy==4.12.2; swift build -c release --product bulkhead
       Tests/Differential/cedar.py [--cases N] [--seed S] [--bulkhead PATH] [--keep DIR]

Each case is a schema, entities, up to four policies and four requests in the format of cedar-integration-tests, with the
verdicts of the reference: `bulkhead cedar corpus` runs them. Besides, damaged policy texts must be read, or refused, alike,
and read into the same JSON. The reference runs in a child process, since deep nesting can kill it. Exit code 1 on the first difference in a batch.
"""
import argparse
import json
import multiprocessing
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from cedar_world import World, Writer, mutate, quoted  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH = 500


def make_case(seed, folder):
    import cedarpy

    rng = random.Random(seed)
    world = World(rng)
    policies = "\n".join(Writer(world, rng).policy() for _ in range(rng.randrange(1, 5)))
    schema_text = world.schema()
    schema = cedarpy.Schema.from_str(schema_text)
    entities = cedarpy.Entities.from_json_str(json.dumps(world.entities), schema)
    try:
        policy_set = cedarpy.PolicySet.from_str(policies)
    except ValueError:
        # Such as `-9223372036854775808.isIpv4()`: the sign is not part of the number there.
        with open(folder.parent / "damaged.jsonl", "a") as file:
            file.write(json.dumps({"policies": policies, "parseError": "refused"}) + "\n")
        return
    valid = cedarpy.validate_policies(policies, schema_text).validation_passed
    requests = []
    for _ in range(4):
        request = world.request()
        names = {k: f"{request[k]['type']}::{quoted(request[k]['id'])}" for k in ("principal", "action", "resource")}
        result = cedarpy.is_authorized({**names, "context": request["context"]}, policy_set, entities, schema)
        if "NoDecision" in str(result.decision):
            raise ValueError(f"seed {seed}: {result.diagnostics.errors}")
        errors = [re.search(r"policy `(.*?)`", e).group(1) for e in result.diagnostics.errors]
        decision = "allow" if result.decision == cedarpy.Decision.Allow else "deny"
        requests.append({**request, "decision": decision, "reason": list(result.diagnostics.reasons), "errors": errors})
    name = f"{seed}"
    form = rng.choice(["cedar", "json"])
    text = policies if form == "cedar" else cedarpy.policies_to_json_str(policies)
    files = {"policies": f"{name}.cedar", "entities": f"{name}.entities.json", "schema": f"{name}.cedarschema"}
    (folder / files["policies"]).write_text(text)
    (folder / files["entities"]).write_text(json.dumps(world.entities))
    (folder / files["schema"]).write_text(schema_text)
    case = {**{k: f"cases/{v}" for k, v in files.items()}, "policyFormat": form, "shouldValidate": valid, "requests": requests}
    (folder / f"{name}.json").write_text(json.dumps(case))


def make_damaged(seed, folder):
    """A damaged text, and its JSON, or nothing where the reference refuses it."""
    import cedarpy

    rng = random.Random(f"damaged {seed}")
    text = mutate(Writer(World(rng), rng).policy(), rng)
    try:
        expected = json.loads(cedarpy.policies_to_json_str(text))
    except Exception:
        expected = None
    line = {"policies": text}
    line.update({"est": expected} if expected is not None else {"parseError": "refused"})
    with open(folder.parent / "damaged.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")


def make_batch(seeds, folder):
    for seed in seeds:
        make_case(seed, folder)
        make_damaged(seed, folder)


def check_damaged(bulkhead, folder):
    failures = 0
    path = folder / "one.cedar"
    for line in open(folder / "damaged.jsonl"):
        one = json.loads(line)
        path.write_text(one["policies"])
        run = subprocess.run([bulkhead, "cedar", "translate", str(path)], capture_output=True, text=True)
        ours = json.loads(run.stdout) if run.returncode == 0 else None
        if ours != one.get("est") or run.returncode not in (0, 1):
            failures += 1
            print(f"differs: {one['policies']!r}\n  reference: {one.get('est')}\n  here: {ours} {run.stderr.strip()}")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--bulkhead", default=str(ROOT / ".build/release/bulkhead"))
    parser.add_argument("--keep", help="leave the cases in this folder")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.cases} cases", flush=True)
    failed = done = 0
    for start in range(0, options.cases, BATCH):
        root = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="cedar-"))
        folder = root / "cases"
        folder.mkdir(parents=True, exist_ok=True)
        seeds = [options.seed + i for i in range(start, min(start + BATCH, options.cases))]
        child = multiprocessing.Process(target=make_batch, args=(seeds, folder))
        child.start()
        child.join()
        if child.exitcode != 0:
            sys.exit(f"the reference's process ended with {child.exitcode} near seed {seeds[0]}")
        run = subprocess.run([options.bulkhead, "cedar", "corpus", str(folder)], capture_output=True, text=True)
        if run.returncode != 0:
            failed += 1
            print(run.stdout, run.stderr)
        failed += check_damaged(options.bulkhead, root)
        done += len(seeds)
        print(f"{done} done", flush=True)
        if not options.keep:
            shutil.rmtree(root)
    sys.exit(1 if failed else 0)


main()
