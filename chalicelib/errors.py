"""What can go wrong, as one tree of exceptions, and the problem document (RFC 9457) that each one is.

::

    Problem
    ├── BadRequest 400          ├── MalformedJson  ├── InvalidParameter  ├── InvalidCursor
    │                           ├── InvalidIdentifier  ├── InvalidWhere  └── UnservedSort
    ├── Unauthenticated 401     ├── InvalidCredentials  └── InvalidToken
    ├── Forbidden 403           └── SignupClosed
    ├── NotFound 404            ├── RouteNotFound  ├── CollectionNotFound  ├── RecordNotFound  ├── JobNotFound
    │                           ├── PlanNotFound  ├── UserNotFound  └── KeyNotFound
    ├── MethodNotAllowed 405
    ├── Conflict 409            ├── RecordExists  ├── UniqueViolation  ├── DefinitionConflict
    │                           ├── IdempotencyInFlight  ├── WriteContention  └── EmailTaken
    ├── PreconditionFailed 412
    ├── PayloadTooLarge 413
    ├── UnsupportedMediaType 415
    ├── Unprocessable 422       ├── ValidationFailed  ├── InvalidDefinition  ├── InvalidOperation
    │                           ├── ItemTooLarge  ├── IdempotencyMismatch  ├── TransactionCanceled
    │                           ├── CountTooLarge  └── TooManyOperations
    ├── PreconditionRequired 428
    ├── TooManyRequests 429     ├── RateLimited  ├── QuotaExceeded  └── TooManyAttempts
    ├── InternalError 500
    └── StoreUnavailable 503    └── StoreThrottled

A service raises one of these and never knows HTTP; ``chalicelib.http`` renders it. ``docs/errors.md`` describes every
``code``, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypedDict

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:portico:problem:"


class Failure(TypedDict):
    """One failed check of a validation: where (an RFC 6901 JSON Pointer into the request body) and what."""

    pointer: str
    detail: str


class Problem(Exception):
    """The root of the tree: an error that is the caller's to read.

    ``detail`` says in one or two sentences what is wrong and what to do. ``extensions`` are further members of the
    problem document; ``headers`` are response headers that belong to it (``Retry-After``, ``Allow``).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        extensions: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = dict(extensions or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem document: ``type``, ``title``, ``status``, ``code``, ``detail`` and the extensions."""
        return {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extensions,
        }


class BadRequest(Problem):
    """The request cannot be understood as it stands."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class MalformedJson(BadRequest):
    """The body is not JSON as RFC 8259 has it (NaN, lone surrogates and broken UTF-8 are not)."""

    code = "malformed_json"
    title = "Malformed JSON"


class InvalidParameter(BadRequest):
    """A query parameter or header is unknown, repeated, or has a value that it cannot have."""

    code = "invalid_parameter"
    title = "Invalid parameter"

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail, extensions={"parameter": parameter})


class InvalidCursor(BadRequest):
    """A cursor that Portico did not make, or made for another query or another caller."""

    code = "invalid_cursor"
    title = "Invalid cursor"

    def __init__(
        self, detail: str = "This cursor was not made for this query and this caller; start again without."
    ) -> None:
        super().__init__(detail, extensions={"parameter": "cursor"})


class InvalidIdentifier(BadRequest):
    """A collection name or record id in the path has characters that names and ids do not have."""

    code = "invalid_identifier"
    title = "Invalid identifier"


class InvalidWhere(BadRequest):
    """A where expression is none, or names what does not exist in its place.

    ``parameter`` is the query parameter or the member of the body that it was in. Of a text, ``offset`` counts
    characters from 0, ``line`` and ``column`` from 1, and ``excerpt`` draws the place with a caret under it. Of a JSON
    form ``pointer`` leads to the wrong part (RFC 6901, into the body).
    """

    code = "invalid_where"
    title = "Invalid where expression"

    def __init__(self, detail: str, parameter: str, **place: Any) -> None:
        super().__init__(detail, extensions={"parameter": parameter, **place})


class UnservedSort(BadRequest):
    """The order that is asked for is that of no index, so a page of it would take reading the whole collection.

    ``declare`` is the index that would serve the query, as a member of the definition's ``indexes``.
    """

    code = "unserved_sort"
    title = "Sort without an index"

    def __init__(self, detail: str, declare: Mapping[str, Any] | None) -> None:
        super().__init__(detail, extensions={"parameter": "sort", "declare": declare})


