from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, jobs, records
from chalicelib.collections.record import Record
from chalicelib.http import responses
from tests.support.assertions import assert_problem, pointers, without_server_set
from tests.support.client import Answer, Client, another_administrator
from tests.support.client import records as path
from tests.support.stores import BOOK_SCHEMA, stored

GIVEN: dict[str, dict[str, str]] = {
    "none": {},
    "match same": {"if_match": '"2"'},
    "match other": {"if_match": '"1"'},
    "match weak same": {"if_match": 'W/"2"'},
    "match foreign": {"if_match": '"abc"'},
    "match any": {"if_match": "*"},
    "match list": {"if_match": '"1", "2" ,"7"'},
    "none-match same": {"if_none_match": '"2"'},
    "none-match other": {"if_none_match": '"1"'},
    "none-match list": {"if_none_match": '"1","2"'},
    "none-match any": {"if_none_match": "*"},
}
STATUSES = """
                   GET      PUT      PATCH    DELETE   POST        (version 2 stored / nothing stored)
none             | 200 404  200 201  200 404  204 404  409 201
match same       | 200 404  200 412  200 404  204 404  412 412
match other      | 200 404  412 412  412 404  412 404  412 412
match weak same  | 200 404  200 412  200 404  204 404  412 412
match foreign    | 200 404  412 412  412 404  412 404  412 412
match any        | 200 404  200 412  200 404  204 404  412 412
match list       | 200 404  200 412  200 404  204 404  412 412
none-match same  | 304 404  412 201  412 404  412 404  409 201
none-match other | 200 404  200 201  200 404  204 404  409 201
none-match list  | 304 404  412 201  412 404  412 404  409 201
none-match any   | 304 404  412 201  412 404  412 404  412 201
"""
TABLE = [
    (given.strip(), method, is_stored, int(statuses.split()[2 * column + (not is_stored)]))
    for given, statuses in (line.split("|") for line in STATUSES.strip().splitlines()[1:])
    for column, method in enumerate(("GET", "PUT", "PATCH", "DELETE", "POST"))
    for is_stored in (True, False)
]


@pytest.fixture
def books(client: Client) -> Client:
    client.define("books", BOOK_SCHEMA)
    return client


@pytest.mark.parametrize(("given", "method", "is_stored", "status"), TABLE)
def test_preconditions_by_method(books: Client, given: str, method: str, is_stored: bool, status: int) -> None:
    if is_stored:
        books.make("books", {"id": "i", "title": "a"})
        books.patch(path("books", "i"), {"stock": 1})
    headers = GIVEN[given]
    if method == "POST":
        answer = books.post(path("books"), {"id": "i", "title": "b"}, **headers)
    elif method in ("PUT", "PATCH"):
        answer = books.request(method, path("books", "i"), {"title": "b"}, **headers)
    else:
        answer = books.request(method, path("books", "i"), **headers)
    if status >= 400:
        assert_problem(answer, status)
        assert books.get(path("books", "i")).status == (200 if is_stored else 404)
    else:
        assert answer.status == status
    if status in (200, 201):
        assert answer.etag == f'"{answer.json()["version"]}"'
    if status == 304:
        assert (answer.text, answer.etag) == ("", '"2"')
    if status == 204:
        assert answer.text == ""


CONDITIONS = """
                                            PUT      PATCH    DELETE    (stored at stock 1 / nothing stored)
stock > 0                                 | 200 412  200 404  204 404
stock > 1                                 | 412 412  412 404  412 404
stock == null                             | 412 201  412 404  412 404
version == 1 and id in ["i", "j"]         | 200 412  200 404  204 404
title.startsWith(id) or `US gross` != 5   | 200 201  200 404  204 404
title.startsWith(id) and stock > 0        | 412 412  412 404  412 404
"""
WHERE = [
    (text.strip(), method, is_stored, int(statuses.split()[2 * column + (not is_stored)]))
    for text, statuses in (line.split("|") for line in CONDITIONS.strip().splitlines()[1:])
    for column, method in enumerate(("PUT", "PATCH", "DELETE"))
    for is_stored in (True, False)
]


