"""Who may do what: callers crossed with operations, each verdict the same through every way in."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeAlias

import pytest

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal
from chalicelib.access.rules import grant, unbounded
from chalicelib.collections import idempotency, reading
from chalicelib.collections import records as store
from chalicelib.dynamo.tables import main
from chalicelib.errors import Forbidden, WriteContention
from tests.support.assertions import assert_problem
from tests.support.client import Client, administrator, records
from tests.support.stores import collection

NDJSON = "application/x-ndjson"
SEEN = 'public == true or owner == auth.id or "editor" in auth.roles'
RULES = {
    "list": SEEN,
    "read": SEEN,
    "create": "auth.id != null and new.owner == auth.id",
    "update": 'owner == auth.id and new.owner == auth.id or "editor" in auth.roles',
    "delete": "owner == auth.id",
}
OPEN = {"title": "Open", "owner": "ann", "public": True, "stock": 1, "tags": ["x"]}
SHUT = {"title": "Shut", "owner": "ann", "public": False, "stock": 1, "tags": ["x"]}
PRINCIPALS = {
    "anonymous": ANONYMOUS,
    "key": Principal("key:k1", "key"),
    "editor": Principal("key:k2", "key", frozenset({"editor"})),
    "reader": Principal("key:k3", "key", frozenset({"editor"}), frozenset({"books:read"})),
    "owner": Principal("user:ann", "user"),
    "other": Principal("user:bob", "user"),
    "administrator": Principal("key:k4", "key", frozenset({ADMIN})),
    "bounded": Principal("key:k5", "key", frozenset({ADMIN}), frozenset({"books:read", "books:update", "films:*"})),
}


@pytest.fixture
def client(table: str) -> Iterator[Client]:
    with administrator() as client:
        client.define("books", rules=RULES)
        client.make("books", {"id": "open", **OPEN})
        client.make("books", {"id": "shut", **SHUT})
        yield client


Way: TypeAlias = Callable[[Client, str], int]
"""A way in: for a caller and a record's id, the status of what was asked for."""
_numbers = itertools.count()


def alone(method: str, body: Any = None, query: Any = "", *, once: bool = False, **headers: str) -> Way:
    """Through the record's own endpoint."""

    def way(client: Client, record_id: str) -> int:
        sent = {"idempotency_key": f"k{next(_numbers)}"} if once else headers
        target = records("books", record_id)
        if body is None:
            return client.request(method, target, query=query, **sent).status
        return client.request(method, target, body, query=query, **sent).status

    return way


def by(place: str, op: str, **members: Any) -> Way:
    """Through a batch, or a transaction."""

    def way(client: Client, record_id: str) -> int:
        operation = {"op": op, "collection": "books", "id": record_id, **members}
        answer = client.post(f"/v1/{place}", {"operations": [operation]})
        if answer.status == 200:
            status: int = answer.json()["results"][0]["status"]
            return status
        problem = assert_problem(answer, answer.status, "transaction_canceled")
        assert [result["status"] for result in problem["results"]] == [answer.status]
        return answer.status

    return way


def posted(client: Client, record_id: str) -> int:
    return client.post(records("books"), {**SHUT, "id": record_id}).status


def posted_once(client: Client, record_id: str) -> int:
    return client.post(records("books"), {**SHUT, "id": record_id}, idempotency_key=f"k{next(_numbers)}").status


def imported(client: Client, record_id: str) -> int:
    line = json.dumps({**SHUT, "id": record_id}).encode()
    answer = client.post("/v1/collections/books/import", line, content_type=NDJSON)
    if answer.status != 200:
        return answer.status
    report = answer.json()
    assert report["created"] + report["failed"] == 1
    return int(report["errors"][0]["status"]) if report["failed"] else 201


