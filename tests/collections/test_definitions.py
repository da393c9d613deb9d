from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, jobs, reading, records, shards
from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.errors import (
    CollectionNotFound,
    DefinitionConflict,
    InvalidDefinition,
    InvalidIdentifier,
    PreconditionFailed,
)
from chalicelib.schema import json_text
from tests.collections.test_shards import uuid7
from tests.support.listings import listed, query
from tests.support.stores import collection

PRODUCT_EXAMPLE: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["title", "author"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "maxLength": 200},
            "author": {"type": "string"},
            "year": {"type": "integer"},
            "stock": {"type": "integer", "minimum": 0, "default": 0},
            "isbn": {"type": "string"},
            "owner": {"type": "string"},
            "until": {"type": "string", "format": "date-time"},
        },
    },
    "indexes": {"by_author": {"hash": "author", "range": "year"}},
    "unique": ["isbn"],
    "rules": {
        "list": "true",
        "read": "true",
        "create": "auth.id != null and new.owner == auth.id",
        "update": "owner == auth.id",
        "delete": "owner == auth.id",
    },
    "hidden": ["owner"],
    "ttl": "until",
    "changes": "24h",
    "shards": 1,
}


def test_a_definition_with_everything_is_accepted_and_kept_as_given(table: str) -> None:
    made, created = definitions.put("books", PRODUCT_EXAMPLE)
    assert created
    assert made.version == 1
    assert definitions.current("books").document() == {
        "name": "books",
        "version": 1,
        "created_at": made.created_at,
        "updated_at": made.updated_at,
        **PRODUCT_EXAMPLE,
        "index_states": {"by_author": {"state": "ready"}},
    }


def test_a_definition_that_was_read_can_be_sent_back(table: str) -> None:
    made, _ = definitions.put("books", PRODUCT_EXAMPLE)
    again, created = definitions.put("books", made.document())
    assert not created
    assert (again.version, again.created_at, again.definition) == (2, made.created_at, PRODUCT_EXAMPLE)


def test_numbers_of_a_schema_keep_every_digit(table: str) -> None:
    text = b'{"schema": {"properties": {"n": {"maximum": 12345678901234567890.123}}}}'
    definitions.put("c", json_text.parse(text))
    assert "12345678901234567890.123" in json_text.dump(definitions.current("c").document())


def test_a_replacement_leaves_nothing_of_the_old_definition(table: str) -> None:
    definitions.put("c", {"schema": {}, "description": "old", "hidden": ["a"]})
    definitions.put("c", {"schema": {}})
    assert definitions.current("c").definition == {"schema": {}}


@pytest.mark.parametrize(
    ("preconditions", "stored", "allowed"),
    [
        (NONE, False, True),
        (NONE, True, True),
        (Preconditions(match=frozenset({1})), True, True),
        (Preconditions(match=frozenset({2})), True, False),
        (Preconditions(match=frozenset({1})), False, False),
        (Preconditions(match=ANY), True, True),
        (Preconditions(match=ANY), False, False),
        (Preconditions(none_match=ANY), True, False),
        (Preconditions(none_match=ANY), False, True),
        (Preconditions(none_match=frozenset({1})), True, False),
        (Preconditions(none_match=frozenset({2})), True, True),
    ],
)
def test_a_definition_is_written_under_its_preconditions(
    table: str, preconditions: Preconditions, stored: bool, allowed: bool
) -> None:
    if stored:
        definitions.put("c", {"schema": {}})
    if allowed:
        assert definitions.put("c", {"schema": {}}, preconditions)[1] is not stored
    else:
        with pytest.raises(PreconditionFailed):
            definitions.put("c", {"schema": {}}, preconditions)


def test_a_deletion_honours_its_preconditions(table: str) -> None:
    definitions.put("c", {"schema": {}})
    with pytest.raises(PreconditionFailed):
        definitions.delete("c", Preconditions(match=frozenset({2})))
    assert definitions.delete("c", Preconditions(match=frozenset({1}))).collection == "c"


def test_collections_are_listed_by_name_page_by_page(table: str) -> None:
    for name in ("c", "a", "B", "d"):
        definitions.put(name, {"schema": {}})
    definitions.delete("d")
    found: list[str] = []
    after: str | None = None
    while True:
        page, after = definitions.page(2, after)
        found += [each.name for each in page]
        if after is None:
            break
    assert found == ["B", "a", "c"]


