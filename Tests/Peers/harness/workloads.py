# SPDX-License-Identifier: Apache-2.0
"""Random work on memory stores: `steps` draws it, a player does it on one side and says what it saw, ids and times aside."""

import json
import re

TIMES = {"took", "created_at", "updated_at", "state_updated_at", "creation_date", "creation_time", "log_position", "store.size", "pri.store.size"}
IDS = {"uuid", "index_uuid", "_scroll_id", "pit_id", "thread_id", "run_id", "checkpoint", "parent_checkpoint", "checkpoint_id",
       "parent_checkpoint_id", "tasks", "id", "_shard", "_node", "size"}


def plain(value):
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if key not in TIMES | IDS}
    if isinstance(value, list):
        return [plain(part) for part in value]
    # An index's own id in a text.
    return re.sub(r"osmem[0-9a-f]{12,}", "ID", value) if isinstance(value, str) else value


class Player:
    """One tenant on one side."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.known = {}

    def do(self, step):
        name, *arguments = step
        return getattr(self, name)(*arguments)

    def call(self, method, path, body=None):
        answer = self.tenant.send(method, path, body)
        return answer.status, answer.json() if answer.body else None

    def told(self, method, path, body=None):
        status, value = self.call(method, path, body)
        return status, plain(value)


class OpenSearch(Player):
    INDICES = ["notes", "log-1", "log-2", "people"]

    @classmethod
    def step(cls, random):
        index, number = random.choice(cls.INDICES), random.randrange(6)
        pattern = random.choice([index, "log-*", "notes,people", "_all", "*", "*,-log-1", "nothing"])
        query = random.choice([{"match_all": {}}, {"term": {"n": number}}, {"bool": {"must_not": [{"term": {"n": number}}]}},
                               {"match": {"text": random.choice(["tea", "milk", "sugar"])}}, {"terms": {"n": [number, 1]}}])
        return random.choice([
            ("write", index, number, random.choice(["tea", "milk", "tea and sugar"])), ("write", index, number, "tea"),
            ("told", "GET", f"/{index}/_doc/{number}"), ("told", "DELETE", f"/{index}/_doc/{number}?refresh=true"),
            ("told", "POST", f"/{index}/_update/{number}?refresh=true", {"doc": {"seen": number}}),
            ("search", pattern, query), ("search", "", query), ("told", "POST", f"/{pattern}/_count", {"query": query}),
            ("told", "POST", "/_mget", {"docs": [{"_index": index, "_id": str(number)}, {"_index": "notes", "_id": "1"}]}),
            ("bulk", index, number), ("msearch", pattern, query), ("told", "GET", f"/{pattern}/_mapping"), ("told", "DELETE", f"/{index}"),
            ("told", "PUT", f"/{index}", {"mappings": {"properties": {"n": {"type": "integer"}}}}), ("told", "PUT", f"/{index}/_alias/now"),
            ("told", "GET", "/_alias"), ("listed",), ("told", "GET", f"/{index}"), ("scrolled", pattern),
            ("told", "POST", f"/{pattern}/_delete_by_query?refresh=true", {"query": {"term": {"n": number}}}),
        ])

    def write(self, index, number, text):
        return self.told("PUT", f"/{index}/_doc/{number}?refresh=true", {"n": number, "text": text})

    def search(self, pattern, query):
        path = f"/{pattern}/_search" if pattern else "/_search"
        status, found = self.told("POST", path, {"query": query, "size": 50})
        if status == 200:
            found["hits"]["hits"].sort(key=json.dumps)
            del found["_shards"]
        return status, found

    def bulk(self, index, number):
        lines = [{"index": {"_index": index, "_id": str(number)}}, {"n": number, "text": "milk"}, {"delete": {"_index": "notes", "_id": "2"}},
                 {"update": {"_index": index, "_id": "1"}}, {"doc": {"n": 1}}]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        return self.told("POST", "/_bulk?refresh=true", body.encode())

    def msearch(self, pattern, query):
        body = "".join(json.dumps(line) + "\n" for line in ({"index": pattern}, {"query": query, "size": 0}, {}, {"size": 0}))
        status, found = self.told("POST", "/_msearch", body.encode())
        for part in (found or {}).get("responses", []):
            part.pop("_shards", None)
        return status, found

    def listed(self):
        status, lines = self.call("GET", "/_cat/indices?format=json")
        return status, sorted((line["index"], line["docs.count"]) for line in lines)

    def scrolled(self, pattern):
        status, page = self.call("POST", f"/{pattern}/_search?scroll=1m", {"size": 2, "sort": ["_doc"]})
        seen = []
        while status == 200 and page["hits"]["hits"]:
            seen += [(hit["_index"], hit["_id"]) for hit in page["hits"]["hits"]]
            status, page = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        if status == 200:
            self.call("DELETE", "/_search/scroll", {"scroll_id": page["_scroll_id"]})
        return status, sorted(seen)


class LangGraph(Player):
    @classmethod
    def step(cls, random):
        thread, key = random.randrange(4), str(random.randrange(3))
        space = random.choice([["notes"], ["notes", "a"], ["log"], ["notes", "b", "c"]])
        prefix = random.choice([[], ["notes"], ["log"], ["none"]])
        return random.choice([
            ("create", thread), ("get", thread, ""), ("get", thread, "/state"), ("patch", thread, key), ("run", thread, key), ("delete", thread),
            ("found", {"k": key}), ("found", {}), ("told", "POST", "/threads/count", {}), ("get", thread, "/runs"),
            ("told", "PUT", "/store/items", {"namespace": space, "key": key, "value": {"in": space, "n": thread}}),
            ("told", "GET", f"/store/items?namespace={'.'.join(space)}&key={key}"), ("told", "DELETE", "/store/items", {"namespace": space, "key": key}),
            ("items", prefix), ("items", prefix), ("spaces", prefix, random.choice([None, 1, 2])),
        ])

    def path(self, thread, rest):
        return f"/threads/{self.known.get(thread, '6e4f1dd6-0000-4000-8000-00000000000' + str(thread))}{rest}"

    def create(self, thread):
        status, made = self.call("POST", "/threads", {"metadata": {"k": str(thread)}})
        self.known[thread] = made["thread_id"]
        return status, plain(made)

    def get(self, thread, rest):
        status, value = self.call("GET", self.path(thread, rest))
        if status != 200:
            return status
        if rest == "/state":
            return status, [message["content"] for message in (value["values"] or {}).get("messages", [])], value["next"]
        if rest == "/runs":
            return status, sorted(run["status"] for run in value)
        return status, plain(value)["metadata"]

    def patch(self, thread, key):
        status, value = self.call("PATCH", self.path(thread, ""), {"metadata": {"k": key}})
        return status, value["metadata"] if status == 200 else None

    def run(self, thread, text):
        body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": text}]}}
        status, value = self.call("POST", self.path(thread, "/runs/wait"), body)
        return status, [message["content"] for message in value["messages"]] if status == 200 else None

    def delete(self, thread):
        status, _ = self.call("DELETE", self.path(thread, ""))
        self.known.pop(thread, None)
        return status

    def found(self, metadata):
        status, value = self.call("POST", "/threads/search", {"metadata": metadata, "limit": 1000})
        return status, sorted(json.dumps(thread["metadata"], sort_keys=True) for thread in value)

    def items(self, prefix):
        status, value = self.call("POST", "/store/items/search", {"namespace_prefix": prefix, "limit": 1000})
        return status, sorted(json.dumps([item["namespace"], item["key"], item["value"]]) for item in value["items"]) if status == 200 else None

    def spaces(self, prefix, depth):
        status, value = self.call("POST", "/store/namespaces", {"prefix": prefix, **({"max_depth": depth} if depth else {})})
        return status, sorted(value["namespaces"]) if status == 200 else None


class Chroma(Player):
    BASE = "/api/v2/tenants/default_tenant/databases/default_database"

    @classmethod
    def step(cls, random):
        name, number = random.choice(["notes", "people", "logs"]), random.randrange(8)
        vector = [random.random() for _ in range(3)]
        return random.choice([
            ("create", name), ("create", name), ("count",), ("names",), ("get", name), ("remove", name), ("add", name, number, vector), ("add", name, number, vector),
            ("records", name, number), ("near", name, vector), ("size", name), ("forget", name, number), ("rename", name),
        ])

    def collection(self, name, rest):
        return f"{self.BASE}/collections/{self.known.get(name, '6e4f1dd6-0000-4000-8000-000000000001')}{rest}"

    def create(self, name):
        status, made = self.call("POST", f"{self.BASE}/collections", {"name": name, "get_or_create": True, "metadata": {"of": name}})
        if status == 200:
            self.known[name] = made["id"]
        return status, {key: made.get(key) for key in ("name", "tenant", "database", "metadata")}

    def count(self):
        return self.told("GET", f"{self.BASE}/collections_count")

    def names(self):
        status, listed = self.call("GET", f"{self.BASE}/collections")
        return status, sorted(one["name"] for one in listed)

    def get(self, name):
        status, one = self.call("GET", f"{self.BASE}/collections/{name}")
        return status, (one["name"], one["id"] == self.known.get(name), one["tenant"]) if status == 200 else None

    def remove(self, name):
        status, _ = self.call("DELETE", f"{self.BASE}/collections/{name}")
        self.known.pop(name, None)
        return status

    def add(self, name, number, vector):
        body = {"ids": [str(number)], "embeddings": [vector], "documents": [f"{name} {number}"], "metadatas": [{"n": number}]}
        return self.call("POST", self.collection(name, "/upsert"), body)[0]

    def records(self, name, number):
        status, value = self.call("POST", self.collection(name, "/get"), {"where": {"n": {"$lte": number}}, "include": ["documents", "metadatas"]})
        return status, sorted(zip(value["ids"], value["documents"])) if status == 200 else None

    def near(self, name, vector):
        status, value = self.call("POST", self.collection(name, "/query"), {"query_embeddings": [vector], "n_results": 3, "include": ["documents"]})
        return status, (value["ids"], value["documents"]) if status == 200 else None

    def size(self, name):
        return self.told("GET", self.collection(name, "/count")) if name in self.known else None

    def forget(self, name, number):
        return self.call("POST", self.collection(name, "/delete"), {"ids": [str(number)]})[0]

    def rename(self, name):
        return self.call("PUT", self.collection(name, ""), {"new_metadata": {"of": "again"}})[0]