class Unauthenticated(Problem):
    """No credentials, or credentials that nobody has (RFC 9110, 15.5.2)."""

    status = 401
    code = "unauthenticated"
    title = "Authentication required"

    def __init__(self, detail: str = "Send a valid key as 'Authorization: Bearer <key>'.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="portico"'})


class InvalidCredentials(Unauthenticated):
    """The password is wrong, or there is no such user; which of the two is not said."""

    code = "invalid_credentials"
    title = "Wrong credentials"

    def __init__(self, detail: str = "There is no user with this address and password.") -> None:
        super().__init__(detail)


class InvalidToken(Unauthenticated):
    """A refresh token, a reset token or an invitation is none, was used, or has ended."""

    code = "invalid_token"
    title = "Invalid token"

    def __init__(self, detail: str = "This token is not good: it was used, was revoked, or has ended.") -> None:
        super().__init__(detail)


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class SignupClosed(Forbidden):
    """Users cannot sign up, or only with an invitation."""

    code = "signup_closed"
    title = "Sign-up is closed"


class NotFound(Problem):
    """What the path names does not exist."""

    status = 404
    code = "not_found"
    title = "Not found"


class RouteNotFound(NotFound):
    """No endpoint has this path."""

    code = "route_not_found"
    title = "No such endpoint"


class CollectionNotFound(NotFound):
    """No collection has this name, or it is being deleted."""

    code = "collection_not_found"
    title = "No such collection"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no collection {name!r}; PUT /v1/collections/{name} makes one.")


class RecordNotFound(NotFound):
    """No record has this id, or its time to live is over."""

    code = "record_not_found"
    title = "No such record"

    def __init__(self, collection: str, record_id: str) -> None:
        super().__init__(f"The collection {collection!r} has no record {record_id!r}.")


class JobNotFound(NotFound):
    """No job has this id."""

    code = "job_not_found"
    title = "No such job"


class PlanNotFound(NotFound):
    """No usage plan has this id."""

    code = "plan_not_found"
    title = "No such plan"

    def __init__(self, plan: str) -> None:
        super().__init__(f"There is no plan {plan[:80]!r}; PUT /v1/plans/{{id}} makes one.")


class UserNotFound(NotFound):
    """No built-in user has this id."""

    code = "user_not_found"
    title = "No such user"


class KeyNotFound(NotFound):
    """No API key has this id, or it was revoked."""

    code = "key_not_found"
    title = "No such key"


class MethodNotAllowed(Problem):
    """The path exists and does not answer this method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(Problem):
    """The request is right and the stored state is against it."""

    status = 409
    code = "conflict"
    title = "Conflict"


class RecordExists(Conflict):
    """A record with this id is there already."""

    code = "record_exists"
    title = "Record exists"


class UniqueViolation(Conflict):
    """Another record has this value in a property that the collection declares unique.

    ``change`` is the number of the operation, from 0, when there are several.
    """

    code = "unique_violation"
    title = "Value is taken"

    def __init__(self, properties: Sequence[str], *, change: int = 0) -> None:
        self.change = change
        named = ", ".join(repr(name) for name in properties)
        super().__init__(
            f"Another record of the collection has this value in {named}, which the definition declares unique.",
            extensions={"errors": [Failure(pointer=pointer([name]), detail="is taken") for name in properties]},
        )


class DefinitionConflict(Conflict):
    """The stored collection does not allow this change of its definition now."""

    code = "definition_conflict"
    title = "Definition conflict"


class IdempotencyInFlight(Conflict):
    """A request with the same Idempotency-Key is still being worked on."""

    code = "idempotency_in_flight"
    title = "Request in flight"

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is being worked on; try again shortly for its answer.",
            headers={"Retry-After": "1"},
        )


class WriteContention(Conflict):
    """Other writers changed the same record again and again while this request tried to."""

    code = "write_contention"
    title = "Write contention"

    def __init__(self) -> None:
        super().__init__(
            "Other writers kept changing the same records; nothing was written. Try again.",
            headers={"Retry-After": "1"},
        )


class EmailTaken(Conflict):
    """Another user has this address."""

    code = "email_taken"
    title = "Address is taken"

    def __init__(self) -> None:
        super().__init__("A user has this address already; sign in, or reset the password.")


class PreconditionFailed(Problem):
    """If-Match, If-None-Match or ?if= does not hold for the stored state (RFC 9110, 15.5.13)."""

    status = 412
    code = "precondition_failed"
    title = "Precondition failed"


class PayloadTooLarge(Problem):
    """The body is larger than the endpoint takes."""

    status = 413
    code = "payload_too_large"
    title = "Payload too large"


class UnsupportedMediaType(Problem):
    """The body's Content-Type is none that the endpoint takes."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class Unprocessable(Problem):
    """The body is well-formed JSON and does not say something that can be done."""

    status = 422
    code = "unprocessable"
    title = "Unprocessable content"


class ValidationFailed(Unprocessable):
    """The body fails its schema. ``failures`` has every failed check, each with its JSON Pointer."""

    code = "validation_failed"
    title = "Validation failed"

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = list(failures)
        first = self.failures[0]
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
        super().__init__(
            f"{first['pointer'] or 'The body'}: {first['detail']}{more}.", extensions={"errors": self.failures}
        )


class InvalidDefinition(ValidationFailed):
    """A collection's definition is not one. The pointers are into the definition."""

    code = "invalid_definition"
    title = "Invalid definition"


class InvalidOperation(ValidationFailed):
    """A PATCH operator cannot be applied to the stored value."""

    code = "invalid_operation"
    title = "Operation cannot be applied"


class ItemTooLarge(Unprocessable):
    """The record would be larger than a DynamoDB item can be (400 KB)."""

    code = "item_too_large"
    title = "Record too large"


class IdempotencyMismatch(Unprocessable):
    """The Idempotency-Key was used before, with another request."""

    code = "idempotency_mismatch"
    title = "Idempotency-Key reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request; use a new key for a new request.")


