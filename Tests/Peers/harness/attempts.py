# SPDX-License-Identifier: Apache-2.0
"""What one tenant may try against another's data: (method, path, body, headers), with <names> for what is known at run time.

The attacker knows everything: the other's compartment, the real ids inside the store, and the ids that the other was
shown. Bodies are JSON values, or bytes where the text itself is the attack."""

import base64
import gzip
import json

THEIRS = "t6globex"
JSON = {"Content-Type": "application/json"}


def spellings(index):
    """Ways to write the name of an index that is somebody else's."""
    whole = f"{THEIRS}-{index}"
    return [
        whole, f"*{index}", "*", "_all", f"{whole},mem", f"mem,{whole}", f"{THEIRS}*", f"-nothing,{THEIRS}-*", f"*,-mem",
        f"..%2f{whole}", f"%2e%2e%2f{whole}", f"mem%2c{whole}", f"mem%2C{THEIRS}-%2A", f"%2A", f"%5Fall", f"%74%36globex-{index}",
        f"<{whole}>", f"%3C{whole}%3E", f"%3C{THEIRS}-%7Bnow%2Fd%7D%3E", f"cluster:{whole}", f"*:{whole}", f"*:*", f"+{whole}", f"mem,-*,{whole}",
        f"_{whole}", f".{whole}", f"mem;{whole}", f"mem%00{whole}", f"mem%0a{whole}", f"mem/{whole}", f"{whole.upper()}",
        f"mem,,{whole}", f",{whole}", f"{whole},", "", " ", f"mem%20,{whole}", f"t4acme-mem,{whole}", "t4acme-*,t*", "?6globex-mem", "t?globex-*",
    ]


