"""Signatures of DynamoDB requests: Signature Version 4, for the one form that they have.

A request is a POST of a JSON body to ``/``, so most of what botocore's signer works out for any service is known
beforehand, and takes a third of the time. Botocore still gets the credentials and renews them. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """The handler of ``request-created.dynamodb``: it signs each request, each repetition anew."""

    def __init__(self, credentials: Credentials, region: str, clock: Callable[[], datetime] | None = None) -> None:
        self._credentials, self._region = credentials, region
        self._clock = clock or _now
        self._key: tuple[tuple[str, ...], bytes] = ((), b"")
        self._host: tuple[str, str] = ("", "")

    def __call__(self, request: AWSRequest, **_: Any) -> None:
        """Add the date, the session token if there is one, and the signature."""
        credentials = self._credentials.get_frozen_credentials()
        headers: Any = request.headers
        moment = self._clock().strftime("%Y%m%dT%H%M%SZ")
        token, secret = credentials.token, str(credentials.secret_key)
        url, body = str(request.url), bytes(request.data or b"")
        lines = [f"content-type:{headers['Content-Type']}", f"host:{self._host_of(url)}", f"x-amz-date:{moment}"]
        names = "content-type;host;x-amz-date;x-amz-target"
        if token:
            lines.append(f"x-amz-security-token:{token}")
            names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            headers["X-Amz-Security-Token"] = token
        target = headers["X-Amz-Target"]
        lines.append(f"x-amz-target:{target if isinstance(target, str) else target.decode()}")
        canonical = "\n".join(["POST", "/", "", *lines, "", names, sha256(body).hexdigest()])
        day = moment[:8]
        region = request.context.get("signing", {}).get("region") or self._region
        scope = f"{day}/{region}/dynamodb/aws4_request"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(self._key_of(day, region, secret), text.encode(), "sha256").hex()
        headers["X-Amz-Date"] = moment
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )

    def _host_of(self, url: str) -> str:
        """The Host header of a URL, as urllib3 will send it: without the scheme's own port."""
        known, host = self._host
        if known != url:
            parts = urlsplit(url)
            own = parts.port is None or parts.port == {"http": 80, "https": 443}.get(parts.scheme)
            name = parts.hostname or ""
            host = (f"[{name}]" if ":" in name else name) + ("" if own else f":{parts.port}")
            self._host = (url, host)
        return host

    def _key_of(self, day: str, region: str, secret: str) -> bytes:
        """The signing key, which is the same all day."""
        known, key = self._key
        if known != (day, region, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, region, "dynamodb", "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._key = ((day, region, secret), key)
        return key


def _now() -> datetime:
    return datetime.now(timezone.utc)
