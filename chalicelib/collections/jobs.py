"""Background jobs: work on a whole collection, done in steps that another process can go on with."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.collections import ids
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import JobNotFound, WriteContention

if TYPE_CHECKING:
    from chalicelib.dynamo.query import Page

log = logging.getLogger(__name__)

LEASE_SECONDS = 30
"""How long a job stays with the process that took it, unless that says it is still there."""
KEPT = timedelta(days=7)
"""How long a finished job can still be read."""
PENDING, RUNNING, DONE, FAILED = "pending", "running", "done", "failed"
_ENDED = (DONE, FAILED)


class Job(Model, table=main):
    """A stored job. ``progress`` counts what was done; ``leased_until`` is Unix seconds.

    ``position`` is where its next step begins, for whoever goes on with it. ``detail`` says why it has failed.
    """

    id: Attr[str] = field(name="sk")
    kind: Attr[str]
    collection: Attr[str]
    state: Attr[str] = field(default=PENDING)
    progress: Attr[dict[str, int]]
    position: Attr[list[str]] = field(default=list)
    created_at: Attr[str]
    updated_at: Attr[str]
    leased_until: Attr[int] = field(default=0)
    detail: Attr[str | None] = field(default=None)
    expires_at: Attr[int | None] = field(name="_ttl", default=None)
    key = Key(pk="job", sk="{id}")

    def document(self) -> dict[str, Any]:
        """The job as the API shows it."""
        shown = ("id", "kind", "collection", "state", "progress", "created_at", "updated_at")
        document = {name: getattr(self, name) for name in shown}
        return document if self.detail is None else {**document, "detail": self.detail}


class JobFailed(Exception):
    """A job cannot go on until somebody has done something about it. The text says what."""


class Step(NamedTuple):
    """What was just done, and where the next step begins."""

    done: Mapping[str, int]
    position: Sequence[str] = ()


def began(job: Job) -> float:
    """When the job was asked for, in Unix seconds."""
    return (ids.time_of(job.id) or 0) / 1000


def new(kind: str, collection: str) -> Job:
    """A job that is not stored yet."""
    now = ids.timestamp()
    return Job(
        id=ids.new_id(),
        kind=kind,
        collection=collection,
        progress=dict.fromkeys(_KINDS[kind].counts, 0),
        created_at=now,
        updated_at=now,
    )


def get(job_id: str) -> Job:
    """A job by its id.

    Raises:
        JobNotFound: there is none, or it ended more than a week ago (404).
    """
    job = Job.get(consistent=True, id=job_id) if ids.ID.match(job_id) else None
    if job is None:
        raise JobNotFound(f"There is no job {job_id[:80]!r}.")
    return job


def has_failed(job_id: str) -> bool:
    """Whether a job could not go on, or is no longer known."""
    job = Job.get(consistent=True, id=job_id)
    return job is None or job.state == FAILED


def page(limit: int, after: str | None) -> Page[Job]:
    """Jobs, the newest first."""
    return Job.query().descending().consistent().limit(limit).after(after).run()


def run_pending(seconds: float) -> int:
    """Work on unfinished jobs until none is left or the time is over; how many were worked on.

    Safe to call from many processes at once: a job is leased by one at a time, and one whose process died is taken over
    when its lease ends.
    """
    deadline: float | None = None
    worked = 0
    for job in _open_jobs():
        if deadline is None:  # finding the jobs is not counted, so that each run gets further
            deadline = time.monotonic() + seconds
        if time.monotonic() >= deadline:
            break
        try:
            worked += _work_on(job, deadline)
        except WriteContention:  # the others do not wait for it; it is gone on with when its lease ends
            log.warning("job %s of %s met too many writers", job.kind, job.collection)
    return worked


def _open_jobs() -> Iterator[Job]:
    for found in Job.query().consistent().pages():
        yield from (job for job in found.items if job.state not in _ENDED)


def _work_on(job: Job, deadline: float) -> int:
    leased = _lease(job)
    if leased is None:
        return 0
    job = leased
    try:
        for step in _KINDS[job.kind].steps(job):
            job.progress = {name: count + step.done.get(name, 0) for name, count in job.progress.items()}
            job.position = list(step.position)
            if time.monotonic() >= deadline:
                _save(job, RUNNING, leased_until=0)
                return 1
            _save(job, RUNNING, leased_until=int(time.time()) + LEASE_SECONDS)
    except JobFailed as error:
        job.detail = str(error)
        _save(job, FAILED, leased_until=0)
    else:
        _save(job, DONE, leased_until=0)
    return 1


def _lease(job: Job) -> Job | None:
    """The job as it is now, taken; None when another process has it or has ended it."""
    now = int(time.time())
    try:
        return (
            Job.update(id=job.id)
            .set(Job.leased_until, now + LEASE_SECONDS)
            .set(Job.state, RUNNING)
            .when((Job.leased_until <= now) & ~Job.state.is_in(_ENDED))
            .run()
        )
    except ConditionFailed:
        return None


def _save(job: Job, state: str, *, leased_until: int) -> None:
    job.state = state
    job.leased_until = leased_until
    job.updated_at = ids.timestamp()
    if state in _ENDED:
        job.expires_at = int((datetime.now(timezone.utc) + KEPT).timestamp())
        log.info("job %s of %s is %s: %s", job.kind, job.collection, state, job.detail or job.progress)
    job.put()


def _delete_collection(job: Job) -> Iterator[Step]:
    from chalicelib.collections import purge  # noqa: PLC0415 - it needs definitions, which need jobs

    return purge.delete_records(job)


def _reindex(job: Job) -> Iterator[Step]:
    from chalicelib.collections import reindexing  # noqa: PLC0415 - as above

    return reindexing.rewrite_keys(job)


class _Kind(NamedTuple):
    steps: Callable[[Job], Iterator[Step]]
    counts: tuple[str, ...]


_KINDS = {
    "delete_collection": _Kind(_delete_collection, ("deleted",)),
    "reindex": _Kind(_reindex, ("read", "written")),
}