def opensearch():
    out = []
    match = {"query": {"match_all": {}}}
    for name in spellings("mem"):
        out += [
            ("GET", f"/{name}/_search", None, {}), ("POST", f"/{name}/_search", match, {}), ("GET", f"/{name}/_doc/1", None, {}),
            ("POST", f"/{name}/_count", match, {}), ("GET", f"/{name}/_mapping", None, {}), ("DELETE", f"/{name}", None, {}),
            ("PUT", f"/{name}/_doc/1", {"of": "acme"}, {}), ("POST", f"/{name}/_delete_by_query", match, {}),
        ]
    for name in ["t6globex-mem", "*", "_all", "", None, [], ["t6globex-mem"], ["mem", "t6globex-mem"], ["*", "-mem"], {"x": 1}, 1,
                 "mem,t6globex-mem", "<t6globex-mem>", "c:t6globex-mem", "-mem,t6globex-*", "\u0000t6globex-mem", "../t6globex-mem"]:
        lines = json.dumps({"index": name}) + "\n" + json.dumps(match) + "\n"
        action = json.dumps({"index": {"_index": name, "_id": "1"}}) + '\n{"of":"acme"}\n'
        out += [
            ("POST", "/_msearch", lines.encode(), JSON), ("POST", "/mem/_msearch", lines.encode(), JSON),
            ("POST", "/_bulk?refresh=true", action.encode(), JSON), ("POST", "/mem/_bulk", action.encode(), JSON),
            ("POST", "/_mget", {"docs": [{"_index": name, "_id": "1"}]}, {}), ("POST", "/mem/_mget", {"docs": [{"_index": name, "_id": "1"}]}, {}),
            ("POST", "/_reindex?refresh=true", {"source": {"index": name}, "dest": {"index": "stolen"}}, {}),
            ("POST", "/_aliases", {"actions": [{"add": {"index": name, "alias": "theirs"}}]}, {}),
        ]
    hidden = [
        {"terms": {"of": {"index": "t6globex-mem", "id": "1", "path": "of"}}},
        {"terms": {"of": {"\u0069ndex": "t6globex-mem", "id": "1", "path": "of"}}},
        {"percolate": {"field": "q", "index": "t6globex-mem", "id": "1"}},
        {"geo_shape": {"g": {"indexed_shape": {"index": "t6globex-mem", "id": "1", "path": "of"}}}},
        {"more_like_this": {"like": [{"_index": "t6globex-mem", "_id": "1"}], "min_term_freq": 1, "min_doc_freq": 1}},
        {"more_like_this": {"like": {"_index": "t6globex-mem", "_id": "1"}}},
        {"pinned": {"docs": [{"_index": "t6globex-mem", "_id": "1"}], "organic": {"match_all": {}}}},
        {"wrapper": {"query": base64.b64encode(json.dumps({"match_all": {}}).encode()).decode()}},
        {"script": {"script": {"id": "stored"}}}, {"template": {"id": "stored"}},
        {"neural": {"v": {"query_text": "x", "model_id": "m"}}}, {"has_child": {"type": "x", "query": {"match_all": {}}, "inner_hits": {}}},
    ]
    for query in hidden:
        for wrap in (lambda q: q, lambda q: {"bool": {"must": [q]}}, lambda q: {"bool": {"must_not": {"bool": {"should": [q, {"match_all": {}}]}}}},
                     lambda q: {"function_score": {"functions": [{"filter": q, "weight": 1}]}}, lambda q: {"nested": {"path": "p", "query": q}}):
            out.append(("POST", "/mem/_search", {"query": wrap(query)}, {}))
        out += [
            ("POST", "/mem/_search", {"post_filter": query}, {}), ("POST", "/mem/_search", {"aggs": {"a": {"filter": query}}}, {}),
            ("POST", "/mem/_search", {"rescore": {"query": {"rescore_query": query}}}, {}),
            ("POST", "/_msearch", ('{"index":"mem"}\n' + json.dumps({"query": query}) + "\n").encode(), JSON),
            ("POST", "/mem/_delete_by_query", {"query": query}, {}), ("PUT", "/aliased", {"aliases": {"x": {"filter": query}}}, {}),
        ]
    packed = gzip.compress(b'{"query":{"match_all":{}}}')
    out += [
        ("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": "<scroll>"}, {}), ("GET", "/_search/scroll/<scroll>", None, {}),
        ("POST", "/_search/scroll", {"scroll_id": "<real scroll>"}, {}), ("DELETE", "/_search/scroll", {"scroll_id": "<scroll>"}, {}),
        ("DELETE", "/_search/scroll", {"scroll_id": ["<real scroll>"]}, {}), ("DELETE", "/_search/scroll/_all", None, {}),
        ("POST", "/_search", {"pit": {"id": "<pit>"}}, {}), ("POST", "/_search", {"pit": {"id": "<real pit>"}}, {}),
        ("DELETE", "/_search/point_in_time", {"pit_id": ["<pit>"]}, {}), ("DELETE", "/_search/point_in_time/_all", None, {}),
        ("GET", "/_search/point_in_time/_all", None, {}), ("POST", "/mem/_search", packed, {**JSON, "Content-Encoding": "gzip"}),
        ("POST", "/mem/_search", b'{"query":{"match_all":{}},"query":{"percolate":{}}}', JSON),
        ("POST", "/mem/_search", b'{"qu\\u0065ry":{"percolate":{}}}', JSON), ("POST", "/mem/_search", b'{"query":', JSON),
        ("POST", "/mem/_search", b"\xef\xbb\xbf{}", JSON), ("POST", "/mem/_search", '{"query":{"match_all":{}}}'.encode("utf-16"), JSON),
        ("POST", "/mem/_search", b"{}", {"Content-Type": "application/json; charset=utf-7"}), ("POST", "/mem/_search", b"{}", {"Content-Type": "text/plain"}),
        ("POST", "/mem/_search", b'{"a":' * 5000, JSON), ("GET", "/mem/_search?source={}&source_content_type=application/json", None, {}),
        ("GET", "/_search?index=t6globex-mem", None, {}), ("GET", "/mem/_search?q=of:globex&q=*", None, {}),
        ("GET", "/_cat/indices?format=json", None, {}), ("GET", "/_cat/indices", None, {}), ("GET", "/_cat/indices/t6globex-mem?format=json", None, {}),
        ("GET", "/_cat/aliases?format=json", None, {}), ("GET", "/_cat/shards?format=json", None, {}), ("GET", "/_cat/nodes", None, {}),
        ("GET", "/_stats", None, {}), ("GET", "/_nodes", None, {}), ("GET", "/_cluster/state", None, {}), ("GET", "/_cluster/health?level=indices", None, {}),
        ("GET", "/_alias", None, {}), ("GET", "/_alias/*", None, {}), ("GET", "/_mapping", None, {}), ("GET", "/_settings", None, {}), ("GET", "/_settings?expand_wildcards=all", None, {}), ("GET", "/_settings?index=t6globex-mem", None, {}),
        ("GET", "/_mapping?expand_wildcards=all", None, {}),
        ("GET", "/_resolve/index/*", None, {}), ("POST", "/_sql", {"query": "select * from t6globex-mem"}, {}), ("POST", "/_plugins/_sql", {"query": "x"}, {}),
        ("PUT", "/_scripts/x", {"script": {"lang": "painless", "source": "1"}}, {}), ("PUT", "/_ingest/pipeline/x", {"processors": []}, {}),
        ("POST", "/mem/_doc?pipeline=x", {"a": 1}, {}), ("PUT", "/_snapshot/x", {"type": "fs"}, {}), ("POST", "/_tasks/_cancel", None, {}),
        ("PUT", "/_cluster/settings", {"persistent": {}}, {}), ("PUT", "/_index_template/x", {"index_patterns": ["*"]}, {}),
        ("POST", "/_reindex", {"source": {"remote": {"host": "http://127.0.0.1:1"}, "index": "x"}, "dest": {"index": "y"}}, {}),
        ("POST", "/mem/_search/template", {"source": {"query": {"match_all": {}}}}, {}), ("POST", "/_render/template", {"source": {}}, {}),
        ("GET", "/mem/_search", None, {"X-Tenant-Id": "globex"}), ("POST", "/mem/_search", {"indices_boost": [{"t6globex-mem": 2}]}, {}),
        ("POST", "/t4acme-mem/../t6globex-mem/_search", None, {}), ("GET", "//t6globex-mem/_search", None, {}),
        ("POST", "/mem/_search", {"suggest": {"s": {"text": "x", "phrase": {"field": "of", "collate": {"query": {"source": {}}}}}}}, {}),
    ]
    return out


