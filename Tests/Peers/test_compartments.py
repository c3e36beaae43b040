# SPDX-License-Identifier: Apache-2.0
"""Two tenants, the same agent, the same stores, the same names: each sees only its own."""

import uuid

import chromadb
import pytest
from harness.bulkhead import Trail
from harness.names import COMPARTMENT, LISTENER, REASON, TENANT, TIER, USER

ONE, TWO = [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]


@pytest.fixture(scope="module")
def handles(front, ann, bob):
    return {"clinic": front.handle(ann), "hospital": front.handle(bob)}


def client(front, handle):
    """Chroma's own client, as any agent would make it."""
    return chromadb.HttpClient(
        host="127.0.0.1", port=front.bulkhead.ports["vectors"], headers={"Authorization": f"Bearer {handle}"})


@pytest.fixture(scope="module")
def filled(front, handles):
    """Both tenants have a collection of the same name, with the same document ids and other contents."""
    made = {}
    for tenant, handle in handles.items():
        collection = client(front, handle).create_collection("patients", embedding_function=None, metadata={"of": tenant})
        collection.add(ids=["p1"], documents=[f"{tenant} patient"], embeddings=ONE, metadatas=[{"of": tenant}])
        made[tenant] = collection
    return made


def test_the_agent_reaches_its_store_with_what_it_was_given(front, ann, bob):
    """Unmodified agent, unmodified Chroma client, forwarded Authorization: all in one request each."""
    for token, text in ((ann, "ann's note"), (bob, "bob's note")):
        added = front.ingress.invoke({"do": "chroma", "step": "add", "collection": "inside", "ids": ["n1"],
                                      "documents": [text], "embeddings": ONE}, token)
        assert (added.status, added.json()["count"]) == (200, 1), added
    for token, text in ((ann, "ann's note"), (bob, "bob's note")):
        found = front.ingress.invoke({"do": "chroma", "step": "query", "collection": "inside", "embeddings": ONE}, token)
        assert found.json() == {"ids": ["n1"], "documents": [text]}


def test_the_same_name_is_another_collection(front, filled, handles):
    for tenant, handle in handles.items():
        collection = client(front, handle).get_collection("patients", embedding_function=None)
        assert collection.id == filled[tenant].id
        assert collection.metadata == {"of": tenant}
        assert collection.get()["documents"] == [f"{tenant} patient"]
    assert filled["clinic"].id != filled["hospital"].id


def test_a_search_finds_only_ones_own(filled):
    for tenant, collection in filled.items():
        found = collection.query(query_embeddings=ONE, n_results=10)
        assert found["documents"] == [[f"{tenant} patient"]]


def test_listings_and_counts_know_only_ones_own(front, filled, handles, chroma):
    direct = chromadb.HttpClient(host="127.0.0.1", port=chroma)
    with pytest.raises(Exception):
        direct.get_collection("patients")  # nothing lies where a private store would keep it
    for handle in handles.values():
        mine = client(front, handle)
        assert "patients" in [c.name for c in mine.list_collections()]
        assert mine.count_collections() == len(mine.list_collections())


def test_the_other_collection_id_is_not_found(front, filled, handles):
    """The known hole of Chroma: an id opens whatever tenant it belongs to. A made-up id must look the very same."""
    answers = []
    for collection_id in (filled["hospital"].id, uuid.uuid4()):
        path = f"/api/v2/tenants/default_tenant/databases/default_database/collections/{collection_id}"
        answers.append([
            front.vectors.request("POST", f"{path}/get", token=handles["clinic"], body={"include": ["documents"]}),
            front.vectors.request("POST", f"{path}/query", token=handles["clinic"],
                                  body={"query_embeddings": ONE, "n_results": 1}),
            front.vectors.request("GET", f"{path}/count", token=handles["clinic"]),
            front.vectors.request("POST", f"{path}/delete", token=handles["clinic"], body={"ids": ["p1"]}),
        ])
    for foreign, unknown in zip(*answers):
        assert foreign.status == unknown.status == 404
        assert foreign.body.replace(str(filled["hospital"].id).encode(), b"") == unknown.body or (
            foreign.json().keys() == unknown.json().keys())
        assert b"hospital" not in foreign.body
    assert front.bulkhead.await_records(1, **{TENANT: "clinic", REASON: "id_unknown"})
    assert filled["hospital"].count() == 1


def test_the_others_path_is_refused(front, handles):
    for name in ("hospital", "t8hospital", "Default_Tenant", "default%5Ftenant2"):
        answer = front.vectors.request(
            "GET", f"/api/v2/tenants/{name}/databases/default_database/collections", token=handles["clinic"])
        assert answer.status in (403, 404), (name, answer)
        assert b"patients" not in answer.body
    assert front.bulkhead.await_records(1, **{TENANT: "clinic", REASON: "tenant_foreign"})


