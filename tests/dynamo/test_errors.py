from __future__ import annotations

import pytest

from chalicelib.dynamo.errors import Reason, TransactionFailed, Unstorable


def test_only_an_action_with_a_code_stood_in_the_way() -> None:
    assert not Reason("None").failed
    assert Reason("ConditionalCheckFailed").failed


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
    assert str(failed) == ", ".join(codes)


def test_the_path_of_what_cannot_be_stored_grows_from_the_inside() -> None:
    error = Unstorable("is odd").within(0).within("a")
    assert error.path == ["a", 0]
    assert str(error) == "is odd"