def langgraph():
    out = []
    for thread in ("<thread>", "<real thread>", "<thread upper>", "<thread bare>", "00000000-0000-0000-0000-000000000000", "..", "%2e%2e", "*", "<thread>%00",
                   "<thread>%2fstate", "<thread>;x", "{<thread>}", "<thread>,<real thread>"):
        out += [("GET", f"/threads/{thread}{rest}", None, {}) for rest in ("", "/state", "/history", "/runs", "/state/x", "/storage", "/stream")]
        out += [
            ("DELETE", f"/threads/{thread}", None, {}), ("PATCH", f"/threads/{thread}", {"metadata": {"of": "acme"}}, {}),
            ("POST", f"/threads/{thread}/copy", {}, {}), ("POST", f"/threads/{thread}/state", {"values": None}, {}),
            ("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "agent", "input": {"messages": []}}, {}),
            ("POST", "/runs/wait", {"assistant_id": "agent", "input": {"messages": []}, "config": {"configurable": {"thread_id": thread}}}, {}),
            ("POST", "/threads/search", {"ids": [thread]}, {}), ("POST", "/threads/prune", {"thread_ids": [thread]}, {}),
            ("POST", "/threads/<mine>/history", {"before": {"thread_id": thread}}, {}),
            ("POST", "/threads/<mine>/state/checkpoint", {"checkpoint": {"thread_id": thread, "checkpoint_id": "x"}}, {}),
        ]
    for metadata in ({"of": "<secret>"}, {"tenancy_owner": "t6globex"}, {"tenancy_owner": {"$ne": "x"}}, {"tenancy\u005fowner": "t6globex"}, {}, None, {"$or": [{}]}):
        out += [("POST", path, {"metadata": metadata}, {}) for path in ("/threads/search", "/threads/count")]
        written = {} if metadata == {"of": "<secret>"} else metadata
        out.append(("POST", "/threads", {"metadata": written, "thread_id": "<real thread>", "if_exists": "do_nothing"}, {}))
    for space in ([], None, ["t6globex"], ["t6globex", "mem"], ["*"], ["*", "mem"], [""], ["..", "t6globex"], ["t4acme", "t6globex"], ["t4acme.t6globex"], [None], [1], [["t6globex"]],
                  "t6globex", {"0": "t6globex"}):
        out += [
            ("POST", "/store/items/search", {"namespace_prefix": space}, {}), ("POST", "/store/namespaces", {"prefix": space}, {}),
            ("POST", "/store/namespaces", {"suffix": space}, {}), ("PUT", "/store/items", {"namespace": space, "key": "1", "value": {"of": "acme"}}, {}),
            ("DELETE", "/store/items", {"namespace": space, "key": "1"}, {}),
        ]
    for space in ("t6globex.mem", "*.mem", "", ".", "..t6globex.mem", "t6globex%2Emem", "t6globex.mem&namespace=t6globex.mem", "%00t6globex.mem", "mem&name%73pace=t6globex.mem"):
        out.append(("GET", f"/store/items?namespace={space}&key=1", None, {}))
    out += [
        ("GET", "/store/items?key=1", None, {}), ("POST", "/runs/cancel", {"status": "all"}, {}), ("POST", "/runs/crons/search", {}, {}),
        ("POST", "/assistants", {"graph_id": "agent"}, {}), ("DELETE", "/assistants/fe096781-5601-53d2-b2f6-0d3403f7e9ca", None, {}),
        ("POST", "/a2a/agent", {"jsonrpc": "2.0", "id": "1", "method": "tasks/get", "params": {"id": "x", "contextId": "<real thread>"}}, {}),
        ("POST", "/mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {}), ("GET", "/metrics", None, {}), ("GET", "/docs", None, {}), ("GET", "/openapi.json", None, {}),
        ("POST", "/threads/<mine>/runs", {"assistant_id": "agent", "webhook": "http://127.0.0.1:1/"}, {}),
        ("POST", "/store/items/search", b'{"namespace_prefix":["mem"],"namespace_prefix":[]}', JSON), ("POST", "/store/items/search", b'{"namespace\\u005fprefix":[]}', JSON),
        ("POST", "/threads/search", b'{"metadata":{"tenancy_owner":"t6globex"},"metadata":{}}', JSON), ("POST", "/threads/search", {"select": ["thread_id"]}, {}),
        ("POST", "/threads/search", gzip.compress(b"{}"), {**JSON, "Content-Encoding": "gzip"}), ("POST", "/threads/search", b'{"limit":', JSON),
    ]
    return out


def mem0():
    out = []
    filters = [
        None, {}, {"user_id": "t6globex-ann"}, {"user_id": "*"}, {"user_id": None}, {"user_id": ["t6globex-ann"]}, {"user_id": {"in": ["t6globex-ann"]}},
        {"user_id": {"ne": "x"}}, {"user_id": ""}, {"user_id": 1}, {"OR": [{"user_id": "t6globex-ann"}]}, {"AND": [{"user_id": "t6globex-ann"}]},
        {"NOT": [{"user_id": "x"}]}, {"NOT": {"user_id": "x"}}, {"OR": [{"NOT": {"user_id": "x"}}, {"agent_id": "*"}]}, {"user_id": "ann", "OR": [{"memory": "x"}, {}]},
        {"agent_id": "t6globex-bot"}, {"run_id": "*"}, {"app_id": "*"}, {"us\u0065r_id": "t6globex-ann"}, {"hash": {"ne": ""}}, {"data": {"contains": "secret"}},
        {"User_id": "t6globex-ann"}, {"user_id ": "t6globex-ann"}, {"$or": [{"user_id": "t6globex-ann"}]}, {"OR": []}, {"AND": []}, [], "x",
    ]
    for body in filters:
        out += [("POST", "/v2/memories/search/", {"query": "secret", "threshold": 0, "filters": body}, {}),
                ("POST", "/v1/search/", {"query": "secret", "filters": body}, {}), ("POST", "/v2/memories/", {"filters": body}, {})]
    # Whoever has memories: listed, and deleted by what somebody else is called.
    for query in ("", "?page=1&page_size=1000", "?org_id=other&project_id=other", "?page=1&page=2", "?type=user"):
        out += [("GET", f"/v1/entities/{query}", None, {}), ("GET", f"/entities{query}", None, {})]
    for name in ("t6globex-ann", "../t6globex-ann", "%2e%2e%2ft6globex-ann", "*", "%00", "ann%2f..%2ft6globex-ann"):
        out += [("DELETE", f"/v2/entities/user/{name}/", None, {}), ("DELETE", f"/entities/user/{name}", None, {}),
                ("DELETE", f"/v2/entities/user/{name}/?project_id=other", None, {}), ("GET", f"/v1/entities/{name}/", None, {})]
    for guess in ("<memory>", "<real memory>", "<memory upper>", "*", "..", "%2e%2e", "<real memory>%2f", "0"):
        out += [("GET", f"/v1/memories/{guess}/", None, {}), ("PUT", f"/v1/memories/{guess}/", {"text": "acme"}, {}), ("DELETE", f"/v1/memories/{guess}/", None, {}),
                ("GET", f"/v1/memories/{guess}/history/", None, {}), ("GET", f"/v1/memories/{guess}", None, {})]
    for user in ("t6globex-ann", "*", "", "%2a", "ann&user_id=t6globex-ann", "ann&us%65r_id=t6globex-ann", "..%2ft6globex-ann"):
        out.append(("DELETE", f"/v1/memories/?user_id={user}", None, {}))
    out += [("DELETE", "/v1/memories/", None, {}), ("DELETE", "/v1/memories/?agent_id=x", None, {}), ("POST", "/v1/reset/", {}, {}), ("GET", "/v1/config/", None, {}),
            ("DELETE", "/v2/entities/user/t6globex-ann/", None, {}), ("DELETE", "/v2/entities/x/y/", None, {}), ("POST", "/v1/messages/query/", {}, {}),
            ("POST", "/v1/messages/sessions/", {}, {}), ("POST", "/v1/messages/reset/", {}, {}), ("POST", "/v1/memories/", {"message_ids": ["x"]}, {}),
            ("POST", "/v1/memories/", {"messages": [], "org_id": "x"}, {}), ("POST", "/v2/memories/", b'{"filters":{"user_id":"ann","user_id":"t6globex-ann"}}', JSON)]
    return out
