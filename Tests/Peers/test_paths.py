# SPDX-License-Identifier: Apache-2.0
"""Paths that are accepted mean to an independent reader of URLs (ada, by the WHATWG's standard) what they mean to Bulkhead."""

import json
import os
import random
import subprocess
from urllib.parse import unquote_to_bytes

import pytest
from harness.llhttp import CORPORA
from harness.origins import PROGRAMS, Origin
from harness.sealed import COMPARTMENT, Sealed, Shape
from harness.talk import talk
from harness.witness import Witness

PIECES = ["/", "a", "B", "%41", "%2f", "%2F", "%5c", "%20", "%c3%a9", ".", "..", "%2e", "%2E", "%25", ";", "?", "=", "&", "~", "%7E", ":", "@", "é", "%",
          "#", "\\", "%00", "%e2%82%ac", "//", "/../", "/./", "*", "!", "%3b", "|", "^", "{", "%zz", "%ff", "+", ",", "'", "\"", "<", "[", "%0a"]
ORACLE = """
import json, sys, ada_url
def path(target):
    try:
        parsed = ada_url.URL("http://localhost" + target)
        return [parsed.pathname, parsed.search, parsed.host]
    except ValueError:
        return None
print(json.dumps([path(target) for target in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def sealed(run, forge):
    folder = run / "paths"
    folder.mkdir()
    witness = Witness()
    port = witness.port()
    made = Sealed(folder, forge, witness, [Origin("witness", port.number, witness=port)])
    yield made
    made.stop()


def targets():
    """Those of the WHATWG's cases that are paths, and random ones; the seed is printed, BULKHEAD_SEED runs it again."""
    found = []
    for file in sorted((CORPORA / "whatwg-url").rglob("*.json")):
        cases = json.loads(file.read_text())
        for case in cases if isinstance(cases, list) else []:
            if isinstance(case, dict) and case.get("input", "").startswith("/") and case["input"].isascii():
                found.append(case["input"])
    seed = int(os.environ.get("BULKHEAD_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    choose = random.Random(seed)
    found += ["/" + "".join(choose.choices(PIECES, k=choose.randrange(7))) for _ in range(3000)]
    return [target for target in dict.fromkeys(found) if not any(c in target for c in "\r\n ")]


def test_what_is_accepted_is_what_the_standard_reads(sealed):
    asked = targets()
    done = subprocess.run([PROGRAMS / "python", "-c", ORACLE], input=json.dumps(asked), capture_output=True, text=True, check=True)
    origin = sealed.origins[0]
    accepted = 0
    for target, read in zip(asked, json.loads(done.stdout), strict=True):
        data = Shape("rest", sealed.token).request(b"x", b"GET", lines=b"Connection: close\r\n").replace(b" /x ", b" " + target.encode() + b" ", 1)
        answers, _ = talk(sealed.bulkhead.ports["rest-witness"], data, 1)
        seen = origin.take()
        assert len(answers) == 1 and len(seen) == (answers[0].status == 200), (target, answers)
        if not seen:
            continue
        accepted += 1
        assert read is not None and read[2] == "localhost", (target, read)
        path, _, query = COMPARTMENT.sub("/", seen[0].target).partition("?")
        assert unquote_to_bytes(path) == unquote_to_bytes(read[0]), (target, seen[0].target, read)
        assert path.lower().count("%2f") == read[0].lower().count("%2f"), (target, seen[0].target, read)
        # The standard escapes what a query may hold as it is.
        assert unquote_to_bytes(query) == unquote_to_bytes(read[1].removeprefix("?")), (target, seen[0].target, read)
    print(f"{accepted} of {len(asked)} accepted")
    assert accepted > 100
