from __future__ import annotations

from datetime import datetime, timezone

import pytest

from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.fields import Attr, field, timestamp
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder

from .clocks import NOW, Clock, timed


class Note(Model, table=timed, type="note"):
    id: Attr[str]
    text: Attr[str] = field(default="")
    created: Attr[datetime] = timestamp(on="create")
    created_ms: Attr[datetime] = timestamp(on="create", storage="milliseconds")
    updated: Attr[datetime] = timestamp(on="update", name="u")
    updated_s: Attr[datetime] = timestamp(on="update", storage="seconds")
    key = Key(pk="NOTE#{id}")
    latest = Index("gsi1", hash="notes", range="{updated}")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, timezone.utc)


@pytest.fixture
def note(time: Clock, recorder: Recorder) -> Note:
    """A note that was created a quarter of a second after ``NOW``, five seconds ago."""
    time.now = NOW + 0.25
    note = Note(id="1")
    note.create()
    time.now = NOW + 5.5
    return note


def times(note: Note | None) -> list[datetime]:
    assert note is not None
    return [note.created, note.created_ms, note.updated, note.updated_s]


def test_all_times_of_a_new_object_are_those_of_its_creation_as_precise_as_stored(note: Note) -> None:
    assert times(note) == [at(0.25), at(0.25), at(0.25), at(0)]
    assert Note.get(id="1") == note


def test_each_is_stored_as_it_says(note: Note) -> None:
    assert note.stored is not None
    assert [note.stored[name] for name in ("created", "created_ms", "u", "updated_s")] == [
        {"S": "2023-11-14T22:13:20.250000Z"},
        {"N": str(NOW * 1000 + 250)},
        {"S": "2023-11-14T22:13:20.250000Z"},
        {"N": str(NOW)},
    ]


UPDATED = [at(0.25), at(0.25), at(5.5), at(5)]


def test_putting_a_loaded_object_again_is_an_update(note: Note) -> None:
    note.put()
    assert times(note) == times(Note.get(id="1")) == UPDATED


def test_saving_is_an_update(note: Note) -> None:
    note.text = "a"
    note.save()
    assert times(note) == times(Note.get(id="1")) == UPDATED


def test_saving_no_changes_is_none(note: Note) -> None:
    note.save()
    assert times(Note.get(id="1")) == [at(0.25), at(0.25), at(0.25), at(0)]


def test_an_update_by_key_is_one(note: Note) -> None:
    assert times(Note.update(id="1").set(Note.text, "a").run()) == UPDATED


def test_an_upsert_creates_or_updates(note: Note, time: Clock) -> None:
    assert times(Note.upsert(id="1").set(Note.text, "a").run()) == UPDATED
    assert times(Note.upsert(id="2").set(Note.text, "a").run()) == [at(5.5), at(5.5), at(5.5), at(5)]


def test_a_new_object_that_replaces_another_is_new(note: Note) -> None:
    Note(id="1").put()
    assert times(Note.get(id="1")) == [at(5.5), at(5.5), at(5.5), at(5)]


@pytest.mark.parametrize("by_key", [True, False])
def test_an_index_follows_the_time(by_key: bool, note: Note, time: Clock) -> None:
    Note(id="2").create()
    time.now = NOW + 9
    if by_key:
        Note.update(id="1").set(Note.text, "a").run()
    else:
        note.text = "a"
        note.save()
    assert [each.id for each in Note.latest.query()] == ["2", "1"]
    assert [each.id for each in Note.latest.query().where(Note.updated > at(6))] == ["1"]


def test_an_object_whose_put_was_refused_can_be_saved(note: Note, time: Clock) -> None:
    with pytest.raises(ConditionFailed):
        note.put(Note.text == "b")
    time.now = NOW + 9
    note.text = "a"
    note.save()
    assert times(note) == times(Note.get(id="1")) == [at(0.25), at(0.25), at(9), at(9)]


def test_a_saved_part_has_its_times_updated(note: Note) -> None:
    (part,) = Note.query(id="1").fields(Note.text).all()
    part.text = "a"
    part.save()
    assert times(Note.get(id="1")) == UPDATED
