from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.access import plans
from chalicelib.dynamo.tables import main
from tests.support.assertions import assert_problem, pointers
from tests.support.callers import Caller, keyed
from tests.support.client import Client, records

SLOW = {"rate": 0.001, "burst": 3}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "CACHE_SECONDS", 1e9)


@pytest.fixture
def caller(client: Client) -> Caller:
    """An administrator under the plan ``slow``, with a collection and a record."""
    client.define("books")
    client.make("books", {"id": "i"})
    client.put("/v1/plans/slow", SLOW)
    return Caller(keyed("a", "slow"))


def test_after_the_burst_a_caller_is_refused_and_told_when_to_come_back(caller: Caller) -> None:
    for left in (2, 1, 0):
        answer = caller.call("read_record", collection="books", id="i")
        assert answer.status == 200
        assert answer.headers["ratelimit-policy"] == '"burst";q=3;w=3000'
        assert answer.headers["ratelimit"] == f'"burst";r={left};t=1000'
    answer = caller.call("read_record", collection="books", id="i")
    problem = assert_problem(answer, 429, "rate_limited")
    assert (problem["limit"], problem["remaining"], problem["violated-policies"]) == (3, 0, ["burst"])
    assert problem["reset"] == int(answer.headers["retry-after"])
    assert 0 < problem["reset"] <= 1000
    assert answer.headers["ratelimit"] == f'"burst";r=0;t={problem["reset"]}'


def test_a_quota_is_a_problem_of_its_own(client: Client) -> None:
    client.put("/v1/plans/small", {"quota": {"limit": 2, "period": "month"}})
    caller = Caller(keyed("a", "small"))
    assert [caller.call("list_jobs").status for _ in range(2)] == [200, 200]
    answer = caller.call("list_jobs")
    problem = assert_problem(answer, 429, "quota_exceeded")
    assert (problem["limit"], problem["remaining"], problem["violated-policies"]) == (2, 0, ["month"])
    assert answer.headers["ratelimit"].startswith('"month";r=0;t=')


def test_answers_that_are_problems_count_and_have_the_headers_too(caller: Caller) -> None:
    answer = caller.call("read_record", collection="books", id="nobody")
    assert_problem(answer, 404)
    assert answer.headers["ratelimit"].startswith('"burst";r=2')
    assert_problem(caller.call("list_jobs", query={"strange": "1"}), 400)
    assert_problem(caller.call("create_record", b"{", collection="books"), 400)
    assert_problem(caller.call("list_jobs"), 429)


def test_without_a_plan_there_are_no_headers(client: Client) -> None:
    assert not {"ratelimit", "ratelimit-policy"} & set(client.get("/v1/jobs").headers)


def test_service_documents_are_open_to_everybody(caller: Caller) -> None:
    for _ in range(5):
        caller.call("list_jobs")
    for name in ("service", "health", "openapi"):
        answer = caller.call(name)
        assert answer.status == 200
        assert "ratelimit" not in answer.headers


def test_a_batch_counts_its_operations(client: Client) -> None:
    client.define("books")
    client.put("/v1/plans/p", {"rate": 0.001, "burst": 50})
    caller = Caller(keyed("a", "p"))

    def batch(count: int, name: str = "batch") -> Any:
        operations = [{"op": "create", "collection": "books", "body": {}}] * count
        return caller.call(name, {"operations": operations})

    problem = assert_problem(batch(100), 422, "too_many_operations")
    assert (problem["operations"], problem["limit"]) == (100, 50)
    assert_problem(batch(51, "transaction"), 422, "too_many_operations")
    assert batch(30).headers["ratelimit"].startswith('"burst";r=20')
    assert_problem(batch(21), 429, "rate_limited")
    assert batch(20, "transaction").status == 200
    assert_problem(batch(1), 429, "rate_limited")
    assert len(client.listed(records("books"))) == 50


def test_an_import_counts_its_lines(client: Client) -> None:
    client.define("books")
    client.put("/v1/plans/p", {"rate": 0.001, "burst": 5})
    caller = Caller(keyed("a", "p"))
    problem = assert_problem(caller.call("import_records", b"{}\n" * 6, collection="books"), 422, "too_many_operations")
    assert problem["operations"] == 6
    assert caller.call("import_records", b"{}\n\n" * 4, collection="books").json()["created"] == 4
    assert_problem(caller.call("import_records", b"{}\n{}", collection="books"), 429)
    assert caller.call("import_records", b"\n", collection="books").status == 200
    assert_problem(caller.call("import_records", b"{}", collection="books"), 429)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"operations": 5}', b'{"operations": []}'])
def test_a_batch_that_is_none_counts_one(client: Client, body: bytes) -> None:
    client.put("/v1/plans/slow", SLOW)
    caller = Caller(keyed("a", "slow"))
    answer = caller.call("batch", body)
    assert answer.status in (400, 422)
    assert answer.headers["ratelimit"].startswith('"burst";r=2')


def test_callers_without_credentials_are_under_the_public_plan_each_address_by_itself(client: Client) -> None:
    nobody, somebody = Caller(None), Caller(None, "192.0.2.2")
    client.put("/v1/plans/public", {"rate": 0.001, "burst": 1})
    body = {"refresh_token": "a"}
    for each in (nobody, somebody):
        assert each.call("refresh_tokens", body).status != 429
        assert_problem(each.call("refresh_tokens", body), 429, "rate_limited")


