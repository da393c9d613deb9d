from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, imports, indexes, jobs, records, reindexing
from chalicelib.collections.definitions import Collection
from chalicelib.collections.jobs import Job
from chalicelib.collections.operations import BATCH, TRANSACTION, Caller, parse, run_batch, run_transaction
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.collections.record import Record
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main
from chalicelib.errors import Conflict, NotFound, PreconditionFailed, Problem, Unprocessable
from tests.support.listings import listed, query
from tests.support.stores import collection, law, opened, stored

BOTH = {"by_team": {"hash": "team", "range": "rank"}, "by_rank": {"range": "rank"}}
SWAPPED = {"by_team": {"range": "rank"}, "by_rank": {"hash": "team", "range": "rank"}}
ADMINISTRATOR = Principal("key:test", "key", frozenset({ADMIN}))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process has a definition in its cache, so that no job has to wait for that."""
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)


def declare(name: str, declared: dict[str, Any], **members: Any) -> Collection:
    return definitions.put(name, {"schema": {}, "indexes": declared, **members})[0]


def filled(name: str, count: int, **members: Any) -> Collection:
    made = collection(name=name, **members)
    for number in range(count):
        records.create(unbounded(made), {"id": f"i{number:03}", "team": f"t{number % 3}", "rank": number % 7})
    return made


def keys_of(item: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in item.items() if name in indexes.ATTRIBUTES}


def assert_keys_are_right(made: Collection) -> list[dict[str, Any]]:
    """That each stored record has the keys that its properties give it, and no others; what is stored."""
    found = stored(f"r#{made.name}#")
    for item in found:
        server_set = {name: item[f"_{name}"] for name in ("version", "created_at", "updated_at")}
        shown = {"id": item["sk"], **server_set, **item["doc"]}
        wanted = indexes.keys(made.name, made.indexes, item["sk"], shown)
        assert keys_of(item) == {name: key for name, key in wanted.items() if key is not None}, item
    return found


def run_all() -> None:
    """Work on all jobs, those too of which the process has died."""
    for job in jobs._open_jobs():
        jobs.Job.update(id=job.id).set(jobs.Job.leased_until, 0).run()
    jobs.run_pending(60)


def job_of(name: str) -> Job:
    """The job that the collection waits for."""
    return jobs.get(str(definitions.current(name).reindexing))


def test_an_index_of_a_new_collection_is_ready_at_once(table: str) -> None:
    made = collection(name="c", indexes=BOTH)
    assert made.document()["index_states"] == {"by_team": {"state": "ready"}, "by_rank": {"state": "ready"}}
    assert jobs.page(10, None).items == []


def test_an_index_of_a_collection_with_records_is_built_by_a_job(table: str, impatient: None) -> None:
    filled("c", 10, shards=2)
    made = declare("c", BOTH, shards=2)
    (job,) = jobs.page(10, None).items
    assert (job.kind, job.collection, job.state, job.progress) == ("reindex", "c", "pending", {"read": 0, "written": 0})
    building = {"state": "building", "job": job.id}
    assert made.document()["index_states"] == {"by_team": building, "by_rank": building}
    asked = query(made, "team == 't1'")
    assert asked.plan().index is None
    assert asked.plan().rejected == {"by_team": "it is being built", "by_rank": "it is being built"}
    before = listed(asked, 3)
    assert jobs.run_pending(60) == 1
    done = jobs.get(job.id)
    assert (done.state, done.progress) == ("done", {"read": 10, "written": 10})
    ready = definitions.current("c")
    assert ready.version == made.version + 1
    assert ready.reindexing is None
    assert ready.document()["index_states"] == {"by_team": {"state": "ready"}, "by_rank": {"state": "ready"}}
    assert_keys_are_right(ready)
    asked = query(ready, "team == 't1'")
    assert asked.plan().index is not None
    assert sorted(listed(asked, 3)) == sorted(before) == ["i001", "i004", "i007"]


def test_what_writers_store_while_an_index_is_built_has_its_keys(table: str) -> None:
    filled("c", 3)
    made = declare("c", BOTH)
    records.create(unbounded(made), {"id": "new", "team": "t9", "rank": 1})
    (item,) = [item for item in stored("r#c#") if item["sk"] == "new"]
    assert set(keys_of(item)) == {"_i1h", "_i1r", "_i2h", "_i2r"}


def test_a_job_waits_until_nobody_writes_by_the_definition_of_before(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", 0.2)
    held = filled("c", 2)
    with settings.override(longest_write=0.6):
        made = declare("c", BOTH)
        jobs.run_pending(0.1)
        records.create(unbounded(held), {"id": "late", "team": "t1"})
        assert [keys_of(item) for item in stored("r#c#")] == [{}] * 3
        began = jobs.began(job_of("c"))
        jobs.run_pending(60)
        assert time.time() - began >= 0.8
    assert len(assert_keys_are_right(made)) == 3


def test_the_same_indexes_again_make_no_job(table: str, impatient: None) -> None:
    filled("c", 2)
    first = declare("c", BOTH)
    again = declare("c", dict(reversed(BOTH.items())), description="other")
    assert again.reindexing == first.reindexing
    assert len(jobs.page(10, None).items) == 1
    run_all()
    declare("c", BOTH, hidden=["rank"])
    assert len(jobs.page(10, None).items) == 1
    assert all(index.is_ready for index in definitions.current("c").indexes)


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("added", {}, BOTH),
    ("one more", {"by_rank": {"range": "rank"}}, BOTH),
    ("removed", BOTH, {}),
    ("one less", BOTH, {"by_rank": {"range": "rank"}}),
    ("one for another", {"by_team": {"hash": "team"}}, {"by_rank": {"range": "rank"}}),
    ("other properties", {"by": {"hash": "team", "range": "rank"}}, {"by": {"hash": "rank", "range": "team"}}),
    ("without its hash", {"by": {"hash": "team", "range": "rank"}}, {"by": {"range": "rank"}}),
    ("without its range", {"by": {"hash": "team", "range": "rank"}}, {"by": {"hash": "team"}}),
    ("swapped", BOTH, SWAPPED),
    ("all five", {f"by_{n}": {"range": "rank"} for n in range(5)}, {f"by_{n}": {"hash": "team"} for n in range(5)}),
    ("five others", {f"by_{n}": {"range": "rank"} for n in range(5)}, {f"of_{n}": {"hash": "team"} for n in range(5)}),
    ("of the server's", {"by": {"hash": "team"}}, {"by": {"hash": "team", "range": "created_at"}}),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_after_a_change_of_indexes_each_record_has_the_keys_of_the_new_ones(
    table: str, impatient: None, before: dict[str, Any], after: dict[str, Any]
) -> None:
    filled("c", 7, indexes=before)
    definitions.put("c", {"schema": {}, "indexes": after})
    changed = {name for name in after if before.get(name) != after[name]}
    assert {index.name for index in definitions.current("c").indexes if not index.is_ready} == changed
    run_all()
    made = definitions.current("c")
    assert all(index.is_ready for index in made.indexes)
    assert len({index.slot for index in made.indexes}) == len(after)
    assert len(assert_keys_are_right(made)) == 7
    for index in made.indexes:
        where, sort = ("team == 't1'", index.range) if index.hash == "team" else (None, index.range)
        if index.hash != "rank":
            assert len(listed(query(made, where, sort), 2)) == (2 if where else 7)


def test_an_index_that_stays_is_used_throughout(table: str, impatient: None) -> None:
    filled("c", 5, indexes={"by_rank": {"range": "rank"}})
    made = declare("c", BOTH)
    asked = query(made, sort="-rank")
    plan = asked.plan()
    assert plan.index is not None
    assert plan.index.name == "by_rank"
    assert listed(asked, 2) == ["i004", "i003", "i002", "i001", "i000"]


class Died(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("calls", range(1, 22, 2))
def test_a_job_that_died_anywhere_is_gone_on_with(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 3)
    filled("c", 8, shards=2)
    declare("c", BOTH, shards=2)
    job = job_of("c")
    left = itertools.count(calls, -1)
    plain = main.session.call

    def dying(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if next(left) <= 0:
            raise Died
        return plain(operation, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(main.session, "call", dying)
        with pytest.raises(Died):
            jobs.run_pending(60)
    assert jobs.get(job.id).state != "done"
    run_all()
    done = jobs.get(job.id)
    assert done.state == "done"
    assert 0 < done.progress["written"] <= 8
    assert len(assert_keys_are_right(definitions.current("c"))) == 8
    assert all(index.is_ready for index in definitions.current("c").indexes)


def test_runs_of_any_length_come_to_an_end_and_do_no_step_twice(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    filled("c", 9, shards=3)
    declare("c", BOTH, shards=3)
    job = job_of("c")
    seen: list[int] = []
    for _ in range(200):
        jobs.run_pending(0.03)
        seen.append(jobs.get(job.id).progress["read"])
        if jobs.get(job.id).state == "done":
            break
    assert seen == sorted(seen)
    assert jobs.get(job.id).progress == {"read": 9, "written": 9}
    assert_keys_are_right(definitions.current("c"))


def test_each_record_takes_a_write_and_none_whose_keys_are_right(table: str, impatient: None) -> None:
    filled("c", 7)
    declare("c", BOTH)
    job = job_of("c")
    with main.session.recording() as recorder:
        list(reindexing.rewrite_keys(job))
    assert Counter(recorder.operations) == {"Query": 1, "PutItem": 7, "GetItem": 3, "UpdateItem": 1}
    definitions.put("c", {"schema": {}, "indexes": BOTH, "ttl": "until"})
    job = job_of("c")
    with main.session.recording() as recorder:
        list(reindexing.rewrite_keys(job))
    assert Counter(recorder.operations) == {"Query": 1, "GetItem": 3, "UpdateItem": 1}


def patch_other(made: Collection, record_id: str) -> None:
    records.patch(unbounded(made), record_id, {"other": 1})


def patch_indexed(made: Collection, record_id: str) -> None:
    records.patch(unbounded(made), record_id, {"team": "t9"})


def replace(made: Collection, record_id: str) -> None:
    records.replace(unbounded(made), record_id, {"team": "t8", "rank": 70})


def delete(made: Collection, record_id: str) -> None:
    records.delete(unbounded(made), record_id)


def make_again(made: Collection, record_id: str) -> None:
    records.delete(unbounded(made), record_id)
    records.create(unbounded(made), {"id": record_id, "team": "t7"})


WRITES: list[Callable[[Collection, str], None]] = [patch_other, patch_indexed, replace, delete, make_again]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, BOTH),
        (BOTH, SWAPPED),
        (BOTH, {"by": {"hash": "rank", "range": "created_at"}, "of": {"range": "created_at"}}),
        (BOTH, {"by": {"hash": "created_at"}, "of": {"range": "rank"}}),
    ],
)
def test_a_write_between_reading_a_record_and_rewriting_it_is_not_undone_nor_left_out(
    table: str,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Collection, str], None],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    filled("c", 4, indexes=before)
    made = declare("c", after)
    time.sleep(0.005)  # what is made again has another creation time
    rewrite = reindexing._rewrite

    def late(of: Collection, record: Record) -> bool:
        if record.id in ("i001", "i002"):
            write(made, record.id)
        return rewrite(of, record)

    monkeypatch.setattr(reindexing, "_rewrite", late)
    jobs.run_pending(60)
    assert len(assert_keys_are_right(definitions.current("c"))) == (2 if write is delete else 4)


@pytest.mark.parametrize("write", WRITES[:3])
def test_a_write_of_an_old_record_before_the_job_comes_by(
    table: str, impatient: None, write: Callable[[Collection, str], None]
) -> None:
    filled("c", 2, indexes=BOTH)
    made = declare("c", {"by": {"hash": "rank", "range": "created_at"}, "of": {"range": "created_at"}})
    time.sleep(0.005)
    write(made, "i001")
    jobs.run_pending(60)
    assert_keys_are_right(definitions.current("c"))


def test_writers_during_the_fill_lose_nothing(table: str, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 10)
    filled("c", 60, indexes={"by_rank": {"hash": "rank", "range": "team"}})
    made = declare("c", BOTH)
    stop = threading.Event()

    def keep_writing(seed: int) -> None:
        choices = random.Random(seed)
        while not stop.is_set():
            record_id = f"i{choices.randrange(80):03}"
            with suppress(Problem):
                choices.choice(WRITES)(made, record_id)

    threads = [threading.Thread(target=keep_writing, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        jobs.run_pending(60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    made = definitions.current("c")
    assert all(index.is_ready for index in made.indexes)
    found = assert_keys_are_right(made)
    ranked = sorted(found, key=lambda item: (item["doc"].get("rank") is not None, item["doc"].get("rank"), item["sk"]))
    assert listed(query(made, sort="rank"), 7) == [item["sk"] for item in ranked]


def test_a_job_stops_when_a_later_change_has_its_own(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    filled("c", 6)
    declare("c", BOTH)
    first = job_of("c")
    steps = reindexing.rewrite_keys(first)
    next(steps)
    declare("c", SWAPPED)
    second = job_of("c")
    assert list(steps) == []
    assert not any(index.is_ready for index in definitions.current("c").indexes)
    assert second.id != first.id
    run_all()
    assert jobs.get(first.id).state == jobs.get(second.id).state == "done"
    assert jobs.get(first.id).progress == {"read": 0, "written": 0}
    assert_keys_are_right(definitions.current("c"))
    assert all(index.is_ready for index in definitions.current("c").indexes)


def test_the_end_of_a_job_that_was_overtaken_makes_nothing_ready(table: str, impatient: None) -> None:
    filled("c", 2)
    declare("c", BOTH)
    first = job_of("c")
    version = declare("c", SWAPPED).version
    definitions.finish_reindexing(first.id, "c")
    assert definitions.current("c").version == version
    assert not any(index.is_ready for index in definitions.current("c").indexes)


def test_a_deletion_ends_a_job(table: str, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    filled("c", 6)
    declare("c", BOTH)
    job = job_of("c")
    steps = reindexing.rewrite_keys(job)
    next(steps)
    definitions.delete("c")
    assert list(steps) == []
    run_all()
    assert jobs.get(job.id).state == "done"
    assert stored("r#c#") == []
    assert definitions.put("c", {"schema": {}, "indexes": BOTH})[0].document()["index_states"]["by_rank"] == {
        "state": "ready"
    }


def test_records_that_have_ended_do_not_stand_in_the_way(table: str, impatient: None) -> None:
    made = collection(name="c", ttl="until")
    values: dict[str, Any] = {"version": 1, "created_at": "", "updated_at": "", "doc": {"rank": 1}}
    Record(partition=made.partition("old"), id="old", expires_at=int(time.time()) - 10, **values).put()
    records.create(unbounded(made), {"id": "new", "rank": 2})
    made = declare("c", BOTH, ttl="until")
    jobs.run_pending(60)
    made = definitions.current("c")
    assert_keys_are_right(made)
    assert listed(query(made, sort="rank"), 5) == ["new"]


def test_a_changed_end_is_brought_to_the_records_too(table: str, impatient: None) -> None:
    soon, past = int(time.time()) + 1000, int(time.time()) - 1000
    made = collection(name="c", ttl="until", indexes=BOTH)
    records.create(unbounded(made), {"id": "a", "until": soon, "rank": 1})
    records.create(unbounded(made), {"id": "b", "until": soon, "ends": past, "rank": 2})
    records.create(unbounded(made), {"id": "c", "until": soon, "ends": soon + 5, "rank": 3})
    declare("c", BOTH, ttl="ends")
    jobs.run_pending(60)
    made = definitions.current("c")
    assert {item["sk"]: item.get("_ttl") for item in stored("r#c#")} == {"a": None, "b": past, "c": soon + 5}
    assert listed(query(made, sort="rank"), 5) == ["a", "c"]
    definitions.put("c", {"schema": {}, "indexes": BOTH})
    jobs.run_pending(60)
    assert listed(query(definitions.current("c"), sort="rank"), 5) == ["a", "c"], "what has ended does not come back"


def test_a_record_that_others_keep_writing_leaves_its_step_to_be_done_again(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled("c", 3)
    made = declare("c", BOTH)
    job = job_of("c")
    is_right = reindexing._is_right

    def written_meanwhile(of: Collection, record: Record) -> bool:
        right = is_right(of, record)
        patch_other(made, record.id)
        return right

    with monkeypatch.context() as patched:
        patched.setattr(reindexing, "_is_right", written_meanwhile)
        assert jobs.run_pending(60) == 0
    assert not any(index.is_ready for index in definitions.current("c").indexes)
    run_all()
    assert jobs.get(job.id).state == "done"
    assert len(assert_keys_are_right(definitions.current("c"))) == 3


def test_more_shards_while_a_job_runs(table: str, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    filled("c", 5)
    declare("c", BOTH)
    steps = reindexing.rewrite_keys(job_of("c"))
    next(steps)
    declare("c", BOTH, shards=4)
    for number in range(5):
        records.create(unbounded(definitions.current("c")), {"rank": number})
    assert len(list(steps)) >= 2
    run_all()
    made = definitions.current("c")
    assert len(assert_keys_are_right(made)) == 10
    assert len(listed(query(made, sort="rank"), 3)) == 10


INDEXED = {
    "by_team": {"hash": "team", "range": "rank"},
    "by_rank": {"range": "rank"},
    "by_creation": {"hash": "team", "range": "created_at"},
    "by_change": {"range": "updated_at"},
    "by_born": {"hash": "created_at"},
}


def measured(write: Callable[[], Any]) -> Recorder:
    with main.session.recording() as recorder:
        write()
    return recorder


PATCHES: list[tuple[str, Any, list[str]]] = [
    ("a value", {"team": "t2", "rank": 5}, ["UpdateItem"]),
    ("of another property", {"other": 5}, ["UpdateItem"]),
    ("null", {"team": None, "rank": None}, ["UpdateItem"]),
    ("another type", {"team": [1, {"a": None}], "rank": "text"}, ["UpdateItem"]),
    ("$inc of another", {"other": {"$inc": 1}}, ["UpdateItem"]),
    ("$inc", {"rank": {"$inc": 2}}, ["GetItem", "PutItem"]),
    ("$unset", {"team": {"$unset": True}, "rank": {"$unset": True}}, ["GetItem", "PutItem"]),
    ("a nested change", {"team": {"name": "t1"}}, ["GetItem", "PutItem"]),
    ("long texts", {"team": "t" * 3000, "rank": "é" * 400}, ["UpdateItem"]),
]


@pytest.mark.parametrize(("patch", "calls"), [row[1:] for row in PATCHES], ids=[row[0] for row in PATCHES])
def test_a_patch_keeps_the_keys_right(table: str, patch: Any, calls: list[str]) -> None:
    made = collection(indexes=INDEXED)
    records.create(unbounded(made), {"id": "i", "team": "t1", "rank": 1, "other": 1})
    time.sleep(0.005)
    assert measured(lambda: records.patch(unbounded(made), "i", patch)).operations == calls
    assert_keys_are_right(made)


def test_a_replacement_keeps_the_keys_right_and_those_of_the_creation_as_they_were(table: str) -> None:
    made = collection(indexes=INDEXED)
    created = records.replace(unbounded(made), "i", {"team": "t1", "rank": 1})
    assert created.created
    assert_keys_are_right(made)
    time.sleep(0.005)
    recorder = measured(lambda: records.replace(unbounded(made), "i", {"team": "t2"}))
    assert recorder.operations == ["UpdateItem"]
    (item,) = assert_keys_are_right(made)
    assert created.document is not None
    assert item["_created_at"] == created.document["created_at"] != item["_updated_at"]
    records.replace(unbounded(made), "i", {})
    (item,) = assert_keys_are_right(made)
    assert "_i1h" not in item


def test_a_record_that_has_ended_and_is_made_again_has_new_keys(table: str) -> None:
    made = collection(indexes=INDEXED, ttl="until")
    values: dict[str, Any] = {"version": 4, "created_at": "2020", "updated_at": "2020", "doc": {"team": "t1"}}
    for record_id in ("i0", "i1"):
        Record(partition=made.partition(record_id), id=record_id, expires_at=1, **values).put()
    records.replace(unbounded(made), "i0", {"rank": 3})
    records.create(unbounded(made), {"id": "i1", "rank": 3})
    assert len(assert_keys_are_right(made)) == 2


def test_batches_transactions_imports_and_unique_collections_keep_the_keys_right(table: str) -> None:
    for name, members in (("c", {}), ("u", {"unique": ["rank"]})):
        made = collection(name=name, indexes=INDEXED, **members)
        steps: list[dict[str, Any]] = [
            {"op": "create", "id": "a", "body": {"team": "t1", "rank": 1}},
            {"op": "replace", "id": "b", "body": {"team": "t1", "rank": 2}},
            {"op": "patch", "id": "a", "body": {"team": "t2", "rank": {"$inc": 10}}},
            {"op": "patch", "id": "b", "body": {"team": None}},
            {"op": "replace", "id": "a", "body": {"rank": 5}},
        ]
        for number, step in enumerate(steps):
            ways: list[tuple[Any, Any]] = [(TRANSACTION, run_transaction), (BATCH, run_batch)]
            kind, run = ways[number % 2]
            run(Caller(ADMINISTRATOR), parse({"operations": [{**step, "collection": name}]}, kind), None)
            assert_keys_are_right(made)
        report = imports.run(opened(name), b'{"id":"x","team":"t3","rank":50}\n{"rank":51}\n{"team":[]}')
        assert report.created == 3
        assert len(assert_keys_are_right(made)) == 5
        records.patch(unbounded(made), "x", {"rank": 60})
        records.replace(unbounded(made), "a", {"rank": 61, "team": "t"})
        assert_keys_are_right(made)


values: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, -0.0, 1, 1.0, 1.5, -3, 10**30, "", "a", "a\x00", "\x01", "é" * 300, "x" * 600, [], {"a": 1}]
)
properties = st.dictionaries(st.sampled_from(["team", "rank", "other"]), values, max_size=3)
operators = st.sampled_from([{"$inc": 1}, {"$unset": True}, {"$append": [1]}, {"$remove": [1]}, {"a": None}, {"b": {}}])
patches = st.dictionaries(st.sampled_from(["team", "rank", "other"]), values | operators, max_size=3)
ids = st.sampled_from(["a", "b"])
writes = st.lists(
    st.tuples(st.just("create"), ids, properties)
    | st.tuples(st.just("replace"), ids, properties)
    | st.tuples(st.just("patch"), ids, patches)
    | st.tuples(st.just("delete"), ids, st.none()),
    min_size=1,
    max_size=8,
)


@law(60)
@given(steps=writes, unique=st.booleans(), match=st.booleans())
def test_whatever_is_written_each_record_has_the_keys_of_its_properties(
    table: str, steps: list[tuple[str, str, Any]], unique: bool, match: bool
) -> None:
    made = collection(indexes=INDEXED, unique=["other"] if unique else [])
    only = Preconditions(match=frozenset({1, 2, 3})) if match else NONE
    for way, record_id, body in steps:
        try:
            if way == "create":
                records.create(unbounded(made), {"id": record_id, **body})
            elif way == "replace":
                records.replace(unbounded(made), record_id, body, only)
            elif way == "patch":
                records.patch(unbounded(made), record_id, body, only)
            else:
                records.delete(unbounded(made), record_id)
        except (Conflict, PreconditionFailed, NotFound, Unprocessable):
            continue
    assert_keys_are_right(made)


def test_a_number_that_no_index_can_have_is_the_callers_mistake(table: str) -> None:
    made = collection(indexes=BOTH)
    for body in ({"rank": 10**200}, {"team": 10**200}, {"rank": 1, "team": {"a": [10**200]}}):
        with pytest.raises(Problem) as refused:
            records.create(unbounded(made), {"id": "i", **body})
        assert refused.value.status == 422
        with pytest.raises(Problem) as refused:
            records.replace(unbounded(made), "i", body)
        assert refused.value.status == 422
    records.create(unbounded(made), {"id": "i"})
    with pytest.raises(Problem) as refused:
        records.patch(unbounded(made), "i", {"rank": 10**200})
    assert refused.value.status == 422
    assert_keys_are_right(made)


def each_step(job: Job) -> Iterator[dict[str, int]]:
    return (dict(step.done) for step in reindexing.rewrite_keys(job))


def test_steps_tell_what_was_done(table: str, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 4)
    filled("c", 6)
    made = declare("c", BOTH)
    records.replace(unbounded(made), "i000", {"team": "t5", "rank": 5})
    assert list(each_step(job_of("c"))) == [{"read": 4, "written": 3}, {"read": 2, "written": 2}]
