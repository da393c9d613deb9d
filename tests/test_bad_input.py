"""Whatever is wrong with a request, its answer is a problem document that says so, and never a 5xx."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.dynamo import provisioning, tables
from chalicelib.http.endpoints import ENDPOINTS, MAX_BODY, MAX_BULK
from tests.support.assertions import assert_problem, assert_refused
from tests.support.client import Answer, Client, administrator, records
from tests.support.stores import BOOK_SCHEMA, law

NDJSON = "application/x-ndjson"


@contextmanager
def prepared() -> Iterator[Client]:
    with administrator() as client:
        client.define("books", BOOK_SCHEMA, rules={"list": "true", "read": "true"})
        client.define("free", unique=["u"], ttl="until")
        client.make("books", {"id": "i", "title": "a"})
        client.make("free", {"id": "i"})
        yield client


@pytest.fixture(scope="module")
def client(store: str) -> Iterator[Client]:
    """A client of a table that the tests share: what is refused leaves nothing behind."""
    name = f"test-{uuid.uuid4().hex}"
    with settings.override(table=name):
        provisioning.ensure(tables.main)
        with prepared() as client:
            yield client


@pytest.fixture
def fresh(table: str) -> Iterator[Client]:
    """A client of a table of the test's own."""
    with prepared() as client:
        yield client


def one_operation(body: bytes) -> bytes:
    return b'{"operations":[{"op":"create","collection":"free","body":' + body + b"}]}"


WRITES: dict[str, tuple[str, str]] = {
    "create": ("POST", records("books")),
    "create freely": ("POST", records("free")),
    "replace": ("PUT", records("books", "i")),
    "replace freely": ("PUT", records("free", "i")),
    "create by replacing": ("PUT", records("free", "new")),
    "patch": ("PATCH", records("books", "i")),
    "patch freely": ("PATCH", records("free", "i")),
    "define": ("PUT", "/v1/collections/books"),
    "define anew": ("PUT", "/v1/collections/other"),
    "batch": ("POST", "/v1/batch"),
    "transaction": ("POST", "/v1/transactions"),
}
RECORD_WRITES = {name: where for name, where in WRITES.items() if where[1].startswith("/v1/collections/free/records")}


def nested(levels: int, opening: bytes = b'{"a":', closing: bytes = b"}") -> bytes:
    return opening * levels + b"1" + closing * levels


NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "broken": b'{"title":',
    "trailing comma": b'{"title":"a",}',
    "two values": b"{}{}",
    "single quotes": b"{'title':'a'}",
    "NaN": b'{"title":NaN}',
    "Infinity": b'{"title":-Infinity}',
    "NaN beside a long number": b'{"a":NaN,"b":12345678901234567890}',
    "lone surrogate": b'{"title":"\\ud800"}',
    "lone surrogate beside a long number": b'{"title":"\\ud800","b":12345678901234567890}',
    "invalid UTF-8": b'{"title":"\xff\xfe"}',
    "UTF-16": '{"title":"a"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "control character": b'{"title":"a\x01"}',
    "NUL": b"\0",
    "depth 5000": nested(5000),
    "depth 5000 of arrays": nested(5000, b"[", b"]"),
    "depth 5000 and a long number": nested(5000).replace(b"1", b"12345678901234567890"),
    "exponent out of reach": b'{"title":1e99999999999999999999999}',
    "form": b"title=a&stock=1",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
@pytest.mark.parametrize("write", WRITES)
def test_what_is_no_json(client: Client, write: str, body: bytes) -> None:
    method, path = WRITES[write]
    assert_problem(client.request(method, path, body), 400, "malformed_json")


WRONG: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "number": b"5",
    "string": b'"a"',
    "array": b"[]",
    "array of objects": b'[{"title":"a"}]',
    "$ name": b'{"$title":"a"}',
    "name of the server's": b'{"version":"x","title":"a"}',
    "depth 200": nested(200),
    "depth 1000": nested(1000),
    "depth 1000 of arrays": b'{"a":' + nested(1000, b"[", b"]") + b"}",
    "depth 200 and a long number": nested(200).replace(b"1", b"12345678901234567890"),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("write", WRITES)