CHANGE = {"stock": 2}
WAYS: dict[str, dict[str, Way]] = {
    "read": {
        "GET": alone("GET"),
        "GET consistent": alone("GET", query="consistent=true"),
        "GET fields": alone("GET", query="fields=title"),
        "batch": by("batch", "read"),
        "check": by("transactions", "check"),
        "check of a version": by("transactions", "check", if_match="*"),
        "check if": by("transactions", "check", **{"if": "stock == 1"}),
    },
    "create": {
        "POST": posted,
        "POST once": posted_once,
        "PUT": alone("PUT", SHUT),
        "PUT of nothing": alone("PUT", SHUT, if_none_match="*"),
        "PUT if": alone("PUT", SHUT, "if=stock==null"),
        "batch": by("batch", "create", body=SHUT),
        "batch, replace": by("batch", "replace", body=SHUT),
        "transaction": by("transactions", "create", body=SHUT),
        "transaction, replace": by("transactions", "replace", body=SHUT),
        "import": imported,
    },
    "replace": {
        "PUT": alone("PUT", SHUT),
        "PUT if": alone("PUT", SHUT, "if=stock==1"),
        "PUT of a version": alone("PUT", SHUT, if_match="*"),
        "batch": by("batch", "replace", body=SHUT),
        "transaction": by("transactions", "replace", body=SHUT),
    },
    "patch": {
        "PATCH": alone("PATCH", CHANGE),
        "PATCH if": alone("PATCH", CHANGE, "if=stock==1"),
        "PATCH if, read": alone("PATCH", CHANGE, "if='Shut Open'.contains(title)"),
        "PATCH of a version": alone("PATCH", CHANGE, if_match="*"),
        "PATCH, read": alone("PATCH", {"tags": {"$remove": ["x"]}}),
        "PATCH once": alone("PATCH", CHANGE, once=True),
        "batch": by("batch", "patch", body=CHANGE),
        "batch if": by("batch", "patch", body=CHANGE, **{"if": ["==", "stock", 1]}),
        "transaction": by("transactions", "patch", body=CHANGE),
    },
    "delete": {
        "DELETE": alone("DELETE"),
        "DELETE if": alone("DELETE", query="if=stock==1"),
        "DELETE if, read": alone("DELETE", query="if='Shut Open'.contains(title)"),
        "DELETE of a version": alone("DELETE", if_match="*"),
        "batch": by("batch", "delete"),
        "transaction": by("transactions", "delete"),
    },
}

VERDICTS: dict[str, dict[str, Any]] = {
    # by caller: what becomes of reading, replacing, patching and deleting the open record and the shut one, and of
    # creating one of ann's; None: what would become of it if there were no such record
    "anonymous": {"read": (200, 404), "replace": (403, 403), "patch": (403, 403), "delete": (403, 403), "create": 403},
    "key": {"read": (200, 404), "replace": (403, None), "patch": (403, 404), "delete": (403, 404), "create": 403},
    "editor": {"read": (200, 200), "replace": (200, 200), "patch": (200, 200), "delete": (403, 403), "create": 403},
    "reader": {"read": (200, 200), "replace": (403, 403), "patch": (403, 403), "delete": (403, 403), "create": 403},
    "owner": {"read": (200, 200), "replace": (200, 200), "patch": (200, 200), "delete": (204, 204), "create": 201},
    "other": {"read": (200, 404), "replace": (403, None), "patch": (403, 404), "delete": (403, 404), "create": 403},
    "administrator": {
        "read": (200, 200), "replace": (200, 200), "patch": (200, 200), "delete": (204, 204), "create": 201,
    },
    "bounded": {"read": (200, 200), "replace": (200, 200), "patch": (200, 200), "delete": (403, 403), "create": 403},
}  # fmt: skip
LISTED: dict[str, list[str] | None] = {
    "anonymous": ["open"],
    "key": ["open"],
    "editor": ["open", "shut"],
    "reader": None,
    "owner": ["open", "shut"],
    "other": ["open"],
    "administrator": ["open", "shut"],
    "bounded": None,
}
"""What a list has for each caller; None: it is refused."""


@pytest.mark.parametrize("operation", ["read", "replace", "patch", "delete"])
@pytest.mark.parametrize("caller", VERDICTS)
def test_what_is_stored_has_one_verdict_through_every_way(client: Client, caller: str, operation: str) -> None:
    asking = Client.as_principal(PRINCIPALS[caller])
    expected = VERDICTS[caller][operation]
    for way, ask in WAYS[operation].items():
        for name, document, verdict in zip(("open", "shut"), (OPEN, SHUT), expected, strict=True):
            assert client.put(records("books", name), document).status in (200, 201)
            before = client.get(records("books", name), query="consistent=true").json()
            answered = ask(asking, name)
            assert answered == (ask(asking, "nothing") if verdict is None else verdict), (way, name)
            after = client.get(records("books", name), query="consistent=true")
            assert (after.status == 200 and after.json() == before) is (operation == "read" or answered >= 400), way


@pytest.mark.parametrize("caller", VERDICTS)
def test_creation_has_one_verdict_through_every_way(client: Client, caller: str) -> None:
    asking = Client.as_principal(PRINCIPALS[caller])
    for number, (way, ask) in enumerate(WAYS["create"].items()):
        assert ask(asking, f"new{number}") == VERDICTS[caller]["create"], way
        assert (client.get(records("books", f"new{number}"), query="consistent=true").status == 200) is (
            VERDICTS[caller]["create"] == 201
        ), way


