# SPDX-License-Identifier: Apache-2.0
"""llhttp's cases, as raw bytes: they stand in Markdown, an `http` block each."""

import os
import re
from pathlib import Path

from .bulkhead import ROOT

CORPORA = Path(os.environ.get("BULKHEAD_CORPORA", ROOT.parent / "shared" / "corpora"))
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}


def unescape(block):
    """A backslash before a line's end joins two lines; all other lines end in CRLF, the last one in nothing."""
    text = block.replace("\\\n", "").replace("\n", "\r\n")
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)).encode("latin-1").decode("latin-1"), text)
    text = re.sub(r"\\([rntf])", lambda found: ESCAPES[found[1]], text)
    return b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode() for c in text)


def cases(folder):
    """(name, bytes) of every `http` block below that folder, none where there is no corpus."""
    found = []
    for file in sorted((CORPORA / "llhttp").rglob(f"{folder}/*.md")):
        heading = ""
        for part in re.finditer(r"(?ms)^#+ *(?P<heading>.*?)$|^```http\n(?P<block>.*?)\n?^```$", file.read_text()):
            if part["heading"] is not None:
                heading = part["heading"]
            else:
                found.append((f"{file.name}: {heading}", unescape(part["block"])))
    return found


def requests():
    return cases("request")


def responses():
    return cases("response")
