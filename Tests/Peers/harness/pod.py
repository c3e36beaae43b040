# SPDX-License-Identifier: Apache-2.0
"""A pod's network: `python pod.py RULES` in a new network namespace, with a store in another one at the end of a cable.

Prints as JSON who reaches what before and after the shell script RULES.
"""

import json
import os
import subprocess
import sys

from hull import AGENT, BULKHEAD, PYTHON, as_user, run, serve

TRY = "import socket, sys; socket.create_connection((sys.argv[1], 8000), timeout=2).close()"
PLACES = {"store": "10.78.0.2", "loopback": "127.0.0.1"}
STORE = """
import socket, sys
input()
server = socket.create_server(("10.78.0.2", 8000))
print("ready", flush=True)
while True: server.accept()[0].close()
"""


def reached(uid):
    return [name for name, address in PLACES.items()
            if subprocess.run(as_user(uid, PYTHON, "-c", TRY, address), capture_output=True).returncode == 0]


def main():
    store = subprocess.Popen(["unshare", "--net", PYTHON, "-c", "print(flush=True)\n" + STORE], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    store.stdout.readline()
    there = ["nsenter", "-t", store.pid, "-n"]
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "pod0", "type", "veth", "peer", "name", "store0", "netns", store.pid)
    for prefix, device, address in (([], "pod0", "10.78.0.1/24"), (there, "store0", "10.78.0.2/24")):
        run(*prefix, "ip", "address", "add", address, "dev", device)
        run(*prefix, "ip", "link", "set", device, "up")
    store.stdin.write("\n")
    store.stdin.flush()
    assert store.stdout.readline() == "ready\n"
    serve("127.0.0.1", 8000, uid=BULKHEAD)
    result = {}
    for moment in ("before", "after"):
        if moment == "after":
            run("sh", "-ec", sys.argv[1])
        result[moment] = {"bulkhead": reached(BULKHEAD), "agent": reached(AGENT)}
    print(json.dumps(result), flush=True)
    os._exit(0)


main()
