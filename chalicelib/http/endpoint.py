"""What every endpoint has in common: its request is checked by its row of the table, its problems are rendered."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.errors import InternalError, Problem
from chalicelib.http import problems, requests
from chalicelib.http.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from chalice.app import Request, Response

log = logging.getLogger(__name__)
F = TypeVar("F", bound="Callable[..., Response]")


def endpoint(name: str) -> Callable[[F], F]:
    """Make a function that takes the request first the one that answers the endpoint of this name.

    The function may raise any ``Problem``. Anything else is a defect: logged, and answered with 500.
    """
    described = ENDPOINTS[name]

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def answer(request: Request, *arguments: Any) -> Response:
            try:
                requests.check(request, described)
                return function(request, *arguments)
            except Problem as problem:
                return problems.render(problem)
            except Exception:
                log.exception("%s %s", request.method, request.path)
                return problems.render(InternalError(problems.INTERNAL))

        return answer  # type: ignore[return-value]

    return decorate
