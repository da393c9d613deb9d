from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.access import opaque, refresh_tokens, users
from chalicelib.access.refresh_tokens import GRACE_SECONDS, SECONDS, Session
from chalicelib.access.users import User
from chalicelib.dynamo.tables import main
from chalicelib.errors import InvalidToken
from tests.support.clocks import Clock
from tests.support.stores import stored


@pytest.fixture
def user(table: str) -> User:
    made = User(id="a" * 24, email="ann@example.org", created_at="-", updated_at="-")
    made.put()
    return made


def assert_ended(text: str) -> None:
    with pytest.raises(InvalidToken):
        refresh_tokens.rotate(text)


def test_a_token_is_good_for_the_next_one(user: User, clock: Clock) -> None:
    texts = [refresh_tokens.begin(user)]
    for _ in range(4):
        found, text = refresh_tokens.rotate(texts[-1])
        assert found.id == user.id
        texts.append(text)
        clock.move(3600)
    assert len(set(texts)) == 5


def test_only_hashes_are_stored(user: User) -> None:
    first = refresh_tokens.begin(user)
    _, second = refresh_tokens.rotate(first)
    for text in (first, second):
        assert text.rpartition("_")[2] not in str(stored())
        assert opaque.digest(text) in str(stored("session#"))


def test_a_rotation_takes_two_calls(user: User) -> None:
    _, text = refresh_tokens.rotate(refresh_tokens.begin(user))
    with main.session.recording() as recorder:
        refresh_tokens.rotate(text)
    assert recorder.operations == ["UpdateItem", "GetItem"]


def test_using_a_token_again_ends_its_family(user: User, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    stolen = refresh_tokens.begin(user)
    other = refresh_tokens.begin(user)
    _, good = refresh_tokens.rotate(stolen)
    clock.move(GRACE_SECONDS + 1)
    with caplog.at_level(logging.WARNING):
        assert_ended(stolen)
    assert user.id in caplog.text
    assert stolen not in caplog.text
    assert_ended(good)
    assert refresh_tokens.rotate(other)


def test_an_older_token_ends_its_family_at_once(user: User) -> None:
    first = refresh_tokens.begin(user)
    _, second = refresh_tokens.rotate(first)
    _, third = refresh_tokens.rotate(second)
    assert_ended(first)
    assert_ended(third)


def test_a_refresh_that_is_repeated_at_once_has_the_same_answer(user: User, clock: Clock) -> None:
    first = refresh_tokens.begin(user)
    _, second = refresh_tokens.rotate(first)
    clock.move(GRACE_SECONDS - 2)
    assert refresh_tokens.rotate(first)[1] == second
    assert refresh_tokens.rotate(second)


def test_a_thief_within_the_grace_is_found_out_at_the_next_refresh(user: User, clock: Clock) -> None:
    stolen = refresh_tokens.begin(user)
    _, mine = refresh_tokens.rotate(stolen)
    _, the_thiefs = refresh_tokens.rotate(stolen)
    refresh_tokens.rotate(the_thiefs)
    clock.move(GRACE_SECONDS + 1)
    assert_ended(mine)


def test_many_refreshes_at_once_have_one_answer(user: User) -> None:
    first = refresh_tokens.begin(user)
    together = threading.Barrier(6)

    def rotate(_: int) -> str:
        together.wait(10)
        return refresh_tokens.rotate(first)[1]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(rotate, range(6)))) == 1


def test_a_token_that_is_not_used_ends(user: User, clock: Clock) -> None:
    text = refresh_tokens.begin(user)
    clock.move(SECONDS - 1)
    _, text = refresh_tokens.rotate(text)
    clock.move(SECONDS - 1)
    _, text = refresh_tokens.rotate(text)
    clock.move(SECONDS + 1)
    assert_ended(text)


@pytest.mark.parametrize("text", ["", "x", "pr_", "pr_" + "a" * 24, "x" * 5000])
def test_what_is_no_token_takes_no_call(table: str, text: str) -> None:
    with main.session.recording() as recorder:
        assert_ended(text)
    assert recorder.operations == []


def test_a_token_that_nobody_was_given_is_not_good(user: User) -> None:
    refresh_tokens.begin(user)
    assert_ended(opaque.make("pr", user.id, "0" * 16))
    assert_ended(opaque.make("pr", "b" * 24, "0" * 16))


@pytest.mark.parametrize("roles", [["editor"], []])
def test_a_refresh_has_the_roles_of_now(user: User, roles: list[str]) -> None:
    text = refresh_tokens.begin(user)
    users.change(user.id, roles, disabled=False)
    assert refresh_tokens.rotate(text)[0].roles == roles


def test_the_sessions_of_who_is_disabled_end(user: User) -> None:
    text = refresh_tokens.begin(user)
    users.change(user.id, [], disabled=True)
    users.change(user.id, [], disabled=False)
    assert_ended(text)
    assert stored("session#") == []


def test_the_sessions_of_who_is_gone_end(user: User) -> None:
    text = refresh_tokens.begin(user)
    User.delete(id=user.id)
    assert_ended(text)


def test_signing_out_ends_one_session(user: User) -> None:
    one, other = refresh_tokens.begin(user), refresh_tokens.begin(user)
    refresh_tokens.end(one)
    refresh_tokens.end(one)
    assert_ended(one)
    assert refresh_tokens.rotate(other)


def test_signing_out_with_the_token_before_ends_the_session_too(user: User) -> None:
    before = refresh_tokens.begin(user)
    _, text = refresh_tokens.rotate(before)
    refresh_tokens.end(before)
    assert_ended(text)


def test_signing_out_everywhere_ends_all_sessions(user: User) -> None:
    texts = [refresh_tokens.begin(user) for _ in range(3)]
    refresh_tokens.end(texts[0], everywhere=True)
    for text in texts:
        assert_ended(text)
    now = User.get(consistent=True, id=user.id)
    assert now is not None
    assert refresh_tokens.rotate(refresh_tokens.begin(now))


@pytest.mark.parametrize("text", ["", "x", opaque.make("pr", "a" * 24, "0" * 16, secret=b"s" * 32)])
def test_nobody_is_signed_out_by_a_token_of_nobodys(user: User, text: str) -> None:
    good = refresh_tokens.begin(user)
    refresh_tokens.end(text)
    with pytest.raises(InvalidToken):
        refresh_tokens.end(text, everywhere=True)
    known = opaque.ids_of(good, refresh_tokens._FORM)
    assert known is not None
    forged = opaque.make("pr", *known)
    refresh_tokens.end(forged)
    assert refresh_tokens.rotate(good)


def test_a_session_ends_by_itself_in_the_table(user: User) -> None:
    refresh_tokens.begin(user)
    (item,) = stored("session#")
    assert item["_ttl"] > SECONDS
    assert Session.query(user=user.id).one().generation == 0