def test_json_of_the_wrong_shape(client: Client, write: str, body: bytes) -> None:
    method, path = WRITES[write]
    answer = client.request(method, path, body)
    assert_problem(answer, answer.status)
    assert answer.status in (400, 422)
    code = answer.json()["code"]
    assert code in ("malformed_json", "validation_failed", "invalid_definition", "invalid_operation"), answer


UNSTORABLE: dict[str, bytes] = {
    "40 digits": b'{"n":1234567890123456789012345678901234567891}',
    "40 digits after the point": b'{"n":0.1234567890123456789012345678901234567891}',
    "5000 digits": b'{"n":' + b"1" * 5000 + b"}",
    "200000 digits": b'{"n":' + b"1" * 200_000 + b"}",
    "1e400": b'{"n":1e400}',
    "1e-400": b'{"n":1e-400}',
    "1e127": b'{"n":1e127}',
    "1e999999999": b'{"n":-1e999999999}',
    "deep 1e400": b'{"n":[{"a":[1e400]}]}',
    "empty name": b'{"":1}',
    "deep empty name": b'{"a":[{"":1}]}',
    "300-byte name": b'{"' + b"n" * 300 + b'":1}',
    "name of 100 wide characters": ('{"' + "語" * 100 + '":1}').encode(),
    "deep $ name": b'{"a":[{"$b":1}]}',
    "$inc of text": b'{"a":{"$inc":"1"}}',
    "unknown operator": b'{"a":{"$set":1}}',
    "depth 32": nested(32),
    "depth 32 of arrays": b'{"a":' + nested(31, b"[", b"]") + b"}",
    "no time to end at": b'{"until":"soon"}',
    "an end far away": b'{"until":1e300}',
    "unique 1e400": b'{"u":1e400}',
    "id with a slash": b'{"id":"a/b"}',
    "id of a number": b'{"id":5}',
    "long id": b'{"id":"' + b"x" * 2000 + b'"}',
}


@pytest.mark.parametrize("body", UNSTORABLE.values(), ids=UNSTORABLE.keys())
@pytest.mark.parametrize("write", [*RECORD_WRITES, "batch", "transaction"])
def test_what_no_record_can_have(client: Client, write: str, body: bytes) -> None:
    if write in RECORD_WRITES:
        method, path = RECORD_WRITES[write]
        assert_problem(client.request(method, path, body), 422, "validation_failed")
    elif write == "batch":
        (result,) = client.post("/v1/batch", one_operation(body)).json()["results"]
        assert (result["status"], result["problem"]["code"]) == (422, "validation_failed")
    else:
        problem = assert_problem(client.post("/v1/transactions", one_operation(body)), 422, "transaction_canceled")
        assert problem["results"][0]["problem"]["code"] == "validation_failed"


@pytest.mark.parametrize(
    "schema", [{"type": "integer"}, {"maximum": 5}, {"multipleOf": 0.01}, {"enum": [1]}, {"const": 1}]
)
@pytest.mark.parametrize("digits", ["1" * 5000, "1e400", "1e999999999", "-1e-999999999", "1" * 40])
def test_numbers_that_a_schema_meets_before_the_store_does(fresh: Client, schema: Any, digits: str) -> None:
    fresh.define("numbers", {"properties": {"n": schema}})
    fresh.make("numbers", {"id": "i", "n": 1} if schema != {"maximum": 5} else {"id": "i"})
    body = b'{"n":' + digits.encode() + b"}"
    for method, path in (
        ("POST", records("numbers")),
        ("PUT", records("numbers", "i")),
        ("PATCH", records("numbers", "i")),
    ):
        assert_problem(fresh.request(method, path, body), 422, "validation_failed")
    assert_problem(fresh.patch(records("numbers", "i"), b'{"n":{"$inc":' + digits.encode() + b"}}"), 422)


