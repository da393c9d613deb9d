from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.access import access_tokens, signing_keys, tokens
from chalicelib.access.principals import Principal
from chalicelib.access.signing_keys import PUBLISHED_BEFORE, TOKEN_SECONDS, SigningKey
from chalicelib.access.tokens import LEEWAY
from chalicelib.access.users import User
from chalicelib.dynamo import session
from chalicelib.dynamo.tables import main
from chalicelib.errors import WriteContention
from tests.support.clocks import Clock

ANN = User(id="a" * 24, email="ann@example.org", roles=["editor"], created_at="-", updated_at="-")
ASK = "from chalicelib.access import signing_keys; print(signing_keys.signing()[0])"


def principal_of(token: str) -> Principal | None:
    parsed = tokens.parse(token)
    assert parsed is not None
    return access_tokens.authenticate(parsed)


def test_the_first_key_is_made_when_it_is_needed_and_signs_at_once(table: str) -> None:
    with main.session.recording() as recorder:
        kid, _ = signing_keys.signing()
        assert signing_keys.signing()[0] == kid
        assert signing_keys.find(kid) is not None
    assert recorder.operations.count("PutItem") == 1
    assert [key["kid"] for key in signing_keys.published()] == [kid]


def test_what_is_published_has_nothing_private(table: str) -> None:
    (key,) = signing_keys.published()
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert "private" not in repr(SigningKey.query().all()[0])


def test_two_processes_have_the_same_first_key(table: str) -> None:
    url = settings.current().endpoint_url
    environ = {**os.environ, "PORTICO_TABLE": table, "PORTICO_DYNAMODB": url or ""}
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK], env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert {each.communicate(timeout=60)[0].strip() for each in asking} == {signing_keys.signing()[0]}


def test_who_comes_second_takes_the_key_of_the_first(table: str) -> None:
    together = threading.Barrier(3)
    events: Any = session.default().client.meta.events

    def wait_for_all(**_: object) -> None:
        together.wait(timeout=10)

    events.register("before-send.dynamodb.PutItem", wait_for_all)
    try:
        with ThreadPoolExecutor(3) as pool:
            kids = list(pool.map(lambda _: signing_keys.signing()[0], range(3)))
    finally:
        events.unregister("before-send.dynamodb.PutItem", wait_for_all)
    assert len(set(kids)) == 1
    assert len(SigningKey.query().consistent().all()) == 1


def test_a_new_key_is_published_before_it_signs_and_the_old_one_ends_with_its_last_token(
    table: str, clock: Clock
) -> None:
    old, _ = signing_keys.signing()
    new = signing_keys.rotate()
    assert new.kid != old
    assert {key["kid"] for key in signing_keys.published()} == {old, new.kid}
    assert signing_keys.signing()[0] == old
    clock.move(PUBLISHED_BEFORE)
    assert signing_keys.signing()[0] == new.kid
    clock.move(TOKEN_SECONDS)
    assert signing_keys.find(old) is not None
    clock.move(LEEWAY + 1)
    assert signing_keys.find(old) is None
    assert [key["kid"] for key in signing_keys.published()] == [new.kid]


def test_nobody_is_signed_out_by_a_rotation(table: str, clock: Clock) -> None:
    before = access_tokens.issue(ANN)
    signing_keys.rotate()
    clock.move(PUBLISHED_BEFORE)
    after = access_tokens.issue(ANN)
    assert principal_of(before) is not None
    assert tokens.parse(before).kid != tokens.parse(after).kid  # type: ignore[union-attr]
    clock.move(-PUBLISHED_BEFORE)  # its times are real ones again
    signing_keys._cache.clear()
    assert principal_of(access_tokens.issue(ANN)) is not None


def test_rotations_in_a_row_leave_the_end_of_each_as_it_was(table: str, clock: Clock) -> None:
    old, _ = signing_keys.signing()
    signing_keys.rotate()
    end = signing_keys.known(older_than=0).stored[-1].ends_at
    clock.move(100)
    signing_keys.rotate()
    stored = {key.kid: key for key in signing_keys.known(older_than=0).stored}
    assert stored[old].ends_at == end
    assert [key.number for key in stored.values()] == [3, 2, 1]
    clock.move(PUBLISHED_BEFORE - 100)
    assert signing_keys.signing()[0] not in (old, next(iter(stored)))


def test_a_key_that_somebody_else_has_is_bad_at_once(table: str) -> None:
    token = access_tokens.issue(ANN)
    assert principal_of(token) is not None
    new = signing_keys.rotate(revoke=True)
    assert principal_of(token) is None
    assert signing_keys.signing()[0] == new.kid
    assert len(SigningKey.query().consistent().all()) == 1


def test_another_process_finds_a_key_that_it_does_not_know(table: str, clock: Clock) -> None:
    signing_keys.signing()
    known = signing_keys._cache[main.name]
    new = signing_keys.rotate(revoke=True)
    signing_keys._cache[main.name] = known
    assert signing_keys.find(new.kid) is None  # it looked a moment ago
    clock.move(signing_keys.RELOAD_SECONDS)
    assert signing_keys.find(new.kid) is not None


def test_ids_that_nobody_made_are_looked_for_once_in_a_while(table: str) -> None:
    signing_keys.signing()
    with main.session.recording() as recorder:
        for number in range(50):
            assert signing_keys.find(f"kid-{number}") is None
        assert signing_keys.find(None) is None
    assert recorder.operations == []


def test_where_there_is_no_key_yet_tokens_that_somebody_made_up_make_none(table: str) -> None:
    with main.session.recording() as recorder:
        for number in range(50):
            assert signing_keys.find(f"kid-{number}") is None
    assert recorder.operations == ["Query"]
    assert signing_keys.find(signing_keys.signing()[0]) is not None


def test_a_clock_that_is_slow_signs_with_the_key_that_there_is(table: str, clock: Clock) -> None:
    kid, _ = signing_keys.signing()
    clock.move(-60)
    assert signing_keys.signing()[0] == kid


def test_two_rotations_at_once_are_one(table: str) -> None:
    signing_keys.signing()
    together = threading.Barrier(2)
    events: Any = session.default().client.meta.events

    def wait_for_both(**_: object) -> None:
        together.wait(timeout=10)

    def rotate(_: int) -> bool:
        try:
            signing_keys.rotate()
        except WriteContention:
            return False
        return True

    events.register("before-send.dynamodb.TransactWriteItems", wait_for_both)
    try:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(rotate, range(2)))
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", wait_for_both)
    assert sorted(done) == [False, True]
    assert len(SigningKey.query().consistent().all()) == 2


@pytest.mark.parametrize("revoke", [False, True])
def test_a_rotation_without_any_key_makes_the_first(table: str, revoke: bool) -> None:
    assert signing_keys.rotate(revoke=revoke).number == 1
    assert len(signing_keys.published()) == 1