@pytest.mark.parametrize(("text", "method", "is_stored", "status"), WHERE)
def test_conditions_by_method(books: Client, text: str, method: str, is_stored: bool, status: int) -> None:
    if is_stored:
        books.make("books", {"id": "i", "title": "a", "stock": 1})
    body = () if method == "DELETE" else ({"title": "b"},)
    answer = books.request(method, path("books", "i"), *body, query={"if": text})
    if status >= 400:
        problem = assert_problem(answer, status, "precondition_failed" if status == 412 else "record_not_found")
        assert "'if'" in problem["detail"] or status == 404
        assert books.get(path("books", "i")).status == (200 if is_stored else 404)
    else:
        assert answer.status == status


@pytest.mark.parametrize(
    "query",
    [
        "if=title%20%3D%3D%20%22a%20%26%20b%22%20and%20tags.contains(%22%C3%A9%2B%22)",
        "if=title+==+'a+%26+b'+and+tags.contains('%C3%A9%2B')",
        "if=title+%3D%3D+%22a+%26+b%22%0A%26%26+has(tags[0])",
    ],
)
def test_a_condition_is_percent_encoded_as_any_parameter_is(books: Client, query: str) -> None:
    books.make("books", {"id": "i", "title": "a & b", "tags": ["é+"]})
    books.make("books", {"id": "j", "title": "a"})
    assert books.patch(path("books", "i"), {"stock": 1}, query=query).status == 200
    assert_problem(books.patch(path("books", "j"), {"stock": 1}, query=query), 412, "precondition_failed")