@pytest.mark.parametrize("digits", ["1" * 5000, "1e400", "1e999999999", "-1e-999999999", "1" * 40])
@pytest.mark.parametrize(
    "where",
    [
        '{"schema":{"properties":{"n":{"default":%s}}}}',
        '{"schema":{"properties":{"n":{"minimum":%s}}}}',
        '{"schema":{"properties":{"n":{"multipleOf":%s}}}}',
        '{"schema":{"properties":{"n":{"const":%s,"default":1}}}}',
        '{"schema":{"properties":{"n":{"maxItems":%s}}}}',
        '{"schema":{"maxProperties":%s}}',
        '{"schema":{},"shards":%s}',
        '{"schema":{},"description":%s}',
    ],
)
def test_numbers_within_a_definition(fresh: Client, where: str, digits: str) -> None:
    answer = fresh.put("/v1/collections/numbers", (where % digits).encode())
    assert answer.status in (201, 422), answer
    if answer.status == 201:
        for body in (b"{}", b'{"n":1}', b'{"n":[1]}'):
            assert fresh.post(records("numbers"), body).status in (201, 422)
            assert fresh.put(records("numbers", "i"), body).status in (200, 201, 422)
        for body in (b'{"n":{"$inc":1}}', b'{"n":{"$append":[1]}}', b'{"n":1}'):
            assert fresh.patch(records("numbers", "i"), body).status in (200, 404, 422)


def test_large_bodies(fresh: Client) -> None:
    text = "x" * MAX_BODY
    for method, path in WRITES.values():
        answer = fresh.request(method, path, {"title": text})
        assert_refused(answer)
        assert answer.status == (422 if path in ("/v1/batch", "/v1/transactions") else 413)
    too_large = b" " * (MAX_BULK + 1)
    assert_problem(fresh.post("/v1/batch", too_large), 413, "payload_too_large")
    assert_problem(fresh.post("/v1/transactions", too_large), 413, "payload_too_large")
    answer = fresh.post("/v1/collections/books/import", too_large, content_type=NDJSON)
    assert_problem(answer, 413, "payload_too_large")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "", "json", "multipart/form-data; boundary=x", "*/*"]
)
def test_a_body_of_another_media_type(client: Client, media: str) -> None:
    for method, path in [*WRITES.values(), ("POST", "/v1/collections/books/import")]:
        answer = client.request(method, path, b"{}", content_type=media)
        assert_problem(answer, 415, "unsupported_media_type")
        assert "json" in answer.headers["accept-patch" if method == "PATCH" else "accept"]


@pytest.mark.parametrize(
    "media", ["application/json", "Application/JSON", "application/json;charset=utf-8", "APPLICATION/JSON ; x=y"]
)
def test_a_media_type_is_written_in_any_case_and_with_parameters(fresh: Client, media: str) -> None:
    assert fresh.post(records("books"), {"title": "a"}, content_type=media).status == 201
    assert fresh.patch(records("books", "i"), {"title": "b"}, content_type=media).status == 200


def test_a_body_without_a_media_type_is_taken_for_what_the_endpoint_takes(fresh: Client) -> None:
    response = fresh.gateway.handle_request(
        "POST", records("books"), {"authorization": f"Bearer {fresh.key}"}, b'{"title":"a"}'
    )
    assert response["statusCode"] == 201


PATHS = {name: endpoint for name, endpoint in ENDPOINTS.items() if "{collection}" in endpoint.path}


def sent(client: Client, name: str, path: str, **headers: str) -> Answer:
    endpoint = ENDPOINTS[name]
    if endpoint.body is None:
        return client.request(endpoint.method, path, **headers)
    body: Any = {"Definition": {"schema": {}}, "Lines": b"{}"}.get(endpoint.body.schema, {"title": "a"})
    return client.request(endpoint.method, path, body, content_type=endpoint.body.media[0], **headers)