class TransactionCanceled(Unprocessable):
    """A transaction was not carried out. ``results`` says of each operation whether it stood in the way.

    The status is that of the first failed operation (404, 409, 412, 422).
    """

    code = "transaction_canceled"
    title = "Transaction canceled"

    def __init__(self, results: Sequence[Mapping[str, Any]], cause: Problem) -> None:
        super().__init__(
            f"Nothing was written. The first operation that stood in the way: {cause.detail}",
            extensions={"results": list(results)},
            headers=cause.headers,
        )
        self.cause = cause

    def document(self) -> dict[str, Any]:
        """The problem document with the status of the operation that stood in the way."""
        return {**super().document(), "status": self.cause.status}


class CountTooLarge(Unprocessable):
    """Counting would take reading more than one request may read."""

    code = "count_too_large"
    title = "Count too large"


class TooManyOperations(Unprocessable):
    """The request has more operations than the caller's plan ever lets through at once.

    ``operations`` is how many it has, ``limit`` how many one may have.
    """

    code = "too_many_operations"
    title = "Too many operations"

    def __init__(self, operations: int, limit: int) -> None:
        super().__init__(
            f"The request has {operations} operations, and this caller's plan lets at most {limit} through at once; "
            "send it in parts.",
            extensions={"operations": operations, "limit": limit},
        )


class PreconditionRequired(Problem):
    """The collection takes no unconditional writes (RFC 6585, 3)."""

    status = 428
    code = "precondition_required"
    title = "Precondition required"


class TooManyRequests(Problem):
    """The caller's plan does not allow this request now (RFC 6585, 4).

    ``limit``, ``remaining`` and ``reset`` (seconds) are those of the limit that stands in the way;
    ``violated-policies`` names it as the header ``RateLimit`` does (draft-ietf-httpapi-ratelimit-headers-10, 5.1).
    """

    status = 429
    code = "too_many_requests"
    title = "Too many requests"

    def __init__(self, detail: str, policy: str, *, limit: int, remaining: int, reset: int) -> None:
        members = {"limit": limit, "remaining": remaining, "reset": reset, "violated-policies": [policy]}
        super().__init__(detail, extensions=members, headers={"Retry-After": str(reset)})


class RateLimited(TooManyRequests):
    """Requests came faster than the caller's plan allows."""

    code = "rate_limited"
    title = "Rate limited"


class QuotaExceeded(TooManyRequests):
    """The requests that the caller's plan allows in a day, week or month are used up."""

    code = "quota_exceeded"
    title = "Quota exceeded"


class TooManyAttempts(TooManyRequests):
    """Too many passwords or tokens were tried for an address or by a caller."""

    code = "too_many_attempts"
    title = "Too many attempts"

    def __init__(self, limit: int, reset: int) -> None:
        super().__init__(
            f"There were {limit} attempts already; try again in {reset} s.",
            "attempts",
            limit=limit,
            remaining=0,
            reset=reset,
        )


class InternalError(Problem):
    """A defect of Portico. The log has it; the caller cannot do anything about it."""


class StoreUnavailable(Problem):
    """DynamoDB did not answer, refused the credentials, or has no such table."""

    status = 503
    code = "store_unavailable"
    title = "Store unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class StoreThrottled(StoreUnavailable):
    """DynamoDB kept throttling the request after its retries."""

    code = "store_throttled"
    title = "Store throttled"


def pointer(path: Sequence[str | int]) -> str:
    """An RFC 6901 JSON Pointer: ``["tags", 0]`` is ``/tags/0``, the empty path is the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def problem_classes() -> Iterator[type[Problem]]:
    """Every class of the tree that a caller can meet, parents before children."""
    pending: list[type[Problem]] = [Problem]
    while pending:
        cls = pending.pop(0)
        yield cls
        pending.extend(cls.__subclasses__())
