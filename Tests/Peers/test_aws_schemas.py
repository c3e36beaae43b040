# SPDX-License-Identifier: Apache-2.0
"""Tables of DynamoDB whose keys nobody has written down: boto3 and a store that both were written elsewhere."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.aws import Cloud, Tap
from test_aws import ALLOWED, Doors, configuration, refused

FETCHES = "bulkhead_schema_fetches_total"


@pytest.fixture(scope="module")
def cloud(run):
    folder = run / "cloud-of-tables"
    folder.mkdir()
    cloud = Cloud(folder)
    make(cloud, "factual-numbers", "id", "N")
    make(cloud, "factual-others", "id")
    make(cloud, "elsewhere", "id")
    yield cloud
    cloud.stop()


def make(cloud, name, key, kind="S"):
    cloud.direct("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}])


@pytest.fixture(scope="module")
def tap(cloud):
    tap = Tap(cloud.port)
    yield tap
    tap.stop()


@pytest.fixture(scope="module")
def doors(make_bulkhead, cloud, tap, ann, bob):
    changes = configuration(cloud, tap)
    for route in changes["routes"]:
        if route["name"] == "tables":
            route["aws"] = {"tables": [{"name": "sessions"}, {"name": "fact*"}]}
    # As they are when all is on: the session's policy speaks of the pattern.
    changes |= {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}}
    environment = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        bulkhead = make_bulkhead("aws-schemas", changes, start=False)
        bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return Doors(bulkhead, {"clinic": ann, "hospital": bob})


def test_the_first_requests_wait_for_one_asking(doors):
    def put(number):
        tenant = ("clinic", "hospital")[number % 2]
        doors.client("dynamodb", tenant).put_item(
            TableName="sessions", Item={"pk": {"S": "p"}, "sk": {"S": str(number)}, "owner": {"S": "o"}, "of": {"S": tenant}})
    before = doors.bulkhead.metric(FETCHES, result="success")
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(put, range(12)))
    assert doors.bulkhead.metric(FETCHES, result="success") == before + 1
    for tenant in ("clinic", "hospital"):
        found = doors.client("dynamodb", tenant).query(
            TableName="sessions", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "p"}})
        assert found["Count"] == 6 and {item["of"]["S"] for item in found["Items"]} == {tenant}


def test_its_indexes_are_known_too(doors, cloud):
    values = {":o": {"S": "shared"}}
    for tenant in ("clinic", "hospital"):
        table = doors.client("dynamodb", tenant)
        table.put_item(TableName="sessions", Item={"pk": {"S": "i"}, "sk": {"S": "1"}, "owner": {"S": "shared"}, "of": {"S": tenant}})
    for tenant in ("clinic", "hospital"):
        table = doors.client("dynamodb", tenant)
        query = {"TableName": "sessions", "ExpressionAttributeValues": values, "KeyConditionExpression": "#o = :o",
                 "ExpressionAttributeNames": {"#o": "owner"}}
        assert [item["of"]["S"] for item in table.query(IndexName="by-owner", **query)["Items"]] == [tenant]
        refused(lambda: table.query(IndexName="by-nobody", **query), "AccessDeniedException")
    # Every value that is a key of the table or of an index lies inside a compartment.
    for item in cloud.direct("dynamodb").scan(TableName="sessions")["Items"]:
        assert "/" in item["pk"]["S"] and "/" in item["owner"]["S"]


def test_nobody_reaches_another(doors, cloud):
    for tenant in ("clinic", "hospital"):
        doors.client("dynamodb", tenant).put_item(TableName="facts", Item={"id": {"S": "f"}, "of": {"S": tenant}})
    real = {item["of"]["S"]: item["id"]["S"] for item in cloud.direct("dynamodb").scan(TableName="facts")["Items"]}
    table = doors.client("dynamodb", "clinic")
    for key in (real["hospital"], "../" + real["hospital"], real["hospital"].split("/")[0]):
        assert "Item" not in table.get_item(TableName="facts", Key={"id": {"S": key}})
    got = table.batch_get_item(RequestItems={"facts": {"Keys": [{"id": {"S": real["hospital"]}}, {"id": {"S": "f"}}]}})
    assert got["Responses"]["facts"] == [{"id": {"S": "f"}, "of": {"S": "clinic"}}]
    refused(lambda: table.scan(TableName="facts"), "AccessDeniedException")


def test_what_has_no_place_for_a_compartment_is_refused(doors):
    table = doors.client("dynamodb", "clinic")

    def reason(call):
        return refused(call, "AccessDeniedException")["ResponseMetadata"]["HTTPHeaders"]["x-bulkhead-reason"]
    assert reason(lambda: table.put_item(TableName="factual-numbers", Item={"id": {"N": "1"}})) == "key_refused"
    assert reason(lambda: table.get_item(TableName="factual-numbers", Key={"id": {"S": "1"}})) == "key_refused"
    # None of that name, one that the route does not name, and one that is named by its ARN: the same.
    for name in ("fact-of-nothing", "elsewhere", "arn:aws:dynamodb:us-east-1:000000000000:table/facts"):
        assert reason(lambda: table.get_item(TableName=name, Key={"id": {"S": "1"}})) == "resource_unknown", name


def test_it_is_asked_with_keys_that_may_do_nothing_else(make_bulkhead, cloud, tap, ann, bob):
    changes = configuration(cloud, tap, tables=True)
    for route in changes["routes"]:
        if route["name"] == "tables":
            route["aws"] = {"tables": [{"name": "fact*"}]}
    environment, since = dict(os.environ), len(tap.asked)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        bulkhead = make_bulkhead("aws-schemas-narrow", changes, start=False)
        bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    doors = Doors(bulkhead, {"clinic": ann, "hospital": bob})
    # ministack takes no key of an item for a leading key, so the item itself is refused; the schema is not.
    refused(lambda: doors.client("dynamodb", "clinic").get_item(TableName="facts", Key={"id": {"S": "1"}}), "AccessDeniedException")
    assert bulkhead.metric(FETCHES, result="success") == 1
    policies = [a["Policy"] for a in tap.asked[since:] if "DescribeTable" in a.get("Policy", "")]
    assert len(policies) == 1 and "GetItem" not in policies[0] and "table/fact*" in policies[0]


def test_a_table_with_another_key_is_refused(doors, cloud):
    """Made anew under its old name, it would take other values of the agent's for a tenant's."""
    table = doors.client("dynamodb", "clinic")
    table.put_item(TableName="factual-others", Item={"id": {"S": "1"}, "owner": {"S": "o"}})
    cloud.direct("dynamodb").delete_table(TableName="factual-others")
    make(cloud, "factual-others", "owner")
    # A reload, since that forgets what is known of tables, and a minute is long.
    assert doors.bulkhead.reload().returncode == 0
    answer = refused(lambda: table.put_item(TableName="factual-others", Item={"id": {"S": "1"}, "owner": {"S": "o"}}),
                     "AccessDeniedException")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-bulkhead-reason"] == "key_refused"
    assert cloud.direct("dynamodb").scan(TableName="factual-others")["Count"] == 0
