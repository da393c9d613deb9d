from __future__ import annotations

import pytest

from chalicelib.dynamo.errors import TransactionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import Table
from chalicelib.dynamo.writing import ATTEMPTS

from .wire import Stub, refusal

CONFLICT = refusal("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
IN_ITS_WAY = refusal("TransactionConflictException")


def model(session: Session, pauses: list[float]) -> type[Model]:
    """A model with a unique field, whose table only notes how long it should wait."""

    class User(Model, table=Table("t", connect=lambda: session, sleep=pauses.append)):
        id: Attr[str]
        email: Attr[str | None] = field(default=None, unique=True)
        key = Key(pk="{id}")

    return User


@pytest.mark.parametrize("refused", [CONFLICT, IN_ITS_WAY])
def test_a_write_that_a_transaction_is_in_the_way_of_is_tried_again(
    refused: tuple[int, object], unconnected: Session
) -> None:
    pauses: list[float] = []
    stub = Stub(unconnected, refused, refused, (200, {}))
    model(unconnected, pauses)(id="1", email="a" if refused is CONFLICT else None).create()
    assert (len(stub.sent), pauses) == (3, [0.05, 0.1])


def test_in_the_end_the_conflict_is_the_callers(unconnected: Session) -> None:
    stub = Stub(unconnected, CONFLICT)
    with pytest.raises(TransactionFailed) as failed:
        model(unconnected, [])(id="1", email="a").create()
    assert failed.value.contended
    assert len(stub.sent) == ATTEMPTS


def test_a_transaction_that_failed_otherwise_is_not_tried_again(unconnected: Session) -> None:
    stub = Stub(unconnected, refusal("TransactionCanceledException", CancellationReasons=[{"Code": "ValidationError"}]))
    with pytest.raises(TransactionFailed):
        model(unconnected, [])(id="1", email="a").create()
    assert len(stub.sent) == 1
