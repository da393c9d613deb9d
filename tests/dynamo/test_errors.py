from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.dynamo import errors
from chalicelib.dynamo.errors import (
    BatchIncomplete,
    ConstraintViolated,
    DynamoError,
    Reason,
    TransactionFailed,
    UniqueTaken,
    Unstorable,
    WrongType,
)


def test_only_an_action_with_a_code_stood_in_the_way() -> None:
    assert not Reason("None").failed
    assert Reason("ConditionalCheckFailed").failed
    assert repr(Reason("None")) == "Reason('None', '', action='')"


@pytest.mark.parametrize(
    ("codes", "contended"),
    [
        (["None", "TransactionConflict"], True),
        (["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"], True),
        (["TransactionConflict", "ConditionalCheckFailed"], False),
        (["None"], False),
        ([], False),
    ],
)
def test_a_transaction_is_contended_when_only_others_stood_in_the_way(codes: list[str], contended: bool) -> None:
    failed = TransactionFailed([Reason(code) for code in codes])
    assert failed.contended is contended
    assert failed.args == (", ".join(codes),)


def test_a_failed_transaction_says_what_of_it_failed_and_why() -> None:
    reasons = [Reason("None"), Reason("ConditionalCheckFailed", "The conditional request failed"), Reason("Odd")]
    reasons[1].action, reasons[1].error = "Put Book", ConstraintViolated("is odd", ["a"])
    assert str(TransactionFailed(reasons)) == "Put Book: a is odd; action: Odd"
    assert str(TransactionFailed([Reason("Odd", "a message")])) == "action: a message"


@pytest.mark.parametrize(
    ("path", "text"), [([], "is odd"), (["a"], "a is odd"), (["a", 0, "b.c"], "a.0.b.c is odd"), ([""], " is odd")]
)
def test_an_invalid_value_is_named_by_its_path(path: Sequence[str | int], text: str) -> None:
    error = Unstorable("is odd", path)
    assert (str(error), error.reason, error.path) == (text, "is odd", list(path))


def test_the_path_of_what_cannot_be_stored_grows_from_the_inside() -> None:
    error = WrongType("is odd", ["x"])
    assert error.within(0).within("a") is error
    assert error.path == ["a", 0, "x"]
    assert str(error) == "a.0.x is odd"


def test_a_value_that_another_item_has_is_named_by_its_path() -> None:
    taken = UniqueTaken(["email"])
    assert (str(taken), taken.path, taken.item) == ("email has a value that another item has", ["email"], None)


def test_an_incomplete_batch_has_what_remains() -> None:
    incomplete = BatchIncomplete(("b", "c"), 1)
    assert str(incomplete) == "2 of 3 were not carried out"
    assert (incomplete.remaining, incomplete.found) == (["b", "c"], [])


def test_every_error_is_in_the_tree_that_the_module_shows() -> None:
    shown = (errors.__doc__ or "").replace("\n", " ").split()
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, DynamoError):
            assert name in shown
