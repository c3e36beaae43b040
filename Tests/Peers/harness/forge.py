# SPDX-License-Identifier: Apache-2.0
"""An issuer whose key the tests hold, so that they can sign what no honest issuer would."""

import base64
import hashlib
import hmac
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    """Header and claims of a token, unverified."""
    header, claims, _ = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(claims))


class Forge:
    issuer = "https://workforce.example/"
    audience = "clinic-app"

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_pem(self):
        return self.rsa.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwks(self):
        keys = []
        for algorithm, kid, key in (("RS256", "forge-rsa", self.rsa), ("ES256", "forge-ec", self.ec)):
            jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
            keys.append({**{k: v for k, v in jwk.items() if k != "key_ops"}, "kid": kid, "use": "sig", "alg": algorithm})
        return {"keys": keys}

    def claims(self, tenant, tier, user="u1", **changes):
        """Claims that pass; a change of None takes one out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.audience, "sub": user, "tenant_id": tenant, "tier": tier,
            "groups": [], "iat": now, "exp": now + 3600, "jti": secrets.token_hex(8), **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, tenant, tier, user="u1", *, algorithm="RS256", header=None, key=None, **changes):
        kid = "forge-ec" if algorithm == "ES256" else "forge-rsa"
        key = key or (self.ec if algorithm == "ES256" else self.rsa)
        return jwt.encode(self.claims(tenant, tier, user, **changes), key, algorithm, {"kid": kid, **(header or {})})

    def unsigned(self, tenant, tier, user="u1"):
        header = {"alg": "none", "typ": "JWT", "kid": "forge-rsa"}
        return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(self.claims(tenant, tier, user)).encode())}."

    def confused(self, tenant, tier, user="u1"):
        """HS256 with the public key as the shared secret."""
        header = {"alg": "HS256", "typ": "JWT", "kid": "forge-rsa"}
        text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(self.claims(tenant, tier, user)).encode())}"
        return f"{text}.{encoded(hmac.new(self.public_pem, text.encode(), hashlib.sha256).digest())}"

    def broken(self, tenant, tier, user="u1"):
        """A token whose signature had one bit turned over."""
        head, body, signature = self.token(tenant, tier, user).split(".")
        raw = bytearray(decoded(signature))
        raw[17] ^= 1
        return f"{head}.{body}.{encoded(bytes(raw))}"
