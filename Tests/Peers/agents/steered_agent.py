# SPDX-License-Identifier: Apache-2.0
"""An agent on bare sockets that does what a test steers it to, so that no test has to rely on timing.

POST /invocations with a JSON body {"do": …}:
    slow      {"events": n, "delay": s}  server-sent events, slowly
    gated     one event, and the next only after GET /gate/open?name=… was called
    flood     an endless body; GET /flood tells how many bytes went out
    sink      answers with the count of body bytes once GET /gate/open?name=… lets it read
    raw       {"bytes": text, "close": true|false}: those bytes for an answer, whatever they mean
    headers   the request head as it arrived, and on which of the agent's connections
GET /ping answers as the AgentCore contract says; GET /stats counts requests.
"""

import asyncio
import json
import os

CHUNK = b"x" * 65536


class Agent:
    def __init__(self):
        self.gates = {}
        self.flooded = 0
        self.requests = 0
        self.connections = 0

    def gate(self, name):
        return self.gates.setdefault(name, asyncio.Event())

    async def serve(self, reader, writer):
        self.connections += 1
        connection = self.connections
        try:
            while await self.exchange(reader, writer, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer, connection):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        method, target, _ = line.split(" ")
        headers = [tuple(part.strip() for part in field.split(":", 1)) for field in rest if field]
        values = {name.lower(): value for name, value in headers}
        if method == "GET":
            await self.control(target, writer)
            return True
        self.requests += 1
        count = int(values.get("content-length", "0"))
        if "x-test-sink" in values:
            await self.gate(values["x-test-sink"]).wait()
        body = await self.body(reader, values, count)
        if "x-test-sink" in values:
            await self.whole(writer, {"bytes": len(body)})
            return True
        request = json.loads(body or b"{}")
        what = request.get("do", "headers")
        if what == "slow":
            await self.events(writer, request.get("events", 3), request.get("delay", 0.01))
        elif what == "gated":
            await self.gated(writer, request["name"])
        elif what == "flood":
            await self.flood(writer)
        elif what == "raw":
            writer.write(request["bytes"].encode("latin-1"))
            await writer.drain()
            return not request.get("close", False)
        else:
            await self.whole(writer, {"line": line, "headers": headers, "body": request, "connection": connection})
        return True

    async def body(self, reader, values, count):
        if values.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(count)
        data = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            data += await reader.readexactly(size)
            await reader.readexactly(2)
        while (await reader.readline()).strip():
            pass
        return data

    async def control(self, target, writer):
        path, _, query = target.partition("?")
        if path == "/gate/open":
            self.gate(query.removeprefix("name=")).set()
        answer = {"/ping": {"status": "Healthy", "time_of_last_update": 0}, "/flood": {"bytes": self.flooded}}
        await self.whole(writer, answer.get(path, {"requests": self.requests}))

    async def whole(self, writer, value):
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def start_events(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")

    async def event(self, writer, text):
        data = f"data: {text}\n\n".encode()
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()

    async def events(self, writer, count, delay):
        self.start_events(writer)
        for number in range(count):
            await self.event(writer, json.dumps({"number": number}))
            await asyncio.sleep(delay)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def gated(self, writer, name):
        self.start_events(writer)
        await self.event(writer, "first")
        await self.gate(name).wait()
        await self.event(writer, "second")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def flood(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(f"{len(CHUNK):x}\r\n".encode() + CHUNK + b"\r\n")
            await writer.drain()
            self.flooded += len(CHUNK)


async def main():
    server = await asyncio.start_server(Agent().serve, "127.0.0.1", int(os.environ["PORT"]), reuse_address=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