@pytest.mark.parametrize(
    "collection", ["a%2Fb", "%00", "..", ".", "9", "a b", "%C3%A9", "%ff", "x" * 65, "x" * 2000, "books%0A", "%24"]
)
@pytest.mark.parametrize("name", PATHS)
def test_a_name_that_no_collection_has(client: Client, name: str, collection: str) -> None:
    path = ENDPOINTS[name].path.format(collection=collection, id="i")
    assert_problem(sent(client, name, path), 400, "invalid_identifier")


@pytest.mark.parametrize("name", [name for name in PATHS if name != "put_collection"])
def test_a_collection_that_is_not_there(client: Client, name: str) -> None:
    path = ENDPOINTS[name].path.format(collection="nobody", id="i")
    assert_problem(sent(client, name, path), 404, "collection_not_found")


@pytest.mark.parametrize(
    "record_id",
    [
        "a%2Fb",
        "%00",
        "..",
        ".",
        "%2e%2e",
        "a%20b",
        "%C3%A9",
        "%ff",
        "x" * 129,
        "x" * 2000,
        "i%0A",
        "%25",
        "%",
        "a%252Fb",
    ],
)
@pytest.mark.parametrize("name", ["read_record", "replace_record", "patch_record", "delete_record"])
def test_an_id_that_no_record_has(client: Client, name: str, record_id: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books", id=record_id)
    assert_problem(sent(client, name, path), 400, "invalid_identifier")


@pytest.mark.parametrize(
    "limit", ["", "0", "-1", "1001", "99999999999999999999", "1.5", "1e2", "ten", "%20", "+5", "٣", "0x10", "1,2"]
)
@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if "limit" in endpoint.query])
def test_a_limit_that_is_none(client: Client, name: str, limit: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books")
    problem = assert_problem(client.get(path, query=f"limit={limit}"), 400, "invalid_parameter")
    assert problem["parameter"] == "limit"


@pytest.mark.parametrize("cursor", ["", "x", "%00", "AAAA", "A" * 5000, "=", "%F0%9F%8D%95", "null", "a.b", "-_-_"])
@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if "cursor" in endpoint.query])
def test_a_cursor_that_nobody_made(client: Client, name: str, cursor: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books")
    assert_problem(client.get(path, query=f"cursor={cursor}"), 400, "invalid_cursor")


@pytest.mark.parametrize(
    "query", ["strange=1", "Limit=5", "limt=5", "a%00b=1", "x" * 500 + "=1", "%F0%9F%8D%95=1", "filter=a"]
)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_parameter_that_is_not_known(client: Client, name: str, query: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books", id="i")
    assert_problem(sent(client, name, f"{path}?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint.query])
def test_a_parameter_that_is_given_twice(client: Client, name: str) -> None:
    endpoint = ENDPOINTS[name]
    path = endpoint.path.format(collection="books", id="i")
    for parameter in endpoint.query:
        answer = sent(client, name, f"{path}?{parameter}=1&{parameter}=1")
        problem = assert_problem(answer, 400, "invalid_parameter")
        assert problem["parameter"] == parameter


@pytest.mark.parametrize(
    "query",
    [
        "fields=",
        "fields=,",
        "fields=a,,b",
        "fields=" + ",".join("a" * 101),
        "consistent=yes",
        "consistent=",
        "consistent=TRUE",
    ],
)
def test_a_parameter_with_a_value_that_it_cannot_have(client: Client, query: str) -> None:
    assert_problem(client.get(records("books", "i"), query=query), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "where",
    [
        "",
        "%20",
        "stock",  # a condition, and all that follows is none
        "5",
        "stock+%3D+5",
        "stock+%3E",
        "stock+%3E+0+and",
        "(" * 3000,
        "stock+%3E+" + "9" * 50,
        "a+%3E+1+or+" * 600 + "b",
        "%00",
        "%ff",
        "%ED%A0%80",
        "%F0%9F%8D%95",
        "$x",
        "new.stock+%3E+0",
        "auth.id+%3D%3D+owner",
        '["%3E","stock",0]',
    ],
)
@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if "if" in endpoint.query])
def test_a_condition_that_is_none(client: Client, name: str, where: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books", id="nobody")
    answer = sent(client, name, f"{path}?if={where}")
    if where == "stock":
        assert_problem(answer, 412 if name == "replace_record" else 404)
    else:
        assert assert_problem(answer, 400, "invalid_where")["parameter"] == "if"


@pytest.mark.parametrize(
    "tags",
    [
        "",
        " ",
        "7",
        '"7',
        '7"',
        "'7'",
        '"7" "8"',
        '"7";"8"',
        "W/7",
        "**",
        "*,*",
        '"1",*',
        ",",
        '"é',
        ", ".join(f'"{n}"' for n in range(51)),
    ],
)
@pytest.mark.parametrize("header", ["if_match", "if_none_match"])
@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if "If-None-Match" in endpoint.headers])
def test_an_entity_tag_that_is_none(client: Client, name: str, header: str, tags: str) -> None:
    path = ENDPOINTS[name].path.format(collection="books", id="i")
    problem = assert_problem(sent(client, name, path, **{header: tags}), 400, "invalid_parameter")
    assert problem["parameter"] == header.replace("_", "-").title()


@pytest.mark.parametrize("key", ["", '""', " ", "a b", "é", "ключ", "x" * 256, "\x7f", "a\x00"])
@pytest.mark.parametrize(
    "name", [name for name, endpoint in ENDPOINTS.items() if "Idempotency-Key" in endpoint.headers]
)
def test_an_idempotency_key_that_is_none(client: Client, name: str, key: str) -> None:
    endpoint = ENDPOINTS[name]
    path = endpoint.path.format(collection="books", id="i")
    body: Any = {"operations": [{"op": "delete", "collection": "books", "id": "i"}]}
    if name in ("batch", "transaction"):
        answer = client.post(path, body, idempotency_key=key)
    else:
        answer = sent(client, name, path, idempotency_key=key)
    assert assert_problem(answer, 400, "invalid_parameter")["parameter"] == "Idempotency-Key"


def test_the_longest_key_and_the_longest_id_are_taken(fresh: Client) -> None:
    answer = fresh.post(records("books"), {"id": "x" * 128, "title": "a"}, idempotency_key="k" * 255)
    assert answer.status == 201
    assert fresh.get(records("books", "x" * 128)).status == 200
    batch = {"operations": [{"op": "create", "collection": "books", "body": {"title": "a"}}]}
    assert fresh.post("/v1/batch", batch, idempotency_key="k" * 255).json()["results"][0]["status"] == 201


def test_a_hundred_and_one_operations(client: Client) -> None:
    listed = {"operations": [{"op": "create", "collection": "books", "body": {"title": "a"}}] * 101}
    for path in ("/v1/batch", "/v1/transactions"):
        assert_problem(client.post(path, listed), 422, "validation_failed")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**45), 10**45)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["2030-01-01T00:00:00Z", "a", "i", "#", "#/$defs/a", "object", "free", "create", "patch", "*", "1"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4)
            | st.sampled_from(
                [
                    "id",
                    "version",
                    "u",
                    "until",
                    "title",
                    "stock",
                    "tags",
                    "address",
                    "$inc",
                    "$append",
                    "$remove",
                    "$unset",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@law(80)
@given(body=JSON)
@pytest.mark.parametrize("write", [name for name in WRITES if not name.startswith("define")])
def test_no_body_whatever_is_answered_with_a_defect(fresh: Client, write: str, body: Any) -> None:
    method, path = WRITES[write]
    assert fresh.request(method, path, body).status < 500


OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["create", "replace", "patch", "delete", "read", "check"]) | JSON,
        "collection": st.sampled_from(["books", "free", "nobody"]) | JSON,
        "id": st.sampled_from(["i", "j"]) | JSON,
        "body": JSON,
        "if_match": st.sampled_from(["1", "*"]) | JSON,
        "if_none_match": st.sampled_from(["1", "*"]) | JSON,
        "if": st.sampled_from(["title == 'a'", "title.startsWith(id)", "false", ["==", "a", {"value": "i"}]]) | JSON,
    },
)


