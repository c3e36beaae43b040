# SPDX-License-Identifier: Apache-2.0
"""A store that answers everything at once with the same few bytes: load tests are about what stands in front of it."""

import asyncio
import os

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


class Store(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        """Counts heads; the load has no bodies."""
        self.pending += data
        heads = self.pending.count(b"\r\n\r\n")
        if heads:
            self.pending = self.pending.rsplit(b"\r\n\r\n", 1)[1]
            self.transport.write(ANSWER * heads)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Store, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
