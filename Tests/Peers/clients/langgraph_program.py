# SPDX-License-Identifier: Apache-2.0
"""What an agent does with langgraph-sdk: threads, runs, states, the store. Prints what it saw, ids and times aside."""

import json
import sys
import uuid

from langgraph_sdk import get_sync_client

url, token, name = sys.argv[1:4]
client = get_sync_client(url=url, api_key=None, headers={"Authorization": f"Bearer {token}"} if token != "-" else {})
seen = {}
thread = client.threads.create(metadata={"of": name})
seen["metadata"] = thread["metadata"]
chosen = str(uuid.uuid4())
seen["chosen"] = client.threads.create(thread_id=chosen, if_exists="do_nothing")["thread_id"] == chosen
seen["again"] = client.threads.get(chosen)["thread_id"] == chosen
message = {"messages": [{"role": "user", "content": f"hello {name}"}]}
done = client.runs.wait(thread["thread_id"], "agent", input=message)
seen["answer"] = done["messages"][-1]["content"]
parts = list(client.runs.stream(thread["thread_id"], "agent", input=message, stream_mode=["values", "updates"]))
seen["events"] = [part.event for part in parts]
runs = client.runs.list(thread["thread_id"])
seen["runs"] = [len(runs), {run["run_id"] for run in runs} >= {part.data["run_id"] for part in parts if part.event == "metadata"},
                {run["thread_id"] for run in runs} == {thread["thread_id"]}]
seen["run"] = client.runs.get(thread["thread_id"], runs[0]["run_id"])["status"]
state = client.threads.get_state(thread["thread_id"])
seen["state"] = [len(state["values"]["messages"]), state["checkpoint"]["thread_id"] == thread["thread_id"],
                 sorted(key for key in state["metadata"] if "tenan" in key)]
seen["history"] = len(client.threads.get_history(thread["thread_id"], limit=50))
client.threads.update_state(thread["thread_id"], {"messages": [{"role": "user", "content": "more"}]})
seen["after"] = len(client.threads.get_state(thread["thread_id"])["values"]["messages"])
seen["updated"] = client.threads.update(thread["thread_id"], metadata={"extra": 1})["metadata"]
seen["found"] = sorted(found["thread_id"] == thread["thread_id"] for found in client.threads.search(metadata={"of": name}))
seen["all"] = len(client.threads.search(limit=100))
seen["stateless"] = client.runs.wait(None, "agent", input=message)["messages"][-1]["content"]
for space, key in ((["notes", "a"], "k"), (["notes", "b"], "k"), (["log"], "k")):
    client.store.put_item(space, key=key, value={"of": name, "in": space})
item = client.store.get_item(["notes", "a"], key="k")
seen["item"] = [item["namespace"], item["value"]]
seen["search"] = sorted([found["namespace"], found["key"]] for found in client.store.search_items(["notes"])["items"])
seen["everything"] = sorted(found["namespace"] for found in client.store.search_items([])["items"])
seen["spaces"] = sorted(client.store.list_namespaces()["namespaces"])
seen["shallow"] = sorted(client.store.list_namespaces(max_depth=1)["namespaces"])
client.store.delete_item(["log"], key="k")
seen["left"] = sorted(client.store.list_namespaces(prefix=["notes"])["namespaces"])
client.store.delete_item(["notes", "a"], key="k")
client.store.delete_item(["notes", "b"], key="k")
client.threads.delete(chosen)
client.threads.delete(thread["thread_id"])
seen["gone"] = len(client.threads.search(metadata={"of": name}))
seen["assistants"] = [found["graph_id"] for found in client.assistants.search()]
print(json.dumps(seen))
