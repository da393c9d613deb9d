from __future__ import annotations

import pytest

from chalicelib.access import one_time
from chalicelib.access.one_time import INVITATION, RESET
from chalicelib.dynamo.errors import TransactionFailed
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import Transaction
from tests.support.clocks import Clock
from tests.support.stores import stored


def test_a_token_is_found_by_its_text_and_only_its_hash_is_stored(table: str) -> None:
    text, made = one_time.make(INVITATION, 60, email="a@b", roles=["x"])
    found = one_time.find(text, INVITATION)
    assert found is not None
    assert (found.hash, found.email, found.roles, found.user) == (made.hash, "a@b", ["x"], None)
    assert text[3:] not in str(stored())


def test_a_token_is_good_for_its_purpose_only(table: str) -> None:
    text, _ = one_time.make(INVITATION, 60)
    with main.session.recording() as recorder:
        assert one_time.find(text, RESET) is None
        assert one_time.find("pw_" + text[3:], RESET) is None
        assert one_time.find("", INVITATION) is None
    assert recorder.operations == []


def test_a_token_ends(table: str, clock: Clock) -> None:
    text, _ = one_time.make(RESET, 60)
    clock.move(61)
    assert one_time.find(text, RESET) is None


def test_a_token_is_used_once(table: str, clock: Clock) -> None:
    text, made = one_time.make(RESET, 60)
    late = one_time.make(RESET, 60)[1]
    uses = [Transaction(), Transaction(), Transaction()]
    made.use(uses[0])
    made.use(uses[1])
    uses[0].run()
    assert one_time.find(text, RESET) is None
    with pytest.raises(TransactionFailed):
        uses[1].run()
    clock.move(61)
    late.use(uses[2])
    with pytest.raises(TransactionFailed):
        uses[2].run()