UNSEEN = {
    **{f"{name}, {way}": ask for name, ways in WAYS.items() if name != "create" for way, ask in ways.items()},
    "GET 304": alone("GET", if_none_match='"1"'),
    "PUT of a wrong version": alone("PUT", SHUT, if_match='"9"'),
    "PUT if not": alone("PUT", SHUT, "if=stock==9"),
    "PUT, nothing else": alone("PUT", {**SHUT, "stock": 0}),
    "PATCH of a wrong version": alone("PATCH", CHANGE, if_match='"9"'),
    "PATCH if not": alone("PATCH", CHANGE, "if=stock==9"),
    "PATCH of what it is not": alone("PATCH", {"title": {"$inc": 1}}),
    "DELETE of a wrong version": alone("DELETE", if_match='"9"'),
    "DELETE if not": alone("DELETE", query="if=stock==9"),
    "batch, read if": by("batch", "read", **{"if": "stock == 9"}),
    "batch, read of a version": by("batch", "read", if_none_match="*"),
    "check of another version": by("transactions", "check", if_match="9"),
    "check if not": by("transactions", "check", **{"if": "stock == 9"}),
    "check of nothing": by("transactions", "check", if_none_match="*"),
    "check of nothing if": by("transactions", "check", if_none_match="*", **{"if": "stock == null"}),
    "check of nothing if not": by("transactions", "check", if_none_match="*", **{"if": "stock == 1"}),
}  # fmt: skip


@pytest.mark.parametrize("caller", ["anonymous", "key", "other"])
def test_a_record_that_the_caller_may_not_read_is_as_if_it_were_not_there(client: Client, caller: str) -> None:
    asking = Client.as_principal(PRINCIPALS[caller])
    for way, ask in UNSEEN.items():
        assert ask(asking, "shut") == ask(asking, "nothing"), way


def test_who_may_change_what_they_may_not_read_learns_nothing_of_it(client: Client) -> None:
    client.define("drop", rules=dict.fromkeys(("create", "update", "delete"), "true"))
    asking = Client.as_principal(PRINCIPALS["other"])
    secret = {"word": "swordfish", "n": 1}
    one = records("drop", "i")
    server_set = {"id", "version", "created_at", "updated_at"}
    for answer in (
        asking.post(records("drop"), {"id": "i", **secret}),
        asking.patch(one, {"a": 1}),
        asking.patch(one, {"a": 1}, idempotency_key="k"),
        asking.patch(one, {"a": 1}, idempotency_key="k"),
        asking.patch(one, {"n": {"$inc": 1}}),
        asking.put(one, secret),
    ):
        assert answer.status in (200, 201)
        assert set(answer.json()) == server_set
    change = {"op": "patch", "collection": "drop", "id": "i", "body": {"a": 1}}
    for place in ("batch", "transactions"):
        (result,) = asking.post(f"/v1/{place}", {"operations": [change]}).json()["results"]
        assert set(result["body"]) == server_set
        for condition in ("n == 1", "n == 9"):
            answer = asking.post(f"/v1/{place}", {"operations": [{**change, "if": condition}]})
            assert (answer.json()["results"][0]["status"] if answer.status == 200 else answer.status) == 404
    for condition, nothing in (("n == 1", 412), ("n == 9", 412), ("n == null", 404), ("'abc'.contains(word)", 412)):
        assert asking.patch(one, {"a": 1}, query={"if": condition}).status == 404
        assert asking.put(one, secret, query={"if": condition}).status == nothing
        assert asking.delete(one, query={"if": condition}).status == 404
    bounded = Client.as_principal(Principal("key:a", "key", frozenset({ADMIN}), frozenset({"drop:update"})))
    assert set(bounded.patch(one, {"a": 2}).json()) == server_set
    assert client.get(one).json()["a"] == 2