@law(120)
@given(listed=st.lists(OPERATIONS, max_size=4))
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/transactions"])
def test_no_operations_whatever_are_answered_with_a_defect(fresh: Client, path: str, listed: Any) -> None:
    answer = fresh.post(path, {"operations": listed})
    assert answer.status < 500
    for result in answer.json().get("results", ()):
        assert result["status"] < 500, answer


KEYWORDS = st.sampled_from(
    [
        "type", "properties", "required", "additionalProperties", "items", "prefixItems", "enum", "const", "minimum",
        "maximum", "multipleOf", "maxItems", "minLength", "pattern", "format", "$ref", "$defs", "$id", "$schema", "if",
        "then", "oneOf", "allOf", "not", "dependentRequired", "default", "unevaluatedProperties", "$dynamicRef", "a",
    ]
)  # fmt: skip
SCHEMA_VALUES = st.sampled_from(["object", "string", "#", "#/$defs/a", "#/properties/a", "[", "(", "date-time", "a"])
SCHEMAS = st.recursive(
    st.booleans() | st.integers(-2, 5) | SCHEMA_VALUES | st.just([]) | st.just(["a"]) | st.none() | st.floats(-1, 9),
    lambda inner: st.dictionaries(KEYWORDS, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=12,
)
MEMBERS = st.fixed_dictionaries(
    {"schema": st.dictionaries(KEYWORDS, SCHEMAS, max_size=5)},
    optional={
        "unique": st.lists(st.sampled_from(["a", "id", ""]) | JSON, max_size=2),
        "ttl": st.sampled_from(["a", "id", "$a"]) | JSON,
        "indexes": st.dictionaries(st.sampled_from(["x", "X"]), st.fixed_dictionaries({"hash": JSON})) | JSON,
        "shards": st.sampled_from([1, 2, 2.0, 65, -1]) | JSON,
        "rules": JSON,
        "hidden": JSON,
        "require_preconditions": JSON,
        "strange": JSON,
    },
)


@law(250)
@given(definition=MEMBERS | JSON, body=st.dictionaries(st.sampled_from(["a", "type", "b"]), JSON, max_size=3))
def test_no_definition_whatever_is_answered_with_a_defect(fresh: Client, definition: Any, body: Any) -> None:
    defined = fresh.put("/v1/collections/fuzz", definition)
    assert defined.status < 500
    if defined.status in (200, 201):
        path = records("fuzz", "i")
        fresh.delete(path)
        for answer in (
            fresh.post(records("fuzz"), body),
            fresh.put(path, body),
            fresh.patch(path, body),
            fresh.patch(path, {"a": {"$inc": 1}}),
            fresh.patch(path, {"a": {"$append": [1]}}),
            fresh.get("/openapi.json"),
            fresh.get(records("fuzz"), query={"limit": 1}),
            fresh.delete(path, if_match="*"),
        ):
            assert answer.status < 500, (definition, answer)
        for item in fresh.listed(records("fuzz")):
            fresh.delete(records("fuzz", item["id"]), if_match="*")


@law(100)
@given(
    st.binary(max_size=60) | st.lists(JSON.map(lambda value: json.dumps(value).encode()), max_size=5).map(b"\n".join)
)
def test_no_lines_whatever_are_answered_with_a_defect(fresh: Client, text: bytes) -> None:
    answer = fresh.post("/v1/collections/free/import", text, content_type=NDJSON)
    assert answer.status == 200
    assert all(error["status"] < 500 for error in answer.json()["errors"])