@pytest.mark.parametrize(
    ("text", "offset", "excerpt"),
    [
        ("stock >> 0", 7, "stock >> 0\n       ^"),
        ("owner == auth.id", 9, "owner == auth.id\n         ^"),
        ("stock > $least", 8, "stock > $least\n        ^"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_condition_that_is_none_is_refused_with_a_caret_under_the_place(
    books: Client, method: str, text: str, offset: int, excerpt: str
) -> None:
    body = () if method == "DELETE" else ({"title": "b"},)
    problem = assert_problem(books.request(method, path("books", "i"), *body, query={"if": text}), 400, "invalid_where")
    assert (problem["parameter"], problem["offset"], problem["line"]) == ("if", offset, 1)
    assert (problem["column"], problem["excerpt"]) == (offset + 1, excerpt)


def test_reading_and_creating_take_no_condition(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a"})
    for answer in (
        books.get(path("books", "i"), query={"if": "stock > 0"}),
        books.post(path("books"), {"title": "a"}, query={"if": "stock > 0"}),
        books.put("/v1/collections/books", {"schema": {}}, query={"if": "stock > 0"}),
    ):
        assert assert_problem(answer, 400, "invalid_parameter")["parameter"] == "if"


def test_a_condition_and_a_version_have_to_hold_both(books: Client) -> None:
    made = {"title": "a", "stock": 1}
    books.make("books", {"id": "i", **made})
    for query, tag, status in (("stock > 0", '"2"', 412), ("stock > 1", '"1"', 412), ("stock > 0", '"1"', 200)):
        assert books.put(path("books", "i"), made, query={"if": query}, if_match=tag).status == status


def test_a_condition_is_not_the_precondition_that_a_collection_requires(client: Client) -> None:
    client.define("careful", require_preconditions=True)
    where, query = path("careful", "i"), {"if": "true"}
    for answer in (
        client.put(where, {}, query=query),
        client.patch(where, {}, query=query),
        client.delete(where, query=query),
    ):
        assert_problem(answer, 428, "precondition_required")
    assert client.put(where, {}, query={"if": "n == null"}, if_none_match="*").status == 201


def test_a_repetition_with_another_condition_is_another_request(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a", "stock": 1})
    take = {"stock": {"$inc": -1}}
    where, query = path("books", "i"), {"if": "stock > 0"}
    first = books.patch(where, take, query=query, idempotency_key="k")
    assert books.patch(where, take, query=query, idempotency_key="k").text == first.text
    for other in ({"if": "stock >= 0"}, {}):
        answer = books.patch(where, take, query=other, idempotency_key="k")
        assert_problem(answer, 422, "idempotency_mismatch")
    assert books.get(where).json()["stock"] == 0


def test_a_collection_can_require_preconditions(client: Client) -> None:
    client.define("careful", require_preconditions=True)
    client.make("careful", {"id": "i"})
    where = path("careful", "i")
    for answer in (client.put(where, {}), client.patch(where, {}), client.delete(where)):
        assert_problem(answer, 428, "precondition_required")
    assert client.put(where, {}, if_match='"1"').status == 200
    assert client.patch(where, {}, if_match='"2"').status == 200
    assert client.delete(where, if_match='"3"').status == 204
    assert client.put(where, {}, if_none_match="*").status == 201


def test_a_new_record_says_where_it_is(books: Client) -> None:
    made = books.post(path("books"), {"title": "a"})
    assert made.status == 201
    assert made.headers["location"] == path("books", made.json()["id"])
    put = books.put(path("books", "own"), {"title": "a"})
    assert put.headers["location"] == path("books", "own")
    assert "location" not in books.put(path("books", "own"), {"title": "a"}).headers
    assert books.get(made.headers["location"]).json() == made.json()


def test_what_was_read_can_be_put_back(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a", "address": {"city": "Oslo", "n": 1e17}, "tags": []})
    read = books.get(path("books", "i"))
    put = books.put(path("books", "i"), read.text.encode(), if_match=read.etag)
    assert put.status == 200
    assert without_server_set([put.json()]) == without_server_set([read.json()])
    assert books.patch(path("books", "i"), put.text.encode(), if_match=put.etag).status == 200


def test_every_digit_of_a_number_comes_back(client: Client) -> None:
    client.define("c")
    text = b'{"a": 12345678901234567890123456789012345678, "b": 0.1234567890123456789012345678901234567, "c": 1e-130}'
    made = client.post(path("c"), text)
    assert "12345678901234567890123456789012345678," in made.text
    assert "0.1234567890123456789012345678901234567" in made.text
    read = client.get(path("c", made.json()["id"]))
    assert read.json() == made.json()


@pytest.mark.parametrize(
    "media", ["application/merge-patch+json", "application/json", "Application/JSON; charset=UTF-8"]
)
def test_a_patch_is_a_merge_patch_or_plain_json(books: Client, media: str) -> None:
    books.make("books", {"id": "i", "title": "a"})
    answer = books.patch(path("books", "i"), {"title": "b"}, content_type=media)
    assert answer.json()["title"] == "b"


def test_fields_are_chosen(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a", "stock": 1})
    read = books.get(path("books", "i"), query={"fields": "stock,version,missing"})
    assert read.json() == {"id": "i", "stock": 1, "version": 1}
    assert read.etag == '"1"'
    assert books.listed(path("books"), fields="title") == [{"id": "i", "title": "a"}]
    assert books.listed(path("books"), fields="missing") == [{"id": "i"}]


@pytest.mark.parametrize("consistent", ["true", "false"])
def test_a_read_can_be_consistent(books: Client, consistent: str) -> None:
    books.make("books", {"id": "i", "title": "a"})
    assert books.get(path("books", "i"), query={"consistent": consistent}).status == 200


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
@pytest.mark.parametrize("shards", [1, 4])
def test_listing_gives_every_record_once_newest_first(client: Client, limit: int, shards: int) -> None:
    client.define("c", shards=shards)
    made = [client.make("c", {"n": n}) for n in range(9)]
    assert client.listed(path("c"), limit=limit) == made[::-1]


def test_a_listing_has_20_items_unless_asked_otherwise(client: Client) -> None:
    client.define("c")
    for _ in range(21):
        client.make("c", {})
    page = client.get(path("c")).json()
    assert len(page["items"]) == 20
    assert page["next"]


def test_an_empty_collection(client: Client) -> None:
    client.define("c")
    assert client.get(path("c")).json() == {"items": [], "next": None}
    export = client.get("/v1/collections/c/export")
    assert (export.status, export.text, "link" in export.headers) == (200, "", False)


def next_of(answer: Answer) -> str:
    if "link" in answer.headers:
        return answer.headers["link"].partition("cursor=")[2].partition("&")[0].partition(">")[0]
    return str(answer.json()["next"])


def test_a_cursor_is_of_its_listing_and_its_caller(books: Client) -> None:
    books.define("other")
    for number in range(3):
        books.make("books", {"id": f"i{number}", "title": "a"})
        books.make("other", {"id": f"i{number}"})
    export = "/v1/collections/books/export"
    cursor = next_of(books.get(path("books"), query={"limit": 1}))
    of_export = next_of(books.get(export, query={"limit": 1}))
    assert books.get(path("books"), query={"cursor": cursor}).status == 200
    assert books.get(export, query={"cursor": of_export}).status == 200
    wrong = {
        "another collection": books.get(path("other"), query={"cursor": cursor}),
        "another listing": books.get("/v1/collections", query={"cursor": cursor}),
        "jobs": books.get("/v1/jobs", query={"cursor": cursor}),
        "export": books.get(export, query={"cursor": cursor}),
        "list": books.get(path("books"), query={"cursor": of_export}),
        "another caller": another_administrator().get(path("books"), query={"cursor": cursor}),
        "truncated": books.get(path("books"), query={"cursor": cursor[:-3]}),
        "longer": books.get(path("books"), query={"cursor": cursor + "AAAA"}),
        "changed": books.get(path("books"), query={"cursor": "B" + cursor[1:]}),
        "forged": books.get(path("books"), query={"cursor": "aTAxMjM0NTY3ODlhYmNkZWYwMTIz"}),
        "empty": books.get(path("books"), query="cursor="),
        "no base64": books.get(path("books"), query="cursor=%ff%00é"),
    }
    for answer in wrong.values():
        assert assert_problem(answer, 400, "invalid_cursor")["parameter"] == "cursor"


def test_a_cursor_is_not_of_a_later_collection_of_the_same_name(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)
    client.define("c")
    client.make("c", {"id": "a"})
    client.make("c", {"id": "b"})
    cursor = next_of(client.get(path("c"), query={"limit": 1}))
    client.delete("/v1/collections/c")
    jobs.run_pending(20)
    time.sleep(0.002)
    client.define("c")
    assert_problem(client.get(path("c"), query={"cursor": cursor}), 400, "invalid_cursor")


def test_records_deleted_between_pages_leave_the_rest_of_the_listing_as_it_is(books: Client) -> None:
    for name in "abcdef":
        books.make("books", {"id": name, "title": name})
    page = books.get(path("books"), query={"limit": 2}).json()
    for name in "edc":
        books.delete(path("books", name))
    rest = books.get(path("books"), query={"limit": 2, "cursor": page["next"]}).json()
    assert [item["id"] for item in rest["items"]] == ["b", "a"]


@pytest.mark.parametrize(("character", "count"), [("x", 30), ('"', 12), ("\u0001", 8), ("語", 30)])
def test_no_answer_is_larger_than_lambda_gives_back(client: Client, character: str, count: int) -> None:
    client.define("c", shards=16)
    made = definitions.get("c")
    text = character * (390_000 // len(character.encode()))
    for number in range(count):
        record_id = f"r{number:02}"
        records.create(unbounded(made), {"id": record_id, "text": text})
    sizes: list[int] = []
    found: list[str] = []
    query: dict[str, Any] = {"limit": 1000, "fields": "id,text"}
    while True:
        answer = client.get(path("c"), query=query)
        sizes.append(len(json.dumps(answer.text, ensure_ascii=False).encode()))
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert max(sizes) < 6_000_000
    assert found == [f"r{number:02}" for number in reversed(range(count))]
    link = "/v1/collections/c/export"
    exported: list[str] = []
    while link:
        export = client.get(link)
        assert len(json.dumps(export.text, ensure_ascii=False).encode()) < 6_000_000
        exported += [json.loads(line)["id"] for line in export.text.split("\n")[:-1]]
        link = export.headers.get("link", "").partition(">")[0][1:]
    assert exported == [f"r{number:02}" for number in range(count)]
    assert responses.MAX_BYTES < 6_000_000


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_what_is_exported_is_what_is_imported_elsewhere(books: Client, limit: int | None) -> None:
    made = [books.make("books", {"title": f"t{n}\n", "address": {"n": n, "u": "\u2028"}}) for n in range(7)]
    exported = books.exported("books", limit)
    assert exported == made
    books.define("copy", BOOK_SCHEMA)
    text = "".join(json.dumps(document) + "\n" for document in exported).encode()
    report = books.post("/v1/collections/copy/import", text, content_type="application/x-ndjson").json()
    assert (report["created"], report["failed"]) == (7, 0)
    copied = books.exported("copy")
    assert without_server_set(copied) == without_server_set(made)
    assert [each["id"] for each in copied] == [each["id"] for each in made]


def test_an_export_goes_on_by_link_with_its_limit(books: Client) -> None:
    for name in "abc":
        books.make("books", {"id": name, "title": name})
    answer = books.get("/v1/collections/books/export", query={"limit": 2})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    link = answer.headers["link"]
    assert link.startswith("</v1/collections/books/export?cursor=")
    assert link.endswith('&limit=2>; rel="next"')


def test_records_that_have_ended_are_neither_read_nor_listed_nor_exported(client: Client) -> None:
    client.define("c", ttl="until")
    client.make("c", {"id": "stays", "until": "2999-01-01T00:00:00Z"})
    client.make("c", {"id": "gone", "until": 1})
    assert len(stored("r#c#")) == 2
    assert_problem(client.get(path("c", "gone")), 404, "record_not_found")
    assert [item["id"] for item in client.listed(path("c"))] == ["stays"]
    assert [item["id"] for item in client.exported("c")] == ["stays"]
    assert client.post(path("c"), {"id": "gone"}).status == 201


@pytest.mark.parametrize("value", ["soon", "2030-01-01", -5, True, []])
def test_a_time_to_end_at_that_is_none_is_named(client: Client, value: Any) -> None:
    client.define("c", ttl="until")
    problem = assert_problem(client.post(path("c"), {"until": value}), 422, "validation_failed")
    assert pointers(problem) == ["/until"]


def test_a_failed_validation_names_everything_by_its_pointer(books: Client) -> None:
    problem = assert_problem(books.post(path("books"), {"stock": -1, "a/b": 1, "tags": [1]}), 422, "validation_failed")
    assert set(pointers(problem)) == {"/title", "/stock", "/a~1b", "/tags/0"}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_repeated_request_with_a_key_gets_the_same_answer(books: Client, method: str) -> None:
    books.make("books", {"id": "i", "title": "a", "stock": 1})
    where, body = (path("books"), {"title": "b"}) if method == "POST" else (path("books", "i"), {"stock": {"$inc": 1}})
    first = books.request(method, where, body, idempotency_key="k")
    books.patch(path("books", "i"), {"title": "later"})
    count = len(stored())
    for key in ("k", '"k"'):
        again = books.request(method, where, body, idempotency_key=key)
        assert (again.status, again.text, again.etag) == (first.status, first.text, first.etag)
        assert again.headers.get("location") == first.headers.get("location")
    assert len(stored()) == count
    assert_problem(books.request(method, where, {"title": "other"}, idempotency_key="k"), 422, "idempotency_mismatch")
    assert another_administrator().request(method, where, body, idempotency_key="k").text != first.text


def test_a_key_is_not_shared_by_two_endpoints(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a"})
    books.make("books", {"id": "j", "title": "a"})
    assert books.patch(path("books", "i"), {"stock": 1}, idempotency_key="k").status == 200
    assert_problem(books.patch(path("books", "j"), {"stock": 1}, idempotency_key="k"), 422, "idempotency_mismatch")


def test_a_percent_encoded_id_is_the_id(books: Client) -> None:
    books.make("books", {"id": "a:b@c,d+e", "title": "a"})
    for written in ("a:b@c,d+e", "a%3Ab%40c%2Cd%2Be"):
        assert books.get(path("books", written)).json()["id"] == "a:b@c,d+e"
        assert books.put(path("books", written), {"title": "b"}).status == 200


def test_a_record_just_below_400_kb_fits_and_one_above_does_not(client: Client) -> None:
    client.define("c")
    assert client.post(path("c"), {"id": "i", "text": "x" * 399 * 1024}).status == 201
    assert len(client.get(path("c", "i")).json()["text"]) == 399 * 1024
    assert_problem(client.post(path("c"), {"text": "x" * 401 * 1024}), 422, "item_too_large")
    assert_problem(client.put(path("c", "i"), {"text": "x" * 401 * 1024}), 422, "item_too_large")
    assert_problem(client.patch(path("c", "i"), {"more": "x" * 2 * 1024}), 422, "item_too_large")


def test_a_stored_record_is_seen_by_everyone_at_once(books: Client) -> None:
    books.make("books", {"id": "i", "title": "a"})
    collection = definitions.get("books")
    stored_record = Record.get(consistent=True, partition=collection.partition("i"), id="i")
    assert stored_record is not None
    assert stored_record.document() == another_administrator().get(path("books", "i")).json()
