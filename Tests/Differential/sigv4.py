#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Bulkhead's AWS signatures with botocore's own signers on generated requests.

Usage: pip install botocore; swift build --product SigningPeer
       Tests/Differential/sigv4.py [--cases N] [--seed S] [--peer PATH]

botocore signs each request, in a header or in its query, for S3 and for others. Bulkhead must verify it, sign the same request with
the same signature, and verify none of the altered copies. Exit code 1 on the first difference.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import random
import subprocess
import sys
from urllib.parse import quote, urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]
# Escaped or not, spaces, line ends, signs that mean something elsewhere, other scripts.
ALPHABET = list("abcXYZ019-._~") + list(" !*'();:@&=+$,?#[]%\"<>\\^`{|}") + ["é", "ሴ", "😀", "/"]


def word(rng, longest=12, without=""):
    return "".join(rng.choice([c for c in ALPHABET if c not in without]) for _ in range(rng.randrange(1, longest)))


def path(rng, service):
    parts = [quote(word(rng, without="/"), safe="") for _ in range(rng.randrange(0, 5))]
    if service != "s3" and parts and rng.random() < 0.3:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice([".", "..", ""]))
    return "/" + "/".join(parts) + ("/" if parts and rng.random() < 0.2 else "")


def query(rng):
    pairs = []
    for _ in range(rng.randrange(0, 6)):
        name = quote(word(rng), safe="-._~")
        pairs.append(name + ("=" + quote(word(rng), safe="-._~") if rng.random() < 0.8 else "="))
    return "&".join(pairs)


def value(rng):
    spaces = [" ", "  ", "   ", ""]
    words = ["".join(rng.choice("abcXYZ019-./;=\"") for _ in range(rng.randrange(1, 8))) for _ in range(3)]
    return rng.choice(spaces).join(words)


def make(rng):
    service = rng.choice(["s3", "sts", "dynamodb", "bedrock", "bedrock-agentcore", "secretsmanager"])
    method = rng.choice(METHODS)
    body = "" if method in ("GET", "HEAD") else value(rng) * rng.randrange(0, 4)
    host = rng.choice(["127.0.0.1:9443", "example.amazonaws.com", "bucket.s3.local"])
    url = f"http://{host}{path(rng, service)}"
    text = query(rng)
    request = AWSRequest(method=method, url=url + ("?" + text if text else ""), data=body.encode())
    for name in rng.sample(["X-Amz-Target", "Content-Type", "X-Amz-Meta-Color", "Range", "x-amz-acl", "If-Match"], rng.randrange(0, 4)):
        request.headers[name] = value(rng)
    if rng.random() < 0.3:
        request.headers["User-Agent"] = "anything"
    token = value(rng).strip() + "x" if rng.random() < 0.4 else None
    credentials = Credentials("AKID" + str(rng.randrange(10**6)), value(rng) or "secret", token)
    region = rng.choice(["us-east-1", "eu-central-1"])
    lifetime = None
    if not body and rng.random() < 0.6:
        lifetime = rng.randrange(1, 604800)
        signer = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
        signer = signer(credentials, service, region, expires=lifetime)
    else:
        signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region)
    signer.add_auth(request)
    parts = urlsplit(request.url)
    return {
        "method": method, "path": parts.path, "query": parts.query, "host": parts.netloc, "body": body,
        "headers": [[k, v if isinstance(v, str) else v.decode()] for k, v in request.headers.items()],
        "secret": credentials.secret_key, "token": token, "lifetime": lifetime,
    }


def expected(case):
    if case["lifetime"]:
        return case["query"].rsplit("X-Amz-Signature=", 1)[1][:64]
    return dict(case["headers"])["Authorization"]


def altered(rng, case):
    other = json.loads(json.dumps(case))
    kind = rng.randrange(5)
    if kind == 0:
        other["path"] += "x"
    elif kind == 1:
        other["query"] += "&zz=1" if other["query"] else "zz=1"
    elif kind == 2:
        other["method"] = "PUT" if other["method"] == "GET" else "GET"
    elif kind == 3:
        other["host"] += "0"
    else:
        other["secret"] += "x"
    return other


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=5000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--peer", default=str(ROOT / ".build/debug/SigningPeer"))
    options = options.parse_args()
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment.replace(tzinfo=None)
    cases, lines = [], []
    for seed in range(options.seed, options.seed + options.cases):
        rng = random.Random(seed)
        case = make(rng)
        cases.append((seed, case, altered(rng, case)))
        lines += [json.dumps(case), json.dumps(cases[-1][2])]
    run = subprocess.run([options.peer], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = run.stdout.splitlines()
    if len(answers) != len(lines):
        sys.exit(f"{len(lines)} requests, {len(answers)} answers: {run.stderr}")
    failures = 0
    for index, (seed, case, other) in enumerate(cases):
        good, bad = answers[2 * index], answers[2 * index + 1]
        if good != f"verified {expected(case)}" or bad.startswith("verified"):
            failures += 1
            if failures <= 5:
                print(f"seed {seed}:\n  {json.dumps(case)}\n  wanted {expected(case)}\n  got    {good}\n  altered {bad}")
    digest = hashlib.sha256("".join(answers).encode()).hexdigest()[:12]
    print(f"{len(cases)} requests, {failures} differences, answers {digest}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