def test_a_read_of_a_hot_caller_is_one_call(client: Client) -> None:
    client.define("books")
    client.make("books", {"id": "i"})
    client.put("/v1/plans/fast", {"rate": 10_000, "burst": 100_000})
    caller = Caller(keyed("a", "fast"))
    for _ in range(21):
        caller.call("read_record", collection="books", id="i")
    with main.session.recording() as recorder:
        for _ in range(200):
            assert caller.call("read_record", collection="books", id="i").status == 200
    throttling = [
        call for call in recorder.calls if "rate#" in str(call.parameters) or "usage#" in str(call.parameters)
    ]
    assert recorder.operations.count("GetItem") == 200
    assert len(throttling) <= 4 + 2
    assert len(recorder.calls) == 200 + len(throttling)


def test_browsers_may_read_the_limits(client: Client) -> None:
    exposed = client.get("/v1/jobs").headers["access-control-expose-headers"].split(",")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


def test_the_limits_are_described(client: Client) -> None:
    described = json.loads(client.get("/openapi.json").text)["paths"]
    read = described["/v1/jobs"]["get"]["responses"]
    assert set(read["429"]["headers"]) == set(read["200"]["headers"]) == {"RateLimit", "RateLimit-Policy"}
    assert "429" not in described["/health"]["get"]["responses"]


PLAN = "/v1/plans/free"
FREE = {"rate": 10, "burst": 50, "quota": {"limit": 100_000, "period": "day"}}


def test_a_plan_is_made_read_replaced_listed_and_deleted(client: Client) -> None:
    made = client.put(PLAN, FREE)
    assert (made.status, made.etag, made.headers["location"]) == (201, '"1"', PLAN)
    assert made.json().items() >= FREE.items()
    assert client.get(PLAN).json() == made.json()
    assert client.get(PLAN, if_none_match='"1"').status == 304
    assert client.put(PLAN, FREE, if_match='"2"').status == 412
    assert client.put(PLAN, {"quota": FREE["quota"]}, if_match='"1"').etag == '"2"'
    assert [plan["id"] for plan in client.listed("/v1/plans", limit=1)] == ["free"]
    assert_problem(client.delete(PLAN, if_match='"1"'), 412)
    assert client.delete(PLAN).status == 204
    assert_problem(client.get(PLAN), 404, "plan_not_found")
    assert_problem(client.delete(PLAN), 404, "plan_not_found")


def test_what_is_no_plan_is_refused_with_everything_that_is_wrong(client: Client) -> None:
    wrong = {"rate": -1, "burst": "many", "quota": {"limit": 1, "period": "year"}, "x": 1}
    problem = assert_problem(client.put(PLAN, wrong), 422, "validation_failed")
    assert set(pointers(problem)) == {"/rate", "/burst", "/quota/period", "/x"}
    assert_problem(client.put(PLAN, b"{"), 400, "malformed_json")
    assert_problem(client.put("/v1/plans/a%20b", FREE), 400, "invalid_identifier")


def test_plans_and_the_usage_of_others_are_for_administrators(client: Client) -> None:
    user = Caller(keyed("a", None, "member"))
    for name in ("read_plan", "delete_plan"):
        assert_problem(user.call(name, id="p"), 403, "forbidden")
    assert_problem(user.call("list_plans"), 403, "forbidden")
    assert_problem(user.call("put_plan", FREE, id="p"), 403, "forbidden")
    assert_problem(user.call("read_usage", query={"key": "key:b"}), 403, "forbidden")
    assert [item["key"] for item in user.call("read_usage").json()["items"]] == ["key:a"]
    assert user.call("read_usage", query={"key": "key:a"}).status == 200


def test_usage_says_what_was_done(client: Client) -> None:
    client.define("books")
    client.put("/v1/plans/slow", {"rate": 0.001, "burst": 4})
    caller = Caller(keyed("a", "slow"))
    sent = json.dumps({"id": "i", "title": "Emma"}).encode()
    made = caller.call("create_record", sent, collection="books")
    read = [caller.call("read_record", collection="books", id="i") for _ in range(2)]
    unknown = caller.call("read_record", collection="books", id="nobody")
    refused = [caller.call("read_record", collection="books", id="i") for _ in range(2)]
    (item,) = client.get("/v1/usage", query={"key": "key:a"}).json()["items"]
    texts = [made, *read, unknown, *refused]
    assert item == {
        "key": "key:a",
        "day": item["day"],
        "calls": 4,
        "rejected": 2,
        "bytes_in": len(sent),
        "bytes_out": sum(len(answer.text.encode()) for answer in texts),
        "read_units": item["read_units"],
        "write_units": 1,
    }
    assert item["read_units"] >= 1.5, "the definition is read once in five seconds"


def test_usage_is_of_all_callers_by_day(client: Client) -> None:
    for name in "cab":
        Caller(keyed(name)).call("list_jobs")
    Caller(None).call("refresh_tokens", {"refresh_token": "a"})
    listed = client.listed("/v1/usage", limit=2)
    assert [item["key"] for item in listed] == ["anonymous", "key:a", "key:b", "key:c", "key:configured"]
    assert client.listed("/v1/usage", to="2020-01-01") == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"to": "0001-01-01"},
        {"from": "9999-12-31"},
        {"to": "2026-13-01"},
        {"key": ""},
        {"key": "x" * 600},
    ],
)
def test_what_is_no_day_or_key_is_refused(client: Client, query: dict[str, str]) -> None:
    problem = assert_problem(client.get("/v1/usage", query=query), 400, "invalid_parameter")
    assert [problem["parameter"]] == list(query)
