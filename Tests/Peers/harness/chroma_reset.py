# SPDX-License-Identifier: Apache-2.0
"""A plugin for Chroma's own tests: `reset` empties the own tenant with the client's own calls. Chroma's is off by default, and
empties the server for all tenants."""

from chromadb.api.async_fastapi import AsyncFastAPI
from chromadb.api.fastapi import FastAPI
from chromadb.config import DEFAULT_DATABASE


def reset(client):
    for database in client.list_databases():
        for collection in client.list_collections(database=database["name"]):
            client.delete_collection(collection.name, database=database["name"])
        if database["name"] != DEFAULT_DATABASE:
            client.delete_database(database["name"])
    return True


async def reset_later(client):
    for database in await client.list_databases():
        for collection in await client.list_collections(database=database["name"]):
            await client.delete_collection(collection.name, database=database["name"])
        if database["name"] != DEFAULT_DATABASE:
            await client.delete_database(database["name"])
    return True


FastAPI.reset, AsyncFastAPI.reset = reset, reset_later
