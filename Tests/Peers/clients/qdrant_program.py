# SPDX-License-Identifier: Apache-2.0
"""What qdrant-client sends for an agent's usual calls, whatever the answer: the store behind only writes it down."""

import sys
import uuid

from qdrant_client import QdrantClient, models

url, token, name = sys.argv[1:4]
client = QdrantClient(url=url, headers={"Authorization": f"Bearer {token}"}, check_compatibility=False, timeout=5)
point = str(uuid.UUID(int=7))
where = models.Filter(must=[models.FieldCondition(key="a", match=models.MatchValue(value=1))])
calls = [
    lambda: client.upsert(name, [models.PointStruct(id=point, vector=[1.0, 2.0], payload={"a": 1})]),
    lambda: client.retrieve(name, [point]),
    lambda: client.query_points(name, query=[1.0, 2.0], query_filter=where, limit=3),
    lambda: client.query_points(name, query=point, limit=3),
    lambda: client.query_points(name, prefetch=[models.Prefetch(query=[1.0, 2.0], limit=9)], query=models.FusionQuery(fusion=models.Fusion.RRF)),
    lambda: client.query_points_groups(name, "a", query=[1.0, 2.0]),
    lambda: client.scroll(name, scroll_filter=where, limit=5),
    lambda: client.count(name, exact=True),
    lambda: client.delete(name, points_selector=[point]),
    lambda: client.delete(name, points_selector=models.FilterSelector(filter=where)),
    lambda: client.set_payload(name, {"b": 2}, points=[point]),
    lambda: client.collection_exists(name),
]
failed = []
for number, call in enumerate(calls):
    try:
        call()
    except Exception as error:  # noqa: BLE001: the recording store answers nothing that a client could use
        if "refused" in str(error):
            failed.append([number, str(error)[:300]])
import json  # noqa: E402

print(json.dumps({"refused": failed}))
