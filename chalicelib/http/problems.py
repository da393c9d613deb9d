"""Problems as responses, for what a service raises and for what Chalice or a gateway answers by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib import settings
from chalicelib.errors import (
    MEDIA_TYPE,
    BadRequest,
    InternalError,
    MethodNotAllowed,
    Problem,
    UnsupportedMediaType,
)
from chalicelib.schema.json_text import dump

if TYPE_CHECKING:
    from chalice.app import Request

log = logging.getLogger(__name__)
INTERNAL = "Something went wrong inside Portico; the log has the details."
_OF_CHALICE: dict[int, type[Problem]] = {400: BadRequest, 405: MethodNotAllowed, 415: UnsupportedMediaType}


def render(problem: Problem) -> Response:
    """The response that a problem is: its status, its headers, its document as ``application/problem+json``."""
    document = problem.document()
    return Response(dump(document), {"Content-Type": MEDIA_TYPE, **problem.headers}, document["status"])


def rendered(request: Request, answer: Callable[[], Response]) -> Response:
    """The answer, or the problem that it meets. What is none is a defect: logged, and answered with 500."""
    try:
        return answer()
    except Problem as problem:
        return render(problem)
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return render(InternalError(INTERNAL))


def middleware(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice's own errors (a wrong method, a defect) as problem documents, with the CORS headers that they lack."""
    response = get_response(event)
    body: Any = response.body
    if response.status_code >= 400 and not isinstance(body, str):  # noqa: PLR2004 - Portico's own bodies are text
        cls = _OF_CHALICE.get(response.status_code, InternalError)
        detail = body.get("Message") if isinstance(body, dict) and cls is not InternalError else None
        allow = {"Allow": str(response.headers["Allow"])} if "Allow" in response.headers else {}
        response = render(cls(f"{detail or INTERNAL}", headers={**allow, **cors_headers()}))
    return response


def cors_headers() -> dict[str, str]:
    """The headers that let a browser's script read a response that no route made."""
    origin = settings.current().cors_origin
    return {"Access-Control-Allow-Origin": origin} if origin else {}
