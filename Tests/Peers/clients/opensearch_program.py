# SPDX-License-Identifier: Apache-2.0
"""What an agent does with opensearch-py: indices, documents, bulk, searches, scroll, point in time. Prints what it saw."""

import json
import sys

from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import NotFoundError

url, token, name = sys.argv[1:4]
client = OpenSearch([url], http_compress="compressed" in sys.argv[4:], headers={"Authorization": f"Bearer {token}"} if token != "-" else {})
seen = {}
client.indices.create(index="notes", body={"mappings": {"properties": {"owner": {"type": "keyword"}}}})
seen["exists"] = client.indices.exists(index="notes")
for number in range(5):
    client.index(index="notes", id=str(number), body={"text": f"note {number} of {name}", "owner": name, "n": number})
seen["bulk"] = helpers.bulk(client, [{"_index": "log-1", "_id": str(n), "_source": {"line": n, "owner": name}}
                                     for n in range(20)])[0]
client.indices.refresh()
seen["get"] = client.get(index="notes", id="1")["_source"]
seen["update"] = client.update(index="notes", id="1", body={"doc": {"seen": True}})["result"]
client.indices.refresh(index="notes")
found = client.search(index="notes,log-*", body={"query": {"bool": {"filter": [{"term": {"owner": name}}]}}, "size": 50})
seen["search"] = [found["hits"]["total"]["value"], sorted({hit["_index"] for hit in found["hits"]["hits"]})]
seen["everything"] = client.search(body={"query": {"match_all": {}}})["hits"]["total"]["value"]
seen["count"] = client.count(index="_all")["count"]
seen["scan"] = len(list(helpers.scan(client, index="log-1", query={"query": {"match_all": {}}}, size=7)))
pit = client.create_pit(index="log-1", params={"keep_alive": "1m"})["pit_id"]
page = client.search(body={"size": 5, "pit": {"id": pit, "keep_alive": "1m"}, "sort": [{"line": "asc"}]})
seen["pit"] = [hit["_id"] for hit in page["hits"]["hits"]]
client.delete_pit(body={"pit_id": [pit]})
got = client.mget(body={"docs": [{"_index": "notes", "_id": "2"}, {"_index": "log-1", "_id": "3"}]})
seen["mget"] = [[doc["_index"], doc["found"]] for doc in got["docs"]]
many = client.msearch(body=[{"index": "notes"}, {"query": {"match_all": {}}, "size": 0}, {}, {"query": {"match_all": {}}, "size": 0}])
seen["msearch"] = [part["hits"]["total"]["value"] for part in many["responses"]]
seen["aggregation"] = [bucket["doc_count"] for bucket in client.search(
    index="log-1", body={"size": 0, "aggs": {"all": {"terms": {"field": "owner.keyword"}}}})["aggregations"]["all"]["buckets"]]
seen["mapping"] = sorted(client.indices.get_mapping())
client.indices.put_alias(index="notes", name="current")
seen["alias"] = [sorted(client.indices.get_alias(name="current")), client.count(index="current")["count"]]
seen["cat"] = sorted(line["index"] for line in client.cat.indices(format="json"))
seen["deleted"] = client.delete_by_query(index="log-1", body={"query": {"range": {"line": {"gte": 15}}}})["deleted"]
try:
    client.get(index="nothing", id="1")
except NotFoundError as error:
    seen["missing"] = [error.error, "t4" in str(error.info)]
client.indices.delete(index="log-*")
seen["left"] = sorted(client.indices.get_mapping())
client.indices.delete(index="notes")
print(json.dumps(seen))
