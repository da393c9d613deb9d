from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, get_args

import pytest

from chalicelib.access import audit
from chalicelib.access.audit import Action, Author
from chalicelib.collections import ids
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import main
from tests.dynamo.wire import assert_all_valid
from tests.support.clocks import Clock
from tests.support.stores import stored

ANN, BOB = Author("key:ann", "192.0.2.7", "r-1"), Author("user:bob")


def listed(limit: int = 1000, **asked: Any) -> list[str]:
    """The subjects of all pages."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = audit.page(limit, after, **asked)
        assert len(page.items) <= limit
        found += [entry.subject for entry in page.items]
        after = page.last
        if after is None:
            return found


def test_an_entry_says_who_changed_what_and_when(table: str, clock: Clock) -> None:
    with main.session.recording() as recorder:
        audit.record(ANN, "plan.updated", "plan:free", {"rate": 1}, {"rate": 2})
    assert recorder.operations == ["PutItem"]
    assert_all_valid(recorder.calls)
    (entry,) = audit.page(10, None).items
    document = entry.document()
    assert document.pop("id")
    assert abs(datetime.fromisoformat(document.pop("at")[:-1] + "+00:00").timestamp() - clock.now()) < 60
    assert document == {
        "principal": "key:ann",
        "action": "plan.updated",
        "subject": "plan:free",
        "ip": "192.0.2.7",
        "request_id": "r-1",
        "before": {"rate": 1},
        "after": {"rate": 2},
    }


def test_an_entry_is_kept_for_400_days(table: str, clock: Clock) -> None:
    clock.stop()
    audit.record(ANN, "plan.deleted", "plan:free")
    (item,) = stored("audit")
    assert item["_ttl"] == int(clock.now()) + 400 * 24 * 3600


def test_what_there_is_not_is_null(table: str) -> None:
    audit.record(BOB, "plan.deleted", "plan:free", {"rate": 1})
    document = audit.page(10, None).items[0].document()
    assert [document[name] for name in ("after", "ip", "request_id")] == [None] * 3


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_entries_are_listed_newest_first(table: str, limit: int) -> None:
    for number in range(5):
        audit.record(ANN, "plan.created", f"plan:{number}")
    assert listed(limit) == [f"plan:{number}" for number in range(4, -1, -1)]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_entries_of_one_principal_and_about_one_subject(table: str, limit: int) -> None:
    for author, subject in ((ANN, "plan:a"), (BOB, "plan:b"), (ANN, "plan:b"), (BOB, "plan:a"), (ANN, "plan:a")):
        audit.record(author, "plan.updated", subject)
    assert listed(limit, principal="key:ann") == ["plan:a", "plan:b", "plan:a"]
    assert listed(limit, subject="plan:b") == ["plan:b"] * 2
    assert listed(limit, principal="key:ann", subject="plan:b") == ["plan:b"]
    assert listed(limit, principal="key:nobody") == []


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_entries_of_some_days(table: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    day = int(datetime(2026, 11, 21, tzinfo=timezone.utc).timestamp()) // (24 * 3600)
    for number, moment in enumerate([day * 24 * 3600 * 1000 - 1, day * 24 * 3600 * 1000, (day + 1) * 24 * 3600 * 1000]):
        monkeypatch.setattr(ids, "new_id", lambda moment=moment: _uuid7(moment))
        audit.record(ANN, "plan.created", f"plan:{number}")
    assert listed(limit, first=day) == ["plan:2", "plan:1"]
    assert listed(limit, last=day) == ["plan:1", "plan:0"]
    assert listed(limit, first=day, last=day) == ["plan:1"]
    assert listed(limit, first=day - 1, last=day + 1) == ["plan:2", "plan:1", "plan:0"]
    assert listed(limit, first=day + 1, last=day - 1) == []


def _uuid7(milliseconds: int) -> str:
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def test_no_secret_gets_in_even_if_it_is_given(table: str) -> None:
    given = dict.fromkeys(audit.NEVER, "s3cret")
    audit.record(ANN, "key.created", "key:a", given, {**given, "id": "a"})
    assert "s3cret" not in repr(stored("audit"))
    assert audit.page(1, None).items[0].document()["after"] == {"id": "a"}


def test_of_documents_that_are_too_long_what_differs_is_kept(table: str) -> None:
    schema = {"description": "é" * audit.MAX_BYTES}
    before, after = ({"name": "books", "schema": schema, "rules": {"read": rule}} for rule in ("false", "true"))
    audit.record(ANN, "collection.updated", "collection:books", before, after)
    document = audit.page(1, None).items[0].document()
    assert (document["before"], document["after"]) == ({"rules": {"read": "false"}}, {"rules": {"read": "true"}})


def test_of_one_that_is_too_long_nevertheless_its_length_is_kept(table: str) -> None:
    audit.record(ANN, "collection.created", "collection:books", None, {"schema": "é" * audit.MAX_BYTES})
    document = audit.page(1, None).items[0].document()
    assert (document["before"], document["after"]) == (None, {"omitted": 2 * audit.MAX_BYTES + len('{"schema":""}')})


def test_two_documents_of_the_most_bytes_fit_in_an_item(table: str) -> None:
    text = "x" * (audit.MAX_BYTES - len('{"a":""}'))
    audit.record(ANN, "collection.updated", "collection:books", {"a": text}, {"a": text[:-1] + "y"})
    assert audit.page(1, None).items[0].document()["before"] == {"a": text}


def test_numbers_keep_their_digits(table: str) -> None:
    schema = {"maximum": Decimal("1180591620717411303424.5")}
    audit.record(ANN, "collection.created", "collection:books", None, {"schema": schema})
    assert audit.page(1, None).items[0].document()["after"] == {"schema": schema}


def test_an_entry_that_cannot_be_stored_is_in_the_log(
    table: str,
    unreachable: Callable[[], Session],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(main, "_connect", unreachable)
    with caplog.at_level(logging.ERROR):
        audit.record(ANN, "plan.deleted", "plan:free", {"rate": 1})
    assert '"subject":"plan:free"' in caplog.text
    assert '"rate":1' in caplog.text


def test_the_actions_are_a_subject_and_what_became_of_it() -> None:
    assert get_args(Action) == audit.ACTIONS
    assert all(action.count(".") == 1 for action in audit.ACTIONS)