@pytest.mark.parametrize("caller", LISTED)
def test_every_list_has_the_same_records(client: Client, caller: str) -> None:
    asking = Client.as_principal(PRINCIPALS[caller])
    expected = LISTED[caller]
    listing, query, export = records("books"), "/v1/collections/books/query", "/v1/collections/books/export"
    if expected is None:
        answers = [asking.get(listing), asking.get(listing, query="count=true"), asking.post(query, {})]
        for answer in [*answers, asking.get(export)]:
            assert_problem(answer, 403, "forbidden")
        return
    for parameters in ({}, {"sort": "id"}, {"limit": 1}, {"where": "stock == 1"}, {"where": "id in ['open', 'shut']"}):
        assert sorted(each["id"] for each in asking.listed(listing, **parameters)) == expected, parameters
    assert sorted(each["id"] for each in asking.post(query, {"where": "stock > 0"}).json()["items"]) == expected
    assert asking.get(listing, query="count=true").json()["count"] == len(expected)
    assert asking.post(query, {"count": True}).json()["count"] == len(expected)
    assert [each["id"] for each in asking.exported("books", limit=1)] == expected


@pytest.mark.parametrize("caller", PRINCIPALS)
def test_the_public_door_is_the_same_for_everybody(client: Client, caller: str) -> None:
    asking = Client.as_principal(PRINCIPALS[caller])
    assert [asking.get(f"/public/books/records/{name}").status for name in ("open", "shut", "nothing")] == [
        200,
        404,
        404,
    ]
    assert [each["id"] for each in asking.listed("/public/books/records")] == ["open"]
    assert asking.get("/public/books/records", query="count=true").json()["count"] == 1


# What it takes, and what cannot happen in between


def test_what_no_record_can_allow_asks_nothing_of_the_table(client: Client) -> None:
    client.define("closed", rules={"update": 'new.a == 1 and "editor" in auth.roles', "create": "auth.kind == 'key'"})
    client.define("bare")
    for name in ("closed", "bare"):
        client.make(name, {"id": "i"})
        client.get(records(name, "i"))
    asking = Client.as_principal(PRINCIPALS["other"])
    operations: list[dict[str, Any]] = [{"op": op, "id": "i"} for op in ("read", "delete")]
    operations += [{"op": op, "id": "i", "body": {"a": 1}} for op in ("create", "replace", "patch")]
    for name in ("closed", "bare"):
        listed = {"operations": [{**each, "collection": name} for each in operations]}
        with main.session.recording() as recorder:
            one = records(name, "i")
            answers = [
                *(asking.get(path) for path in (one, records(name), f"/v1/collections/{name}/export")),
                asking.post(f"/v1/collections/{name}/query", {}),
                asking.post(records(name), {"a": 1}),
                asking.put(one, {"a": 1}),
                asking.put(one, {"a": 1}, if_none_match="*"),
                asking.patch(one, {"a": 1}, if_match="*"),
                asking.patch(one, {"a": 1}, idempotency_key="k"),
                asking.delete(one),
                asking.post(f"/v1/collections/{name}/import", b'{"a":1}', content_type=NDJSON),
            ]
            batch = asking.post("/v1/batch", listed).json()["results"]
            canceled = asking.post("/v1/transactions", {"operations": listed["operations"][1:2]})
        assert [answer.status for answer in answers] == [403] * len(answers)
        assert [result["status"] for result in batch] == [403] * len(operations)
        assert canceled.status == 403
        assert recorder.operations == []


def test_nothing_is_changed_after_its_owner_has(table: str) -> None:
    """Ann gives a record away while she patches it: no patch of hers comes after the gift."""
    rules = {"update": "owner == auth.id", "read": "true"}
    made = collection(rules=rules)
    ann = grant(PRINCIPALS["owner"], made, "update")
    ways: list[Callable[[int], Any]] = [
        lambda n: store.patch(ann, "i", {"n": n}),
        lambda n: store.patch(ann, "i", {"n": n, "tags": {"$remove": ["x"]}}),
        lambda n: store.patch(ann, "i", {"n": n}, once=idempotency.once("user:ann", f"k{n}-{next(_numbers)}")),
        lambda n: store.replace(ann, "i", {"n": n, "owner": "ann"}),
    ]
    refused: Counter[str] = Counter()
    for round_ in range(40):
        store.replace(unbounded(made), "i", {"owner": "ann", "tags": [], "n": 0})
        barrier = Barrier(2)

        def give(barrier: Barrier = barrier) -> Mapping[str, Any]:
            barrier.wait()
            return store.patch(unbounded(made), "i", {"owner": "bob"}).document or {}

        def write(barrier: Barrier = barrier, way: Callable[[int], Any] = ways[round_ % 4]) -> None:
            barrier.wait()
            for number in range(1, 30):
                try:
                    way(number)
                except Forbidden:
                    refused["after"] += 1
                    return
                except WriteContention:
                    continue

        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(write)
            given = pool.submit(give).result()
            writing.result()
        assert reading.read(unbounded(made), "i", consistent=True).document() == given
    assert refused["after"] > 20
