# SPDX-License-Identifier: Apache-2.0
"""AWS as ministack plays it with signatures and policies enforced, and something between Bulkhead and its STS that listens."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .process import LOOPBACK, Owned, answers, free_port

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tenant"
REGION = "us-east-1"
ROOT_KEYS = ("test", "test")


def client(service, endpoint, keys, **options):
    """boto3's own, with nothing changed but where it goes and what it signs with."""
    more = {"retries": {"max_attempts": 1}}
    if service == "s3":
        more["s3"] = {"addressing_style": options.pop("addressing", "path")}
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=keys[0],
                        aws_secret_access_key=keys[1], aws_session_token=keys[2] if len(keys) > 2 else None,
                        config=Config(**more, **options))


class Cloud:
    """ministack with AUTH=true, a role that tenants' sessions take, a bucket and two tables."""

    def __init__(self, folder, bucket="docs"):
        self.port = free_port()
        program = Path(os.environ.get("BULKHEAD_MINISTACK", ""))
        self.process = Owned("ministack", [program], Path(folder) / "ministack.log", {
            "AUTH": "true", "BIND_HOST": LOOPBACK, "GATEWAY_PORT": str(self.port), "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0"})
        self.process.await_ready(lambda: answers(self.port, "/_ministack/health"), seconds=60)
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        self.bucket = bucket
        self.prepare()

    def direct(self, service, keys=ROOT_KEYS, **options):
        return client(service, self.endpoint, keys, **options)

    def prepare(self):
        iam = self.direct("iam")
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {"Null": {"aws:RequestTag/tenant": "false"}}}]}
        iam.create_role(RoleName="tenant", AssumeRolePolicyDocument=json.dumps(trust), MaxSessionDuration=3600)
        allow = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:*", "dynamodb:*", "secretsmanager:*", "bedrock:*"], "Resource": "*"}]}
        iam.put_role_policy(RoleName="tenant", PolicyName="stores", PolicyDocument=json.dumps(allow))
        self.direct("s3").create_bucket(Bucket=self.bucket)
        self.direct("s3").put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        tables = self.direct("dynamodb")
        for name, key, sort in (("sessions", "pk", "sk"), ("facts", "id", None)):
            keys = [{"AttributeName": key, "KeyType": "HASH"}]
            attributes = [{"AttributeName": key, "AttributeType": "S"}]
            more = {}
            if sort:
                keys.append({"AttributeName": sort, "KeyType": "RANGE"})
                attributes += [{"AttributeName": sort, "AttributeType": "S"},
                               {"AttributeName": "owner", "AttributeType": "S"}]
                more["GlobalSecondaryIndexes"] = [{
                    "IndexName": "by-owner", "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"}}]
            tables.create_table(TableName=name, KeySchema=keys, AttributeDefinitions=attributes,
                                BillingMode="PAY_PER_REQUEST", **more)

    def stop(self):
        self.process.stop()


class Tap:
    """Between Bulkhead and STS: hands everything on, keeps what was asked and answered, and can be told to fail."""

    def __init__(self, target):
        self.target = target
        self.asked, self.answered = [], []
        # Answers that are given in place of STS's, one for each request: (status, body), or "reset".
        self.faults = []
        self.delay = None
        # Seconds that keys are said to live, in place of what STS says.
        self.lifetime = None
        self.running = self.peak = 0
        self.lock = threading.Lock()
        tap = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with tap.lock:
                    tap.running += 1
                    tap.peak = max(tap.peak, tap.running)
                    tap.asked.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
                    fault = tap.faults.pop(0) if tap.faults else None
                try:
                    if tap.delay is not None:
                        tap.delay.wait(10)
                    if fault == "reset":
                        self.close_connection = True
                        return
                    status, answer = fault or tap.forward(body, self.headers)
                    if tap.lifetime is not None:
                        end = datetime.now(timezone.utc) + timedelta(seconds=tap.lifetime)
                        answer = re.sub(rb"(?<=<Expiration>)[^<]+", end.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), answer)
                    tap.answered.append((status, answer))
                    self.send_response(status)
                    self.send_header("content-type", "text/xml")
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                finally:
                    with tap.lock:
                        tap.running -= 1

            def log_message(self, *_):
                pass

        self.handler = Handler
        self.port = 0
        self.open()
        self.endpoint = f"http://{LOOPBACK}:{self.port}"

    def open(self):
        """On its port again, where it was stopped."""
        self.server = ThreadingHTTPServer((LOOPBACK, self.port), self.handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forward(self, body, headers):
        connection = http.client.HTTPConnection(LOOPBACK, self.target, timeout=15)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in ("content-length", "connection")}
            connection.request("POST", "/", body=body, headers=kept)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def worthless(handle, key_file):
    """The key pair of a handle: its secret is an HMAC under a key that Bulkhead derives from its own."""
    own = Path(key_file).read_bytes().rstrip(b"\r\n")
    derived = HKDF(hashes.SHA256(), 32, None, b"bulkhead aws secret v1").derive(own)
    digest = hmac.new(derived, handle.encode(), hashlib.sha256).digest()
    return handle, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
