from __future__ import annotations

from typing import Any

import pytest

from chalicelib.collections import conditions
from chalicelib.collections.conditions import Requirement
from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.collections.record import Record
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.errors import PreconditionFailed, PreconditionRequired

HOLDS = [
    # (If-Match, If-None-Match), stored version (None: nothing is), whether they hold
    ((None, None), None, True),
    ((None, None), 3, True),
    (({3}, None), 3, True),
    (({2}, None), 3, False),
    (({1, 2, 3}, None), 3, True),
    (({3}, None), None, False),
    ((ANY, None), 3, True),
    ((ANY, None), None, False),
    ((None, {3}), 3, False),
    ((None, {2}), 3, True),
    ((None, {1, 3}), 3, False),
    ((None, {3}), None, True),
    ((None, ANY), 3, False),
    ((None, ANY), None, True),
    (({3}, {2}), 3, True),
    (({3}, {3}), 3, False),
    (({3}, ANY), 3, False),
    ((ANY, ANY), None, False),
]


def preconditions(pair: tuple[set[int] | frozenset[int] | None, ...]) -> Preconditions:
    match, none_match = (each if each is None or each is ANY else frozenset(each) for each in pair)
    return Preconditions(match, none_match)


@pytest.mark.parametrize(("pair", "version", "holds"), HOLDS)
def test_preconditions_hold_as_rfc_9110_says(
    pair: tuple[set[int] | None, ...], version: int | None, holds: bool
) -> None:
    given = preconditions(pair)
    if holds:
        given.check(version)
    else:
        with pytest.raises(PreconditionFailed):
            given.check(version)


@pytest.mark.parametrize(("pair", "version", "holds"), HOLDS)
def test_dynamodb_decides_the_same(
    table: str, pair: tuple[set[int] | None, ...], version: int | None, holds: bool
) -> None:
    if version is not None:
        Record(partition="p", id="i", version=version, created_at="", updated_at="", doc={}).put()
    new = Record(partition="p", id="i", version=9, created_at="", updated_at="", doc={})
    condition = preconditions(pair).condition(Record.version)
    if holds:
        new.put(condition)
    else:
        with pytest.raises(ConditionFailed):
            new.put(condition)


def test_no_preconditions_are_no_condition() -> None:
    assert NONE.condition(Record.version) is None
    assert not NONE.given


def test_required_preconditions_are_insisted_on() -> None:
    with pytest.raises(PreconditionRequired):
        NONE.require()
    Preconditions(match=ANY).require()


def record(version: int, doc: dict[str, Any]) -> Record:
    return Record(partition="p", id="i", version=version, created_at="", updated_at="", doc=doc)


TOGETHER = [
    # (If-Match, If-None-Match), if, stored stock (None: nothing is stored), whether they hold at version 3
    ((None, None), "stock > 0", 1, True),
    ((None, None), "stock > 0", 0, False),
    ((None, None), "stock > 0", None, False),
    ((None, None), "stock == null", None, True),
    ((None, None), "stock == null", 1, False),
    (({3}, None), "stock > 0", 1, True),
    (({3}, None), "stock > 0", 0, False),
    (({2}, None), "stock > 0", 1, False),
    ((ANY, None), "stock == null", None, False),
    ((None, {2}), "stock > 0", 1, True),
    ((None, {3}), "stock > 0", 1, False),
    ((None, ANY), "stock == null", None, True),
    ((None, ANY), "stock > 0", None, False),
    ((None, ANY), "stock > 0", 1, False),
    ((None, None), "version == 3 or stock == 5", 0, True),
    (({2}, None), "version == 3 or stock == 1", 1, False),
]


@pytest.mark.parametrize(("pair", "text", "stock", "holds"), TOGETHER)
def test_a_condition_has_to_hold_besides_the_versions(
    table: str, pair: tuple[set[int] | None, ...], text: str, stock: int | None, holds: bool
) -> None:
    versions = preconditions(pair)
    where = Requirement(conditions.parse(text, "if"))
    given = Preconditions(versions.match, versions.none_match, where)
    assert given.is_decidable
    old = None if stock is None else record(3, {"stock": stock})
    if old is not None:
        old.put()
    new = record(9, {})
    if holds:
        given.check_record(old)
        new.put(given.condition(Record.version))
    else:
        with pytest.raises(PreconditionFailed):
            given.check_record(old)
        with pytest.raises(ConditionFailed):
            new.put(given.condition(Record.version))


def test_a_condition_alone_is_no_version_that_was_asked_for() -> None:
    alone = Preconditions(where=Requirement(conditions.parse("stock > 0", "if")))
    assert not alone.given
    with pytest.raises(PreconditionRequired):
        alone.require()


def test_without_a_condition_everything_is_decidable() -> None:
    assert NONE.is_decidable
    assert Preconditions(match=ANY).is_decidable
    assert not Preconditions(where=Requirement(conditions.parse("a.startsWith(b)", "if"))).is_decidable
