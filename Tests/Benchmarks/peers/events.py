# SPDX-License-Identifier: Apache-2.0
"""An upstream of events: to each request a head and a first event at once, then some more a millisecond apart, each with
the time at which it left. `events.py PORT`."""

import asyncio
import sys
import time

EVENTS = 5
HEAD = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"
        b"transfer-encoding: chunked\r\n\r\n")


def event():
    text = b"data: %d\n\n" % time.monotonic_ns()
    return b"%x\r\n%b\r\n" % (len(text), text)


async def serve(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD + event())
            for _ in range(EVENTS - 1):
                await asyncio.sleep(0.001)
                writer.write(event())
            writer.write(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
