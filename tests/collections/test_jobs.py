from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, jobs, purge, reading, records
from chalicelib.collections.definitions import Collection
from chalicelib.errors import DefinitionConflict, JobNotFound
from tests.support.stores import collection, stored


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process has a definition in its cache, so that no job has to wait for that."""
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)


def filled(name: str, count: int, **members: object) -> Collection:
    made = collection(name=name, **members)
    for number in range(count):
        records.create(unbounded(made), {"n": number})
    return made


def test_a_deletion_takes_every_record_and_marker_and_frees_the_name(table: str, impatient: None) -> None:
    filled("c", 7, unique=["n"], shards=3)
    other = filled("other", 2, unique=["n"])
    job = definitions.delete("c")
    assert jobs.run_pending(30) == 1
    done = jobs.get(job.id)
    assert (done.state, done.progress) == ("done", {"deleted": 7})
    assert stored("r#c#") == []
    assert [item["pk"] for item in stored("u#")] == [
        "u#other#n#" + item["pk"].split("#", 3)[3] for item in stored("u#")
    ]
    assert len(stored("r#other#")) == 2
    again, created = definitions.put("c", {"schema": {}})
    assert created
    assert reading.read(unbounded(other), records.create(unbounded(other), {"id": "i"}).document["id"]).id == "i"  # type: ignore[index]
    assert records.create(unbounded(again), {"n": 1}).created


def test_a_finished_job_is_left_alone_and_goes_after_a_week(table: str, impatient: None) -> None:
    filled("c", 1)
    job = definitions.delete("c")
    jobs.run_pending(30)
    done = jobs.get(job.id)
    assert jobs.run_pending(30) == 0
    assert jobs.get(job.id) == done
    assert done.expires_at is not None
    assert abs(done.expires_at - time.time() - 7 * 86400) < 60


@pytest.mark.parametrize("seconds", [0.02, 0.1])
def test_runs_of_any_length_come_to_an_end(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(purge, "PAGE", 3)
    filled("c", 10, shards=4)
    job = definitions.delete("c")
    seen: list[int] = []
    for _ in range(200):
        jobs.run_pending(seconds)
        now = jobs.get(job.id)
        seen.append(now.progress["deleted"])
        if now.state == "done":
            break
        with pytest.raises(DefinitionConflict):
            definitions.put("c", {"schema": {}})
    assert jobs.get(job.id).state == "done"
    assert seen == sorted(seen)
    assert seen[-1] == 10


def test_without_time_nothing_is_begun(table: str) -> None:
    filled("c", 1)
    job = definitions.delete("c")
    assert jobs.run_pending(0) == 0
    assert jobs.get(job.id).state == "pending"


def test_a_deletion_waits_until_no_process_can_have_the_definition_of_before(table: str) -> None:
    filled("c", 1)
    held = definitions.get("c")
    definitions.delete("c")
    jobs.run_pending(0.5)
    records.create(unbounded(held), {"late": True})
    assert definitions.being_deleted("c") is not None
    jobs.run_pending(30)
    assert stored("r#c#") == []
    assert definitions.being_deleted("c") is None


class Died(BaseException):
    """The end of a process."""


def test_a_job_whose_process_died_is_taken_over_when_its_lease_ends(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled("c", 4)
    job = definitions.delete("c")

    def dies(_: jobs.Job) -> Iterator[jobs.Step]:
        yield jobs.Step({"deleted": 2}, ["somewhere"])
        raise Died

    with monkeypatch.context() as patched:
        patched.setitem(jobs._KINDS, "delete_collection", jobs._Kind(dies, ("deleted",)))
        with pytest.raises(Died):
            jobs.run_pending(30)
    assert (jobs.get(job.id).state, jobs.get(job.id).position) == ("running", ["somewhere"])
    assert jobs.run_pending(30) == 0, "the lease of the process that died is not over"
    left = jobs.get(job.id)
    assert left.leased_until > time.time()
    left.leased_until = int(time.time()) - 1
    left.put()
    assert jobs.run_pending(30) == 1
    assert jobs.get(job.id).state == "done"
    assert jobs.get(job.id).progress == {"deleted": 6}


def test_a_job_that_another_process_has_is_not_worked_on(table: str, impatient: None) -> None:
    filled("c", 1)
    job = definitions.delete("c")
    jobs.Job.update(id=job.id).set(jobs.Job.leased_until, int(time.time()) + 20).run()
    assert jobs.run_pending(5) == 0
    assert len(stored("r#c#")) == 1


def test_progress_that_another_process_made_meanwhile_is_not_lost(
    table: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled("c", 3)
    job = definitions.delete("c")
    listed = list(jobs._open_jobs())
    jobs.Job.update(id=job.id).set(jobs.Job.progress, {"deleted": 40}).run()
    assert jobs._work_on(listed[0], time.monotonic() + 30) == 1
    assert jobs.get(job.id).progress == {"deleted": 43}


def test_several_jobs_are_done_one_after_the_other(table: str, impatient: None) -> None:
    names = ["a", "b", "c"]
    for name in names:
        filled(name, 2)
    made = [definitions.delete(name) for name in names]
    assert jobs.run_pending(30) == 3
    assert {jobs.get(job.id).state for job in made} == {"done"}


def test_jobs_are_listed_newest_first(table: str) -> None:
    made = []
    for name in ("a", "b", "c"):
        collection(name=name)
        made.append(definitions.delete(name).id)
    first = jobs.page(2, None)
    assert [job.id for job in first.items] == made[:0:-1]
    assert [job.id for job in jobs.page(2, first.last).items] == made[:1]


@pytest.mark.parametrize("job_id", ["nobody", "", "a/b", "x" * 2000, "\0"])
def test_there_is_no_such_job(table: str, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        jobs.get(job_id)
