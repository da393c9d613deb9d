"""The endpoint of usage."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chalicelib.access import usage, windows
from chalicelib.access.rules import authorize
from chalicelib.errors import InvalidParameter
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

DEFAULT_DAYS = 30
MAX_KEY = 512


@endpoint("read_usage")
def read(request: Request) -> Response:
    """GET /v1/usage: of all callers or of one for an administrator, of oneself for everybody else."""
    principal = requests.principal(request)
    key = requests.parameter(request, "key")
    if key is None and not principal.is_admin:
        key = principal.id
    if key != principal.id:
        authorize(principal, "administer")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise InvalidParameter("key", "'key' is a caller's id, as in key:0f3c5a7b9d1e, user:... or anonymous.")
    today = windows.day_of(time.time_ns())
    last, first = requests.day(request, "to"), requests.day(request, "from")
    last = today if last is None else last
    first = max(0, last - DEFAULT_DAYS + 1) if first is None else first
    listing = f"usage {key or '*'} {first} {last}"
    after = cursors.load(requests.parameter(request, "cursor"), listing, principal)
    found, following = usage.page(key, first, last, requests.limit(request), after)
    return responses.json({"items": found, "next": cursors.dump(following, listing, principal)})
