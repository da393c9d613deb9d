"""What every endpoint has in common: its request is checked by its row of the table, its problems are rendered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.access.rules import grant
from chalicelib.collections import definitions
from chalicelib.http import limits, problems, requests
from chalicelib.http.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.rules import Grant

F = TypeVar("F", bound="Callable[..., Response]")


def endpoint(name: str, operations: Callable[[Request], int] = limits.one) -> Callable[[F], F]:
    """Make a function that takes the request first the one that answers the endpoint of this name.

    The function may raise any ``Problem``. Anything else is a defect: logged, and answered with 500. ``operations``
    says how many a request has, for plans.
    """
    described = ENDPOINTS[name]

    def decorate(function: F) -> F:
        def checked(request: Request, *arguments: Any) -> Response:
            requests.check(request, described)
            return function(request, *arguments)

        @functools.wraps(function)
        def answer(request: Request, *arguments: Any) -> Response:
            if described.limited:
                return limits.limited(request, operations, functools.partial(checked, request, *arguments))
            return problems.rendered(request, functools.partial(checked, request, *arguments))

        return answer  # type: ignore[return-value]

    return decorate


def granted(request: Request, name: str, *operations: str) -> Grant:
    """The caller's leave to do one of these in the collection that the path names.

    Raises:
        Forbidden: 403. InvalidIdentifier: 400. CollectionNotFound: 404.
    """
    collection = definitions.get(requests.collection_name(name))
    return grant(requests.principal(request), collection, *operations, request=lambda: requests.seen_by_rules(request))
