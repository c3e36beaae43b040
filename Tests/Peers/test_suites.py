# SPDX-License-Identifier: Apache-2.0
"""Chroma's own tests, as its package brings them, against a server of their own and against the same through Bulkhead: what passes
there passes here. Each that does not has its rule."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import chromadb
import pytest
from harness.process import LOOPBACK

HERE = Path(__file__).parent
FILES = ("test_api.py", "test_client.py", "test_multithreaded.py", "api", "client")
# The other way in fails already without Bulkhead, for the same reason or another.
RULES = {
    "test_multithreaded_get_or_create": "a collection may not be named like a UUID: some servers take such a name for an id",
    "test_tenant_collections_add": "makes a tenant of its own: a caller has one, and it is there",
    "test_error_includes_trace_id": "the server's trace id is not handed on",
}


@pytest.fixture(scope="module")
def python(run):
    """What is pinned for the other tests, with what only these want before it."""
    folder = run / "suites"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--ignore-installed", "-r", HERE / "requirements-suites.txt"], check=True)
    site = Path(chromadb.__file__).parent.parent
    next((folder / "lib").glob("python*/site-packages")).joinpath("peers.pth").write_text(f"{site}\n")
    return folder / "bin" / "python"


def outcomes(python, run, name, port, token):
    report, tests = run / f"chroma-{name}.xml", Path(chromadb.__file__).parent / "test"
    environment = {**os.environ, "PYTHONPATH": str(HERE), "ANONYMIZED_TELEMETRY": "False", "CHROMA_INTEGRATION_TEST_ONLY": "1",
                   "CHROMA_SERVER_HOST": LOOPBACK, "CHROMA_SERVER_HTTP_PORT": str(port),
                   "CHROMA_SERVER_HEADERS": f'{{"Authorization": "Bearer {token}"}}'}
    subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "harness.chroma_reset", f"--junitxml={report}",
                    *(tests / file for file in FILES)], env=environment, cwd=run, capture_output=True, timeout=1200)
    return {f"{case.get('classname')}::{case.get('name')}": not any(part.tag in ("failure", "error", "skipped") for part in case)
            for case in ElementTree.parse(report).iter("testcase")}


@pytest.mark.long
def test_chromas_own_tests(python, front, ann, chroma, run):
    alone = outcomes(python, run, "alone", chroma, "nobody")
    through = outcomes(python, run, "through", front.bulkhead.ports["vectors"], front.handle(ann))
    passed = {name for name, passes in alone.items() if passes}
    lost = {name for name in passed if not through.get(name)}
    print(f"{len(passed)} pass alone, {len(passed) - len(lost)} of them through Bulkhead: {sorted(lost)}")
    assert len(passed) > 300
    assert not {name for name in lost if name.split("::")[-1].split("[")[0] not in RULES}
