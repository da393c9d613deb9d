from __future__ import annotations

import pytest

from chalicelib import errors
from chalicelib.http.endpoints import CANCELED_STATUSES, ENDPOINTS
from chalicelib.http.schemas import PARAMETERS


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_parameter_of_an_endpoint_is_described(name: str) -> None:
    endpoint = ENDPOINTS[name]
    assert set(endpoint.query) | set(endpoint.headers) <= set(PARAMETERS)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_no_problem_is_named_twice(name: str) -> None:
    codes = [problem.code for problem in ENDPOINTS[name].every_problem()]
    assert len(codes) == len(set(codes))


def test_secured_endpoints_can_refuse_their_caller() -> None:
    for endpoint in ENDPOINTS.values():
        if not endpoint.public:
            assert {errors.Unauthenticated, errors.Forbidden} <= set(endpoint.every_problem())


def test_a_canceled_transaction_has_the_status_of_what_an_operation_can_meet() -> None:
    met = {"create_record", "replace_record", "patch_record", "delete_record"}
    statuses = {problem.status for name in met for problem in ENDPOINTS[name].every_problem()}
    not_of_an_operation = {400, 401, 413, 415, 429, 500, 503}
    assert set(CANCELED_STATUSES) == statuses - not_of_an_operation
