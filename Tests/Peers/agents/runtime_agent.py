# SPDX-License-Identifier: Apache-2.0
"""An agent on the bedrock-agentcore SDK, as its guide says to write one. It has never heard of Bulkhead.

payload {"do": …}:
    echo      gives back what the handler can see: payload, session id, headers
    stream    n numbered events, `delay` seconds apart
    chroma    {"step": "add"|"query"|"list", "collection", …} with Chroma's own client and the caller's Authorization
"""

import asyncio
import os

import chromadb
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


def chroma(payload, headers):
    client = chromadb.HttpClient(
        host="127.0.0.1", port=int(os.environ["CHROMA_PORT"]), headers={"Authorization": headers["Authorization"]})
    if payload["step"] == "list":
        return sorted(collection.name for collection in client.list_collections())
    collection = client.get_or_create_collection(payload["collection"], embedding_function=None)
    if payload["step"] == "add":
        collection.add(ids=payload["ids"], documents=payload["documents"], embeddings=payload["embeddings"])
        return {"id": str(collection.id), "count": collection.count()}
    found = collection.query(query_embeddings=payload["embeddings"], n_results=payload.get("n", 5))
    return {"ids": found["ids"][0], "documents": found["documents"][0]}


@app.entrypoint
async def handler(payload, context):
    headers = dict(context.request_headers or {})
    what = payload.get("do", "echo")
    if what == "stream":
        async def events():
            for number in range(payload.get("n", 5)):
                yield {"number": number, "says": payload.get("says")}
                await asyncio.sleep(payload.get("delay", 0))
        return events()
    if what == "chroma":
        return await asyncio.to_thread(chroma, payload, headers)
    return {"payload": payload, "session": context.session_id, "headers": headers}


@app.websocket
async def socket(websocket, context):
    await websocket.accept()
    async for message in websocket.iter_json():
        await websocket.send_json({"echo": message, "headers": dict(context.request_headers or {})})
        if message == "bye":
            await websocket.close()
            return


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]), host="127.0.0.1")
