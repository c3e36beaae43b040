# SPDX-License-Identifier: Apache-2.0
"""An agent that was written for one tenant: it makes each client once, from its environment, and hands nothing on itself.

`POST /invocations {"library": L}` makes one call with that library and answers what came of it. What carries the caller's
handle to the store is OpenTelemetry, which the operator starts it under (`opentelemetry-instrument python library_agent.py`).
PORT; STORE_URL, for libraries that have no variable of their own.
"""

import os

from flask import Flask, jsonify, request

STORE = os.environ["STORE_URL"]


def with_requests():
    import requests
    session = requests.Session()
    return lambda: session.get(f"{STORE}/notes/1").status_code


def with_httpx():
    import httpx
    client = httpx.Client(base_url=STORE)
    return lambda: client.get("/notes/1").status_code


def with_urllib():
    import urllib.request
    return lambda: urllib.request.urlopen(f"{STORE}/notes/1").status


def with_openai():
    import openai
    client = openai.OpenAI(max_retries=0)
    return lambda: client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])


def with_anthropic():
    import anthropic
    client = anthropic.Anthropic(max_retries=0)
    return lambda: client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])


def with_boto3():
    import boto3
    client = boto3.client("s3")
    return lambda: client.get_object(Bucket="documents", Key="a/b")


def with_chromadb():
    import chromadb
    # Its constructor already calls the server, so it is made in the first request.
    made = []

    def call():
        if not made:
            made.append(chromadb.Client())
        if step := request.get_json().get("document"):
            made[0].get_or_create_collection("notes", embedding_function=None).upsert(
                ids=["1"], documents=[step], embeddings=[[1.0, 0.0, 0.0]])
        return made[0].get_collection("notes", embedding_function=None).get()["documents"]
    return call


def with_opensearch():
    import opensearchpy
    client = opensearchpy.OpenSearch(STORE, max_retries=0)
    return lambda: client.search(index="notes", body={"query": {"match_all": {}}})


def with_elasticsearch():
    import elasticsearch
    client = elasticsearch.Elasticsearch(STORE, max_retries=0)
    return lambda: client.search(index="notes", query={"match_all": {}})


def with_qdrant():
    import qdrant_client
    client = qdrant_client.QdrantClient(url=STORE, check_compatibility=False)
    return lambda: client.get_collections()


def with_langgraph():
    import langgraph_sdk
    client = langgraph_sdk.get_sync_client(url=STORE)
    return lambda: client.threads.create()


def with_mem0():
    import mem0
    made = []

    def call():
        if not made:
            made.append(mem0.MemoryClient(host=STORE))
        return made[0].get_all(filters={"user_id": "u"})
    return call


app = Flask(__name__)
# As pools and clients are made in agents: once, and used for whoever calls.
CALLS = {}


@app.get("/ping")
def ping():
    return jsonify(status="Healthy")


@app.post("/invocations")
def invoke():
    library = request.get_json()["library"]
    if library not in CALLS:
        CALLS[library] = globals()[f"with_{library}"]()
    try:
        return jsonify(result=str(CALLS[library]()))
    except Exception as failure:  # The recorder answers what no client expects; what it was sent is what counts.
        return jsonify(failure=f"{type(failure).__name__}: {failure}")


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ["PORT"]), threaded=True)