def test_the_store_itself_holds_two_tenants(front, filled, chroma, handles):
    """Seen from behind: the encoded tenants exist, each with its own collection."""
    compartments = {record[COMPARTMENT] for record in front.bulkhead.records(**{LISTENER: "vectors"}) if record.get(COMPARTMENT)}
    names = {tenant: next(c for c in compartments if tenant in c and "2" not in c) for tenant in handles}
    for tenant, compartment in names.items():
        behind = chromadb.HttpClient(host="127.0.0.1", port=chroma, tenant=compartment, database="default_database")
        assert behind.get_collection("patients", embedding_function=None).get()["documents"] == [f"{tenant} patient"]


def test_what_comes_back_names_no_compartment(front, filled, handles):
    compartments = {r[COMPARTMENT] for r in front.bulkhead.records(**{LISTENER: "vectors"}) if r.get(COMPARTMENT)}
    for handle in handles.values():
        listing = front.vectors.request(
            "GET", "/api/v2/tenants/default_tenant/databases/default_database/collections", token=handle)
        assert listing.status == 200
        assert not [c for c in compartments if c.encode() in listing.body]
        assert {c["tenant"] for c in listing.json()} == {"default_tenant"}


def test_unknown_operations_are_refused(front, handles):
    for method, path in (("POST", "/api/v2/reset"), ("GET", "/api/v1/collections"), ("GET", "/docs"),
                         ("DELETE", "/api/v2/tenants/default_tenant")):
        answer = front.vectors.request(method, path, token=handles["clinic"])
        assert answer.status in (403, 404, 405), (path, answer)
        assert "error" in answer.json()
    assert front.bulkhead.await_records(1, **{TENANT: "clinic", REASON: "operation_unknown"})


def test_undeclared_members_and_parameters_are_refused(front, filled, handles):
    path = f"/api/v2/tenants/default_tenant/databases/default_database/collections/{filled['clinic'].id}"
    cases = [
        ("POST", f"{path}/get", b'{"include":["documents"],"tenant":"hospital"}', "member_undeclared"),
        ("POST", f"{path}/get", b'{"limit":1,"limit":2}', "member_duplicate"),
        ("POST", f"{path}/get?tenant=hospital", b"{}", "parameter_undeclared"),
    ]
    for method, target, body, reason in cases:
        answer = front.vectors.request(method, target, {"Content-Type": "application/json"}, body, handles["clinic"])
        assert answer.status == 400, (target, answer)
        assert front.bulkhead.await_records(1, **{REASON: reason})


class TestRest:
    """The plain store: every path lies under its tenant."""

    def test_the_same_path_is_another_place(self, front, handles, memory):
        for tenant, handle in handles.items():
            assert front.notes.request("PUT", "/notes/plan", token=handle, body=tenant.encode()).status == 204
        for tenant, handle in handles.items():
            assert front.notes.request("GET", "/notes/plan", token=handle).body == tenant.encode()
        paths = {entry["path"] for entry in memory.seen() if entry["path"].endswith("/notes/plan")}
        assert len(paths) == 2 and all(path.startswith("/tenants/t") for path in paths)

    def test_walking_out_is_refused_or_stays_inside(self, front, handles, memory):
        for path in ("/../notes/plan", "/notes/../../x", "/%2e%2e/x", "/notes/%2E%2E/x", "//x", "/a%2f..%2fb",
                     "/a/..%5cb", "/a%00b", "/notes;x=1/plan"):
            before = len(memory.seen())
            answer = front.notes.request("GET", path, token=handles["clinic"])
            assert answer.status in (400, 403, 404), (path, answer)
            for entry in memory.seen()[before:]:
                assert entry["path"].startswith("/tenants/t") and ".." not in entry["path"], entry

    def test_naming_the_others_prefix_stays_inside(self, front, handles, memory):
        foreign = next(e["path"] for e in memory.seen() if "hospital" in e["path"])
        answer = front.notes.request("GET", foreign, token=handles["clinic"])
        assert answer.status == 404
        assert memory.seen()[-1]["path"].endswith(foreign) and memory.seen()[-1]["path"] != foreign

    def test_the_store_sees_no_carrier(self, front, handles, memory):
        front.notes.request("GET", "/notes/plan", {"X-Api-Key": handles["clinic"]}, token=handles["clinic"])
        headers = memory.seen()[-1]["headers"]
        assert not [value for value in headers.values() if "bhh1_" in value or handles["clinic"] in value]
        assert "authorization" not in headers and "x-api-key" not in headers

    def test_tenants_with_similar_names_share_nothing(self, front, forge, memory):
        """`clinic` and `clinic2`: no compartment is a prefix of another."""
        one, two = forge.token("clinic", "basic"), forge.token("clinic2", "basic")
        assert front.notes.request("PUT", "/x", token=one, body=b"one").status == 204
        assert front.notes.request("GET", "/x", token=two).status == 404
        assert front.notes.request("GET", "2/x", token=one).status == 400
        assert front.notes.request("GET", "/2/x", token=one).status == 404


def test_records_join_who_where_and_what(front, ann):
    with Trail(front.bulkhead, "ingress") as trail:
        assert front.ingress.invoke({"do": "echo"}, ann).status == 200
    record = trail.records[0]
    assert record[TENANT] == "clinic" and record[TIER] == "basic" and record[USER]
    assert ann not in str(record)
