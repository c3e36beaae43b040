# SPDX-License-Identifier: Apache-2.0
"""Issuers that nobody here wrote: Cognito's API as ministack serves it, and nanoidp, which rotates its keys on request."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

import boto3

from .process import LOOPBACK, Owned, answers, free_port

PASSWORD = "Correct-Horse-9"


class Cognito:
    """A user pool with `custom:tenant_id` and `custom:tier`, and two app clients."""

    def __init__(self, ministack, folder):
        self.port = free_port()
        self.process = Owned("ministack", [ministack], Path(folder) / "ministack.log", folder=folder, environment={
            "AUTH": "true", "BIND_HOST": LOOPBACK, "GATEWAY_PORT": str(self.port), "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0"})
        self.process.await_ready(lambda: answers(self.port, "/_ministack/health"))
        self.api = boto3.client(
            "cognito-idp", endpoint_url=f"http://{LOOPBACK}:{self.port}", region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test")
        self.pool = self.new_pool("clinics")
        self.client = self.new_client("app")
        self.other_client = self.new_client("other-app")

    def new_pool(self, name):
        schema = [{"Name": n, "AttributeDataType": "String", "Mutable": True} for n in ("tenant_id", "tier")]
        return self.api.create_user_pool(PoolName=name, Schema=schema)["UserPool"]["Id"]

    def new_client(self, name, pool=None):
        return self.api.create_user_pool_client(
            UserPoolId=pool or self.pool, ClientName=name,
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])["UserPoolClient"]["ClientId"]

    @property
    def issuer(self):
        return f"https://cognito-idp.us-east-1.amazonaws.com/{self.pool}"

    @property
    def jwks_url(self):
        return f"http://{LOOPBACK}:{self.port}/{self.pool}/.well-known/jwks.json"

    def add_user(self, user, tenant, tier, groups=(), pool=None):
        pool = pool or self.pool
        attributes = [{"Name": "custom:tenant_id", "Value": tenant}, {"Name": "custom:tier", "Value": tier}]
        self.api.admin_create_user(
            UserPoolId=pool, Username=user, UserAttributes=attributes, MessageAction="SUPPRESS")
        self.api.admin_set_user_password(UserPoolId=pool, Username=user, Password=PASSWORD, Permanent=True)
        for group in groups:
            try:
                self.api.create_group(UserPoolId=pool, GroupName=group)
            except self.api.exceptions.GroupExistsException:
                pass
            self.api.admin_add_user_to_group(UserPoolId=pool, Username=user, GroupName=group)

    def sign_in(self, user, client=None):
        """What the pool hands out: IdToken, AccessToken, RefreshToken."""
        return self.api.initiate_auth(
            ClientId=client or self.client, AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": PASSWORD})["AuthenticationResult"]

    def stop(self):
        self.process.stop()


class NanoIDP:
    """An OpenID issuer with real key rotation. `tenant` is its own claim; the tier stands in `identity_class`."""

    audience = "my-app"

    def __init__(self, nanoidp, folder, users):
        self.program = nanoidp
        self.folder = Path(folder)
        self.port = free_port()
        configuration = self.folder / "config"
        configuration.mkdir(parents=True, exist_ok=True)
        settings = {
            "config_version": 1,
            "server": {"host": LOOPBACK, "port": self.port},
            "oauth": {
                "issuer": self.issuer, "audience": self.audience, "token_expiry_minutes": 60,
                "clients": [{"client_id": "demo-client", "client_secret": "demo-secret", "description": "tests"}] + [
                    {"client_id": f"{kind}-{tenant}", "client_secret": f"{tenant}-its_secret~1",
                     "token_endpoint_auth_method": f"client_secret_{kind}", "description": "a tenant's own"}
                    for tenant in sorted({of for of, _ in users.values()}) for kind in ("basic", "post")]},
            "jwt": {"max_previous_keys": 2},
        }
        accounts = {
            user: {"password": PASSWORD, "email": f"{user}@example.org", "roles": ["USER"], "groups": [],
                   "tenant": tenant, "identity_class": tier}
            for user, (tenant, tier) in users.items()}
        (configuration / "settings.yaml").write_text(json.dumps(settings))
        (configuration / "users.yaml").write_text(json.dumps({"config_version": 1, "users": accounts}))
        self.process = None
        self.start()

    @property
    def issuer(self):
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def jwks_url(self):
        return f"{self.issuer}/.well-known/jwks.json"

    def start(self):
        self.process = Owned(
            "nanoidp", [self.program, "--port", self.port, "--config", self.folder / "config"],
            self.folder / "nanoidp.log", folder=self.folder)
        self.process.await_ready(lambda: answers(self.port, "/.well-known/jwks.json"))

    def post(self, path, body=None, form=None):
        data, kind = (json.dumps(body or {}).encode(), "application/json")
        if form is not None:
            data, kind = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        request = urllib.request.Request(f"{self.issuer}{path}", data, {"content-type": kind})
        request.add_header("authorization", "Basic ZGVtby1jbGllbnQ6ZGVtby1zZWNyZXQ=")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def sign_in(self, user):
        return self.post("/token", form={
            "grant_type": "password", "username": user, "password": PASSWORD, "scope": "openid"})["access_token"]

    def rotate(self):
        return self.post("/api/keys/rotate")

    def stop(self):
        self.process.stop()
