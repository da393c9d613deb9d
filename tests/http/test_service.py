from __future__ import annotations

from chalicelib import settings
from chalicelib.access import keys
from tests.support.assertions import assert_problem
from tests.support.client import Client


def test_the_service_says_where_its_parts_are(client: Client) -> None:
    document = Client(None).get("/").json()
    assert (document["name"], document["version"]) == ("Portico", settings.VERSION)
    for link in document["links"].values():
        assert client.get(link).status == 200


def test_health_is_one_read_of_the_store(client: Client) -> None:
    assert Client(None).get("/health").json() == {"status": "ok"}


def test_only_an_administrator_sees_the_collections_in_the_description(client: Client) -> None:
    client.define("secrets", {"properties": {"hush": {}}})
    assert "hush" in client.get("/openapi.json").text
    assert "secrets" not in Client(None).get("/openapi.json").text
    assert "secrets" not in Client(keys.create(roles=()).secret).get("/openapi.json").text
    assert_problem(Client("nobody").get("/openapi.json"), 401, "unauthenticated")
