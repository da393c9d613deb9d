"""HTTP through Chalice's own ``LocalGateway``: routes, authorizers and CORS are those of ``chalice local``.

What API Gateway answers by itself becomes a problem document here, as the gateway responses make it on AWS.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice, Response
from chalice.config import Config
from chalice.local import ForbiddenError, LocalChalice, LocalGateway, NotAuthorizedError, RouteMatcher

from chalicelib import errors

MAX_REQUEST_BYTES = 10_000_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html: payload size, which cannot be raised."""
MAX_RESPONSE_BYTES = 6 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: invocation payload, synchronous."""
BODILESS = frozenset({204, 304})

log = logging.getLogger("local.gateway")


@dataclass(frozen=True)
class Request:
    """What came in. ``target`` is the path with its query, percent-encoded ASCII; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """What goes out, complete but for Content-Length. Header names are lower-case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class RestGateway:
    """Answers requests on any number of threads.

    ``render`` makes a response of a problem. ``cors_origin`` is the origin that may read what the gateway itself
    answers, empty for none.
    """

    def __init__(
        self, app: Chalice, config: Config, *, render: Callable[[errors.Problem], Response], cors_origin: str
    ) -> None:
        _make_thread_safe(app)
        self._app = app
        self._gateway = LocalGateway(app, config)
        self._routes = RouteMatcher(list(app.routes))
        self._render = render
        self._cors_origin = cors_origin

    def answer(self, request: Request) -> Answer:
        """Answer a request. Never raises: what nobody foresaw is logged and is a 500 problem."""
        try:
            return self._dispatch(request)
        except errors.Problem as problem:
            return self.problem(problem)
        except Exception as error:
            if str(error) == "Unauthorized":
                # How an authorizer tells API Gateway to answer 401:
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
                return self.problem(errors.Unauthenticated())
            log.exception("%s %s failed", request.method, request.path)
            return self.problem(errors.InternalError("Something went wrong here; the log has the details."))

    def problem(self, problem: errors.Problem) -> Answer:
        """The answer that a problem is."""
        response = self._render(problem)
        headers: dict[str, Any] = {name.lower(): value for name, value in response.headers.items()}
        if self._cors_origin:
            headers.setdefault("access-control-allow-origin", self._cors_origin)
        body = response.body if isinstance(response.body, bytes) else str(response.body).encode()
        return _answer(response.status_code, headers, body)

    def _dispatch(self, request: Request) -> Answer:
        _check_headers(request.headers)
        method = self._method(request)
        try:
            outcome = self._gateway.handle_request(method, request.target, dict(request.headers), request.body or None)
        except (NotAuthorizedError, ForbiddenError) as error:
            # The authorizer lets in whoever it knows, for every route (its answer is cached, so it could not do
            # otherwise); what a principal may do is the service's to say. A denial is nobody's key.
            raise errors.Unauthenticated from error
        answer = _from_lambda(outcome)
        if len(answer.body) > MAX_RESPONSE_BYTES:
            log.error("%s %s answered %d bytes; Lambda's limit is 6 MB", method, request.path, len(answer.body))
            raise errors.InternalError("The answer was too large.")
        return answer

    def _method(self, request: Request) -> str:
        """The method to call; HEAD is GET. OPTIONS is answered for every route.

        Raises:
            RouteNotFound: the path is nobody's.
            MethodNotAllowed: the path has other methods.
        """
        try:
            # A target that begins with // would be read as one with a host.
            route = None if request.target.startswith("//") else self._routes.match_route(request.target).route
        except ValueError:
            route = None
        if route is None:
            raise errors.RouteNotFound("No endpoint has this path; GET / names the entrances, /openapi.json all.")
        methods = set(self._app.routes[route])
        method = "GET" if request.method == "HEAD" else request.method
        if method in methods or method == "OPTIONS":
            return method
        if "GET" in methods:
            methods.add("HEAD")
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        raise errors.MethodNotAllowed(
            f"{request.method} is not a method of this path; it has {allowed}.", headers={"Allow": allowed}
        )


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what Chalice, and API Gateway, cannot take.

    Raises:
        BadRequest: a header has characters beyond ASCII.
    """
    for name, value in headers.items():
        if not (name.isascii() and value.isascii()):
            raise errors.BadRequest(f"The header {name!r} has characters that are not ASCII.")


def _from_lambda(outcome: Mapping[str, Any]) -> Answer:
    """An answer from what a Lambda proxy integration returns: ``statusCode``, ``headers``, ``body`` and so on."""
    body = outcome.get("body") or b""
    if outcome.get("isBase64Encoded"):
        body = base64.b64decode(body)
    elif isinstance(body, str):
        body = body.encode()
    headers: dict[str, Any] = {}
    for group in (outcome.get("headers"), outcome.get("multiValueHeaders")):
        headers.update({name.lower(): value for name, value in (group or {}).items()})
    return _answer(int(outcome["statusCode"]), headers, body)


def _answer(status: int, headers: dict[str, Any], body: bytes) -> Answer:
    headers.pop("content-length", None)
    if status in BODILESS:
        headers.pop("content-type", None)
        body = b""
    flat = [
        (name, str(each))
        for name, value in headers.items()
        for each in (value if isinstance(value, list | tuple) else [value])
    ]
    return Answer(status, flat, body)


def _make_thread_safe(app: Chalice) -> None:
    """Give each thread its own request and context, which Chalice keeps on the application.

    Chalice's server does so for ``current_request``; ``lambda_context`` matters too, for it knows the time left.
    """
    if isinstance(app, LocalChalice):
        return
    local = threading.local()

    def get(_: Any) -> Any:
        return getattr(local, "context", None)

    def put(_: Any, value: Any) -> None:
        local.context = value

    app.__class__ = type("LocalPortico", (LocalChalice, app.__class__), {"lambda_context": property(get, put)})
