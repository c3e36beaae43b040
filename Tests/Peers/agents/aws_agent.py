# SPDX-License-Identifier: Apache-2.0
"""An agent with one boto3 client, made once, that knows of AWS what its environment says and hands nothing on.

payload {"do": …}:
    put, get   {"key"} writes {"text"} to the bucket docs, or reads from there
    fetch      the keys themselves, as the SDK fetches them
    wait       answers when GET /go was called
GET /started says which process it is. PORT.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

STARTED = f"{os.getpid()}-{time.time_ns()}"
GO = threading.Event()
S3 = boto3.client("s3", config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))


def fetch():
    headers = {}
    if "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in os.environ:
        with open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], encoding="utf-8") as file:
            headers["Authorization"] = file.read()
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def do(payload):
    if payload["do"] == "wait":
        GO.wait(30)
        GO.clear()
        return {}
    if payload["do"] == "fetch":
        return fetch()
    try:
        if payload["do"] == "put":
            S3.put_object(Bucket="docs", Key=payload["key"], Body=payload["text"].encode())
            return {"process": STARTED}
        body = S3.get_object(Bucket="docs", Key=payload["key"])["Body"].read()
        return {"process": STARTED, "text": body.decode()}
    except ClientError as error:
        return {"process": STARTED, "error": error.response["Error"]["Code"]}


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/go":
            GO.set()
        self.answer({"started": STARTED} if self.path == "/started" else {"status": "Healthy", "time_of_last_update": 0})

    def do_POST(self):
        self.answer(do(json.loads(self.rfile.read(int(self.headers["content-length"])))))

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Agent).serve_forever()