def test_a_definition_is_kept_for_a_while_but_not_by_the_process_that_changed_it(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions.put("c", {"schema": {}})
    first = definitions.get("c")
    assert definitions.get("c") is first
    definitions.put("c", {"schema": {}, "description": "new"})
    assert definitions.get("c").definition["description"] == "new"
    monkeypatch.setattr(definitions, "CACHE_SECONDS", 0.0)
    again = definitions.get("c")
    assert definitions.get("c") is again, "an unchanged definition is not compiled again"


@pytest.mark.parametrize("name", ["", "9", "a/b", "a" * 65, "ä", "a b"])
def test_a_name_that_no_collection_can_have_is_refused(table: str, name: str) -> None:
    for call in (definitions.get, definitions.current, definitions.delete):
        with pytest.raises(InvalidIdentifier):
            call(name)
    with pytest.raises(InvalidIdentifier):
        definitions.put(name, {"schema": {}})


def test_there_is_no_collection_before_it_is_made(table: str) -> None:
    for call in (definitions.get, definitions.current, definitions.delete):
        with pytest.raises(CollectionNotFound):
            call("nobody")


@pytest.mark.parametrize("document", [None, [], "a", 1, {}, {"schema": []}, {"schema": {}, "shards": 0}])
def test_what_is_no_definition(table: str, document: Any) -> None:
    with pytest.raises(InvalidDefinition):
        definitions.put("c", document)
    with pytest.raises(CollectionNotFound):
        definitions.current("c")


class WhileDeciding(Preconditions):
    """Preconditions that hold, and let something happen between the reading and the writing."""

    def __init__(self, happening: Any) -> None:
        super().__init__()
        object.__setattr__(self, "happening", [happening])

    def check(self, version: int | None) -> None:
        while self.__dict__["happening"]:
            self.__dict__["happening"].pop()()


def test_a_replacement_does_not_undo_a_deletion_that_began_meanwhile(table: str) -> None:
    definitions.put("c", {"schema": {}})
    with pytest.raises(DefinitionConflict):
        definitions.put("c", {"schema": {}}, WhileDeciding(lambda: definitions.delete("c")))
    assert definitions.being_deleted("c") is not None


def test_a_replacement_is_decided_anew_when_another_was_faster(table: str) -> None:
    definitions.put("c", {"schema": {}})
    made, _ = definitions.put(
        "c", {"schema": {}, "description": "b"}, WhileDeciding(lambda: definitions.put("c", {"schema": {}}))
    )
    assert made.version == 3


def test_a_deletion_is_decided_anew_when_the_definition_changed(table: str) -> None:
    definitions.put("c", {"schema": {}})
    definitions.delete("c", WhileDeciding(lambda: definitions.put("c", {"schema": {}})))
    stored = definitions.being_deleted("c")
    assert stored is not None
    assert stored.version == 2


def test_a_collection_that_is_being_deleted_is_not_there_and_its_name_not_free(table: str) -> None:
    definitions.put("c", {"schema": {}})
    job = definitions.delete("c")
    for call in (definitions.get, definitions.current, definitions.delete):
        with pytest.raises(CollectionNotFound):
            call("c")
    with pytest.raises(DefinitionConflict) as refused:
        definitions.put("c", {"schema": {}})
    assert job.id in refused.value.detail
    assert "Retry-After" in refused.value.headers


@pytest.mark.parametrize(("before", "after"), [([], ["a"]), (["a"], []), (["a"], ["b"]), (["a"], ["a", "b"])])
def test_what_is_unique_changes_only_while_there_are_no_records(
    table: str, before: list[str], after: list[str]
) -> None:
    made = collection(name="c", unique=before)
    definitions.put("c", {"schema": {}, "unique": after})
    definitions.put("c", {"schema": {}, "unique": before})
    records.create(unbounded(made), {"a": 1})
    with pytest.raises(DefinitionConflict):
        definitions.put("c", {"schema": {}, "unique": after})
    definitions.put("c", {"schema": {}, "unique": list(reversed(before))})


def test_every_shard_counts_when_what_is_unique_would_change(table: str) -> None:
    made = collection(name="c", shards=8)
    records.create(unbounded(made), {})
    with pytest.raises(DefinitionConflict):
        definitions.put("c", {"schema": {}, "unique": ["a"], "shards": 8})


def test_shards_written_as_a_float_are_a_whole_number(table: str) -> None:
    made = collection(name="c", shards=2.0)
    assert made.partitions == ["r#c#0", "r#c#1"]
    assert reading.read(unbounded(made), records.create(unbounded(made), {"id": "i"}).document["id"]).id == "i"  # type: ignore[index]


def test_records_are_found_wherever_growing_shards_put_them(table: str) -> None:
    grown = collection(name="c")
    moment = 1_700_000_000_000
    made: list[str] = []
    for step, count in enumerate((1, 4, 16, 3)):
        if step:
            now = moment + step * 100_000
            epochs = shards.grown(grown.epochs, count, now)
            grown = definitions.Collection("c", step + 1, "", "", {"schema": {}, "shards": count}, epochs)
        for number in range(6):
            record_id = uuid7(moment + step * 100_000 + shards.EPOCH_DELAY_MS + number * 1000, number)
            made.append(record_id)
            records.create(unbounded(grown), {"id": record_id, "step": step})
    assert len(grown.partitions) == 16
    for record_id in made:
        assert reading.read(unbounded(grown), record_id).id == record_id
    assert listed(query(grown), 5) == made[::-1]


def test_more_shards_take_effect_with_the_next_definition(table: str) -> None:
    collection(name="c")
    definitions.put("c", {"schema": {}, "shards": 4})
    grown = definitions.current("c")
    assert [count for _, count in grown.epochs] == [1, 4]
    assert len(grown.partitions) == 4
    definitions.put("c", {"schema": {}, "shards": 4})
    assert definitions.current("c").epochs == grown.epochs


def test_the_job_of_a_deletion_can_be_read(table: str) -> None:
    collection(name="c")
    job = definitions.delete("c")
    assert jobs.get(job.id).document() == job.document()
    assert job.document()["state"] == "pending"
