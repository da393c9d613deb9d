from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.dynamo.errors import AlreadyExists, NotStored, TransactionFailed
from chalicelib.dynamo.fields import Attr, expiry, field, version
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import Table
from chalicelib.dynamo.transactions import transaction

from .clocks import NOW, Clock, timed


class Token(Model, table=timed, type="token"):
    id: Attr[str]
    uses: Attr[int] = field(default=0)
    ends: Attr[datetime | None] = expiry(name="_ttl", after=timedelta(hours=1))
    key = Key(pk="tokens", sk="{id}")
    by_uses = Index("gsi1", hash="{uses}", range="{id}")


class Lock(Model, table=timed, type="lock"):
    id: Attr[str]
    owner: Attr[str] = field(default="")
    ends: Attr[datetime | None] = expiry(name="_ttl")
    version: Attr[int] = version()
    key = Key(pk="LOCK#{id}")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, timezone.utc)


@pytest.fixture
def tokens(time: Clock, recorder: Recorder) -> list[Token]:
    """A token that has ended and one that has not."""
    both = [Token(id="1", ends=at(10)), Token(id="2", ends=at(20))]
    for token in both:
        token.create()
    time.now = NOW + 10
    return both


def test_the_end_is_stored_in_whole_seconds(time: Clock, recorder: Recorder) -> None:
    token = Token(id="1", ends=at(10.9))
    token.create()
    assert token.stored is not None
    assert token.stored["_ttl"] == {"N": str(NOW + 10)}


def test_an_object_without_an_end_gets_one_at_creation(time: Clock, recorder: Recorder) -> None:
    time.now = NOW + 0.9
    token, given = Token(id="1"), Token(id="2", ends=at(10))
    token.create()
    given.put()
    assert (token.ends, given.ends) == (at(3600), at(10))
    assert Token.get(id="1") == token


def test_an_upsert_gives_an_end_to_what_it_makes(tokens: list[Token], time: Clock) -> None:
    assert Token.upsert(id="2").add(Token.uses, 1).run().ends == at(20)
    assert Token.upsert(id="3").add(Token.uses, 1).run().ends == at(3610)
    assert Token.upsert(id="4").set(Token.ends, at(30)).run().ends == at(30)


def test_without_a_lifetime_an_object_does_not_end(time: Clock, recorder: Recorder) -> None:
    Lock(id="1").create()
    time.now = NOW + 1e9
    assert Lock.get(id="1") == Lock.query(id="1").one()


def read_together() -> list[Token | None]:
    with transaction() as t:
        fetched = [t.get(Token, id=id_) for id_ in "12"]
    return [each.value for each in fetched]


READS: dict[str, Callable[[], object]] = {
    "get": lambda: [Token.get(id="1"), Token.get(id="2")],
    "get_many": lambda: Token.get_many([{"id": "1"}, {"id": "2"}]),
    "query": lambda: [None, *Token.query().all()],
    "page": lambda: [None, *Token.query().page(2).items],
    "index": lambda: [None, *Token.by_uses.query(uses=0).all()],
    "scan": lambda: [None, *Token.scan().all()],
    "transaction": read_together,
}


@pytest.mark.parametrize("read", READS)
def test_what_has_ended_is_not_seen(read: str, tokens: list[Token]) -> None:
    assert READS[read]() == [None, tokens[1]]


def test_what_has_ended_is_not_counted(tokens: list[Token]) -> None:
    assert (Token.query().count(), Token.scan().count()) == (1, 1)


def test_part_of_what_has_ended_is_not_seen(tokens: list[Token]) -> None:
    assert [token.id for token in Token.query().fields(Token.uses)] == ["2"]


@pytest.mark.parametrize(("seconds", "there"), [(9.9, True), (10, False)])
def test_it_has_ended_at_its_second(seconds: float, there: bool, tokens: list[Token], time: Clock) -> None:
    time.now = NOW + seconds
    assert (Token.get(id="1") is not None, Token.query().count() == 2) == (there, there)


def test_what_has_ended_may_be_created_anew(tokens: list[Token]) -> None:
    with pytest.raises(AlreadyExists):
        Token(id="2").create()
    Token(id="1", uses=3).create()
    assert Token.get(id="1") == Token(id="1", uses=3, ends=at(3610))


def test_what_has_ended_is_not_what_a_write_replaced_or_deleted(tokens: list[Token]) -> None:
    assert Token(id="1", ends=at(10)).put() is None
    assert Token.delete(id="1") is None
    assert Token.delete(id="2") == tokens[1]


def test_what_has_ended_is_not_updated(tokens: list[Token]) -> None:
    with pytest.raises(NotStored) as refused:
        Token.update(id="1").set(Token.ends, at(30)).run()
    assert refused.value.item is not None
    tokens[0].ends = at(30)
    with pytest.raises(NotStored):
        tokens[0].save()
    with pytest.raises(TransactionFailed, match="there is no such item"), transaction() as t:
        t.update(Token.update(id="1").set(Token.ends, at(30)))


def test_a_life_can_be_prolonged_until_it_ends(tokens: list[Token], time: Clock) -> None:
    assert Token.update(id="2").set(Token.ends, at(30)).run().ends == at(30)
    time.now = NOW + 29
    assert Token.get(id="2") is not None


def test_a_new_object_with_a_version_replaces_what_has_ended(time: Clock, recorder: Recorder) -> None:
    Lock(id="1", owner="a", ends=at(10)).create()
    time.now = NOW + 10
    Lock(id="1", owner="b", ends=at(20)).put()
    found = Lock.get(id="1")
    assert found is not None
    assert (found.owner, found.version) == ("b", 1)


@pytest.mark.parametrize("layout", [None, "other"])
def test_the_field_has_to_be_the_table_s_time_to_live(layout: str | None) -> None:
    with pytest.raises(TypeError, match=f"is stored as '_ttl'; the table's time to live is {layout!r}"):

        class Odd(Model, table=Table("t", Layout(ttl=layout))):
            id: Attr[str]
            ends: Attr[datetime | None] = expiry(name="_ttl")
            key = Key(pk="{id}")
