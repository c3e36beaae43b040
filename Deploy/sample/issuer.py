# SPDX-License-Identifier: Apache-2.0
"""A development issuer: an RSA key, its JWKS file, and tokens signed through the openssl command. For trying out only.

    issuer.py new FOLDER                                   makes issuer.key and jwks.json there
    issuer.py token FOLDER --tenant T --tier B --user U    prints a signed token
        [--group G]… [--minutes N] [--issuer URL] [--audience A] [--algorithm none|RS256|HS256]
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

ISSUER = "https://issuer.example/demo"
AUDIENCE = "bulkhead-demo"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *arguments], input=stdin, check=True, capture_output=True).stdout


class Issuer:
    def __init__(self, folder):
        self.key = Path(folder) / "issuer.key"
        self.jwks = Path(folder) / "jwks.json"

    @classmethod
    def new(cls, folder):
        """Makes a 2048-bit key, readable by its owner alone, and the JWKS that belongs to it."""
        issuer = cls(folder)
        with open(os.open(issuer.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
        issuer.jwks.write_text(json.dumps({"keys": [issuer.public_key()]}, indent=2) + "\n")
        return issuer

    def public_key(self):
        line = openssl("rsa", "-in", str(self.key), "-noout", "-modulus").decode().strip()
        modulus = bytes.fromhex(line.split("=", 1)[1])
        kid = hashlib.sha256(modulus).hexdigest()[:16]
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": encoded(modulus), "e": "AQAB"}

    def sign(self, algorithm, data):
        if algorithm == "none":
            return b""
        if algorithm == "HS256":  # the classic confusion: the public key used as a shared secret
            return hmac.digest(openssl("pkey", "-in", str(self.key), "-pubout"), data, "sha256")
        return openssl("dgst", "-sha256", "-sign", str(self.key), stdin=data)

    def token(self, tenant, tier, user, groups=(), minutes=60, issuer=ISSUER, audience=AUDIENCE, algorithm="RS256"):
        kid = json.loads(self.jwks.read_text())["keys"][0]["kid"]
        now = int(time.time())
        claims = {
            "iss": issuer, "aud": audience, "sub": user, "tenant_id": tenant, "tier": tier, "groups": list(groups),
            "iat": now + min(0, minutes * 60), "exp": now + minutes * 60, "jti": secrets.token_hex(8),
        }
        header = {"alg": algorithm, "typ": "JWT", "kid": kid}
        text = encoded(json.dumps(header).encode()) + "." + encoded(json.dumps(claims).encode())
        return text + "." + encoded(self.sign(algorithm, text.encode()))


def main(arguments):
    parser = argparse.ArgumentParser(description="A development issuer.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("new").add_argument("folder")
    token = commands.add_parser("token")
    token.add_argument("folder")
    for name in ("--tenant", "--tier", "--user"):
        token.add_argument(name, required=True)
    token.add_argument("--group", action="append", default=[])
    token.add_argument("--minutes", type=int, default=60)
    token.add_argument("--issuer", default=ISSUER)
    token.add_argument("--audience", default=AUDIENCE)
    token.add_argument("--algorithm", choices=["RS256", "none", "HS256"], default="RS256")
    options = parser.parse_args(arguments)
    if options.command == "new":
        Issuer.new(options.folder)
        return 0
    print(Issuer(options.folder).token(
        options.tenant, options.tier, options.user, options.group, options.minutes,
        options.issuer, options.audience, options.algorithm))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
