from __future__ import annotations

from typing import Any

import pytest

from chalicelib.collections import definitions, jobs
from tests.collections.test_definitions import PRODUCT_EXAMPLE
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Client, records

BOOKS = "/v1/collections/books"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)


def test_a_definition_is_made_read_replaced_and_deleted(client: Client, impatient: None) -> None:
    made = client.put(BOOKS, PRODUCT_EXAMPLE)
    assert (made.status, made.etag, made.headers["location"]) == (201, '"1"', BOOKS)
    read = client.get(BOOKS)
    assert (read.status, read.etag, read.json()) == (200, '"1"', made.json())
    replaced = client.put(BOOKS, read.json())
    assert (replaced.status, replaced.etag) == (200, '"2"')
    assert "location" not in replaced.headers
    begun = client.delete(BOOKS)
    assert begun.status == 202
    job = begun.json()
    assert begun.headers["location"] == f"/v1/jobs/{job['id']}"
    assert_problem(client.get(BOOKS), 404, "collection_not_found")
    assert_problem(client.delete(BOOKS), 404, "collection_not_found")
    assert_problem(client.get(records("books")), 404, "collection_not_found")
    conflict = client.put(BOOKS, PRODUCT_EXAMPLE)
    assert_problem(conflict, 409, "definition_conflict")
    assert "retry-after" in conflict.headers
    jobs.run_pending(20)
    assert client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done"
    assert client.put(BOOKS, PRODUCT_EXAMPLE).status == 201


@pytest.mark.parametrize(
    ("method", "headers", "stored", "status"),
    [
        ("GET", {"if_none_match": '"1"'}, True, 304),
        ("GET", {"if_none_match": '"2"'}, True, 200),
        ("GET", {"if_match": '"1"'}, True, 200),
        ("GET", {"if_match": '"2"'}, True, 200),
        ("GET", {"if_none_match": '"1"'}, False, 404),
        ("PUT", {"if_match": '"1"'}, True, 200),
        ("PUT", {"if_match": '"2"'}, True, 412),
        ("PUT", {"if_match": '"1"'}, False, 412),
        ("PUT", {"if_match": "*"}, False, 412),
        ("PUT", {"if_none_match": "*"}, True, 412),
        ("PUT", {"if_none_match": "*"}, False, 201),
        ("DELETE", {"if_match": '"1"'}, True, 202),
        ("DELETE", {"if_match": '"2"'}, True, 412),
        ("DELETE", {"if_match": '"2"'}, False, 404),
        ("DELETE", {"if_none_match": '"1"'}, True, 412),
    ],
)
def test_preconditions_by_method(
    client: Client, method: str, headers: dict[str, str], stored: bool, status: int
) -> None:
    if stored:
        client.define("books")
    body: tuple[Any, ...] = ({"schema": {}},) if method == "PUT" else ()
    assert client.request(method, BOOKS, *body, **headers).status == status


def test_what_is_unique_changes_only_while_empty(client: Client) -> None:
    client.define("books", unique=["a"])
    client.define("books", unique=["b"])
    client.make("books", {})
    assert_problem(client.put(BOOKS, {"schema": {}, "unique": ["a"]}), 409, "definition_conflict")


def test_everything_wrong_with_a_definition_is_named(client: Client) -> None:
    wrong = {"schema": {"type": "array", "properties": {"id": {}}}, "strange": 1, "shards": 0, "unique": [1]}
    problem = assert_problem(client.put(BOOKS, wrong), 422, "invalid_definition")
    assert {"/strange", "/shards", "/unique/0"} <= set(pointers(problem))
    problem = assert_problem(client.put(BOOKS, {"schema": wrong["schema"]}), 422, "invalid_definition")
    assert {"/schema/type", "/schema/properties/id"} <= set(pointers(problem))


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_collections_are_listed_by_name(client: Client, limit: int) -> None:
    for name in ("b", "c", "a"):
        client.define(name)
    assert [each["name"] for each in client.listed("/v1/collections", limit=limit)] == ["a", "b", "c"]


def test_jobs_are_listed_newest_first(client: Client) -> None:
    assert client.get("/v1/jobs").json() == {"items": [], "next": None}
    made = []
    for name in ("a", "b", "c"):
        client.define(name)
        made.append(client.delete(f"/v1/collections/{name}").json())
    assert client.listed("/v1/jobs", limit=2) == made[::-1]
    assert set(made[0]) == {"id", "kind", "collection", "state", "progress", "created_at", "updated_at"}


@pytest.mark.parametrize("job_id", ["nobody", "%00", "a%2Fb", "x" * 2000])
def test_there_is_no_such_job(client: Client, job_id: str) -> None:
    assert_problem(client.get(f"/v1/jobs/{job_id}"), 404, "job_not_found")
