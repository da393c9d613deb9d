"""What every endpoint has in common: its request is checked by its row of the table, its problems are rendered."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.access.rules import authorize
from chalicelib.collections import definitions
from chalicelib.errors import InternalError, Problem
from chalicelib.http import problems, requests
from chalicelib.http.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.collections.definitions import Collection

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


def open_collection(request: Request, name: str, operation: str) -> Collection:
    """The collection that the path names, for a caller who may do this in it.

    Raises:
        Forbidden: 403. InvalidIdentifier: 400. CollectionNotFound: 404.
    """
    name = requests.collection_name(name)
    authorize(requests.principal(request), operation, name)
    return definitions.get(name)
