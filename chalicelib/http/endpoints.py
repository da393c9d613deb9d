"""Every endpoint as data: what it takes, what it answers, which problems it can have.

The request checks, the OpenAPI document, the documentation test and the route test all read this table, so they
cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import errors
from chalicelib.errors import Problem

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
NDJSON = "application/x-ndjson"

MAX_BODY = 1024 * 1024
"""Bytes of an ordinary body: over twice what a record can hold."""
MAX_BULK = 5 * 1024 * 1024
"""Bytes of a batch, a transaction or an import; Lambda takes 6 MB with all around it."""


@dataclass(frozen=True)
class Body:
    """A request body: the media types it may have, the name of its schema in the OpenAPI document, its most bytes."""

    schema: str
    media: tuple[str, ...] = (JSON,)
    limit: int = MAX_BODY


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    ``query`` and ``headers`` name parameters that ``openapi`` describes. ``answers`` is the schema's name by status,
    None for an answer without a body. ``problems`` are those besides what every endpoint can have. One that is not
    ``limited`` is open to everybody, whatever their plan says, and not in their usage.
    """

    method: str
    path: str
    summary: str
    tag: str
    answers: dict[int, str | None]
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: Body | None = None
    problems: tuple[type[Problem], ...] = ()
    public: bool = False
    media: str = JSON
    limited: bool = True

    def every_problem(self) -> tuple[type[Problem], ...]:
        """The problems that the endpoint can answer with, those of all endpoints included."""
        common: list[type[Problem]] = [errors.InternalError, errors.StoreUnavailable, errors.StoreThrottled]
        if not self.public:
            common += [errors.Unauthenticated, errors.Forbidden]
        if self.limited:
            common += [errors.RateLimited, errors.QuotaExceeded]
        common += [errors.InvalidParameter, errors.BadRequest]
        if self.body is not None:
            common += [errors.PayloadTooLarge, errors.UnsupportedMediaType, errors.MalformedJson]
        if "{collection}" in self.path:
            common += [errors.InvalidIdentifier]
        return tuple(dict.fromkeys([*common, *self.problems]))


_WRITE = (errors.ValidationFailed, errors.ItemTooLarge, errors.UniqueViolation, errors.WriteContention)
_KEYED = (errors.IdempotencyMismatch, errors.IdempotencyInFlight)
_PAGED = ("limit", "cursor")
_LISTED = (errors.InvalidCursor, errors.InvalidWhere, errors.UnservedSort, errors.CountTooLarge)
_GUESSES = (errors.ValidationFailed, errors.TooManyAttempts)
_DEFINITIONS = "/v1/collections/{collection}"
_RECORDS = "/v1/collections/{collection}/records"
_RECORD = "/v1/collections/{collection}/records/{id}"
_PLAN = "/v1/plans/{id}"
_KEY = "/v1/keys/{id}"

ENDPOINTS: dict[str, Endpoint] = {
    "service": Endpoint(
        "GET", "/", "The service and where its parts are.", "service", {200: "Service"}, public=True, limited=False
    ),
    "health": Endpoint(
        "GET", "/health", "Whether the store answers.", "service", {200: "Health"}, public=True, limited=False
    ),
    "openapi": Endpoint(
        "GET",
        "/openapi.json",
        "This document.",
        "service",
        {200: "OpenApi"},
        public=True,
        limited=False,
        problems=(errors.Unauthenticated,),
    ),
    "list_collections": Endpoint(
        "GET",
        "/v1/collections",
        "List the collections by name.",
        "collections",
        {200: "CollectionPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_collection": Endpoint(
        "GET",
        _DEFINITIONS,
        "Read a collection's definition.",
        "collections",
        {200: "Collection", 304: None},
        headers=("If-None-Match",),
        problems=(errors.CollectionNotFound,),
    ),
    "put_collection": Endpoint(
        "PUT",
        _DEFINITIONS,
        "Create a collection or replace its definition.",
        "collections",
        {200: "Collection", 201: "Collection"},
        headers=("If-Match", "If-None-Match"),
        body=Body("Definition"),
        problems=(
            errors.InvalidDefinition,
            errors.PreconditionFailed,
            errors.DefinitionConflict,
            errors.WriteContention,
        ),
    ),
    "delete_collection": Endpoint(
        "DELETE",
        _DEFINITIONS,
        "Delete a collection; its records go in the background.",
        "collections",
        {202: "Job"},
        headers=("If-Match", "If-None-Match"),
        problems=(errors.CollectionNotFound, errors.PreconditionFailed, errors.WriteContention),
    ),
    "list_records": Endpoint(
        "GET",
        _RECORDS,
        "List records that meet a condition, in an order.",
        "records",
        {200: "RecordPage"},
        query=("where", "sort", "fields", *_PAGED, "count", "explain"),
        problems=(errors.CollectionNotFound, *_LISTED),
    ),
    "query_records": Endpoint(
        "POST",
        "/v1/collections/{collection}/query",
        "The list, asked for with a body.",
        "records",
        {200: "RecordPage"},
        body=Body("Query"),
        problems=(errors.CollectionNotFound, errors.ValidationFailed, *_LISTED),
    ),
    "create_record": Endpoint(
        "POST",
        _RECORDS,
        "Create a record; the server makes the id unless the body has one.",
        "records",
        {201: "Record"},
        headers=("Idempotency-Key", "If-Match", "If-None-Match"),
        body=Body("NewRecord"),
        problems=(errors.CollectionNotFound, *_WRITE, errors.RecordExists, errors.PreconditionFailed, *_KEYED),
    ),
    "read_record": Endpoint(
        "GET",
        _RECORD,
        "Read a record.",
        "records",
        {200: "Record", 304: None},
        query=("fields", "consistent"),
        headers=("If-None-Match",),
        problems=(errors.CollectionNotFound, errors.RecordNotFound),
    ),
    "replace_record": Endpoint(
        "PUT",
        _RECORD,
        "Replace a record, or create it under this id.",
        "records",
        {200: "Record", 201: "Record"},
        query=("if",),
        headers=("If-Match", "If-None-Match"),
        body=Body("NewRecord"),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            *_WRITE,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
        ),
    ),
    "patch_record": Endpoint(
        "PATCH",
        _RECORD,
        "Change some properties of a record.",
        "records",
        {200: "Record"},
        query=("if",),
        headers=("If-Match", "If-None-Match", "Idempotency-Key"),
        body=Body("RecordPatch", (MERGE_PATCH, JSON)),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            errors.RecordNotFound,
            *_WRITE,
            errors.InvalidOperation,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
            *_KEYED,
        ),
    ),
    "delete_record": Endpoint(
        "DELETE",
        _RECORD,
        "Delete a record.",
        "records",
        {204: None},
        query=("if",),
        headers=("If-Match", "If-None-Match"),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            errors.RecordNotFound,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
            errors.WriteContention,
        ),
    ),
    "import_records": Endpoint(
        "POST",
        "/v1/collections/{collection}/import",
        "Create a record of each line of newline-delimited JSON.",
        "records",
        {200: "ImportReport"},
        headers=("Idempotency-Key",),
        body=Body("Lines", (NDJSON,), MAX_BULK),
        problems=(errors.CollectionNotFound, errors.TooManyOperations),
    ),
    "export_records": Endpoint(
        "GET",
        "/v1/collections/{collection}/export",
        "Records as newline-delimited JSON, the oldest first.",
        "records",
        {200: "Lines"},
        query=_PAGED,
        problems=(errors.CollectionNotFound, errors.InvalidCursor),
        media=NDJSON,
    ),
    "batch": Endpoint(
        "POST",
        "/v1/batch",
        "Up to 100 independent operations, a status each.",
        "operations",
        {200: "Results"},
        headers=("Idempotency-Key",),
        body=Body("Batch", limit=MAX_BULK),
        problems=(errors.ValidationFailed, errors.TooManyOperations, errors.IdempotencyMismatch),
    ),
    "transaction": Endpoint(
        "POST",
        "/v1/transactions",
        "Up to 100 operations, all or nothing.",
        "operations",
        {200: "Results"},
        headers=("Idempotency-Key",),
        body=Body("Transaction", limit=MAX_BULK),
        problems=(
            errors.ValidationFailed,
            errors.Unprocessable,
            errors.TooManyOperations,
            errors.TransactionCanceled,
            errors.ItemTooLarge,
            errors.WriteContention,
            *_KEYED,
        ),
    ),
    "list_public": Endpoint(
        "GET",
        "/public/{collection}/records",
        "The list, for anybody, as far as the rules allow.",
        "public",
        {200: "RecordPage", 304: None},
        query=("where", "sort", "fields", *_PAGED, "count"),
        headers=("If-None-Match",),
        problems=(errors.Forbidden, errors.CollectionNotFound, *_LISTED),
        public=True,
    ),
    "read_public": Endpoint(
        "GET",
        "/public/{collection}/records/{id}",
        "A record, for anybody, as far as the rules allow.",
        "public",
        {200: "Record", 304: None},
        query=("fields", "consistent"),
        headers=("If-None-Match",),
        problems=(errors.Forbidden, errors.CollectionNotFound, errors.RecordNotFound),
        public=True,
    ),
    "test_rule": Endpoint(
        "POST",
        "/v1/collections/{collection}/rules/test",
        "Try an access rule: whether it holds, and which term decides.",
        "collections",
        {200: "Trial"},
        body=Body("TrialOf"),
        problems=(errors.CollectionNotFound, errors.RecordNotFound, errors.ValidationFailed),
    ),
    "list_jobs": Endpoint(
        "GET",
        "/v1/jobs",
        "List background jobs, the newest first.",
        "jobs",
        {200: "JobPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_job": Endpoint(
        "GET", "/v1/jobs/{id}", "How far a background job is.", "jobs", {200: "Job"}, problems=(errors.JobNotFound,)
    ),
    "list_plans": Endpoint(
        "GET",
        "/v1/plans",
        "List the usage plans by id.",
        "plans",
        {200: "PlanPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_plan": Endpoint(
        "GET",
        _PLAN,
        "Read a plan.",
        "plans",
        {200: "StoredPlan", 304: None},
        headers=("If-None-Match",),
        problems=(errors.InvalidIdentifier, errors.PlanNotFound),
    ),
    "put_plan": Endpoint(
        "PUT",
        _PLAN,
        "Create a plan or replace it.",
        "plans",
        {200: "StoredPlan", 201: "StoredPlan"},
        headers=("If-Match", "If-None-Match"),
        body=Body("Plan"),
        problems=(
            errors.InvalidIdentifier,
            errors.ValidationFailed,
            errors.PreconditionFailed,
            errors.WriteContention,
        ),
    ),
    "delete_plan": Endpoint(
        "DELETE",
        _PLAN,
        "Delete a plan; whoever is under it is not limited any more.",
        "plans",
        {204: None},
        headers=("If-Match", "If-None-Match"),
        problems=(errors.InvalidIdentifier, errors.PlanNotFound, errors.PreconditionFailed, errors.WriteContention),
    ),
    "list_keys": Endpoint(
        "GET",
        "/v1/keys",
        "List the API keys by id.",
        "keys",
        {200: "KeyPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "create_key": Endpoint(
        "POST",
        "/v1/keys",
        "Make an API key under an id of the server's.",
        "keys",
        {201: "IssuedKey"},
        body=Body("Key"),
        problems=(errors.ValidationFailed, errors.WriteContention),
    ),
    "read_key": Endpoint(
        "GET",
        _KEY,
        "Read an API key, without its secret.",
        "keys",
        {200: "StoredKey", 304: None},
        headers=("If-None-Match",),
        problems=(errors.InvalidIdentifier, errors.KeyNotFound),
    ),
    "put_key": Endpoint(
        "PUT",
        _KEY,
        "Make an API key under this id, or change what it may do.",
        "keys",
        {200: "StoredKey", 201: "IssuedKey"},
        headers=("If-Match", "If-None-Match"),
        body=Body("Key"),
        problems=(
            errors.InvalidIdentifier,
            errors.ValidationFailed,
            errors.PreconditionFailed,
            errors.WriteContention,
        ),
    ),
    "rotate_key": Endpoint(
        "POST",
        "/v1/keys/{id}/rotate",
        "Give an API key another secret; the one of now stays good for a while.",
        "keys",
        {200: "IssuedKey"},
        headers=("If-Match", "If-None-Match"),
        body=Body("KeyRotation"),
        problems=(
            errors.InvalidIdentifier,
            errors.KeyNotFound,
            errors.ValidationFailed,
            errors.PreconditionFailed,
            errors.Conflict,
            errors.WriteContention,
        ),
    ),
    "revoke_key": Endpoint(
        "DELETE",
        _KEY,
        "Revoke an API key.",
        "keys",
        {204: None},
        headers=("If-Match", "If-None-Match"),
        problems=(errors.InvalidIdentifier, errors.KeyNotFound, errors.PreconditionFailed, errors.WriteContention),
    ),
    "list_audit": Endpoint(
        "GET",
        "/v1/audit",
        "List the administrative changes, the newest first.",
        "audit",
        {200: "AuditPage"},
        query=("principal", "subject", "from", "to", *_PAGED),
        problems=(errors.InvalidCursor,),
    ),
    "read_usage": Endpoint(
        "GET",
        "/v1/usage",
        "What callers did, day by day.",
        "usage",
        {200: "UsagePage"},
        query=("key", "from", "to", *_PAGED),
        problems=(errors.InvalidCursor,),
    ),
    "public_keys": Endpoint(
        "GET",
        "/.well-known/jwks.json",
        "The keys that Portico's own tokens are verified with.",
        "auth",
        {200: "KeySet"},
        public=True,
        limited=False,
        problems=(errors.WriteContention,),
    ),
    "sign_up": Endpoint(
        "POST",
        "/v1/auth/signup",
        "Become a user.",
        "auth",
        {201: "Tokens"},
        body=Body("SignUp"),
        public=True,
        problems=(
            *_GUESSES,
            errors.SignupClosed,
            errors.InvalidToken,
            errors.EmailTaken,
            errors.WriteContention,
        ),
    ),
    "sign_in": Endpoint(
        "POST",
        "/v1/auth/signin",
        "Get tokens for a password.",
        "auth",
        {200: "Tokens"},
        body=Body("SignIn"),
        public=True,
        problems=(*_GUESSES, errors.InvalidCredentials),
    ),
    "refresh_tokens": Endpoint(
        "POST",
        "/v1/auth/refresh",
        "Get new tokens for a refresh token, which is used up.",
        "auth",
        {200: "Tokens"},
        body=Body("Refresh"),
        public=True,
        problems=(errors.ValidationFailed, errors.InvalidToken),
    ),
    "sign_out": Endpoint(
        "POST",
        "/v1/auth/signout",
        "End the session of a refresh token, or all of its user's.",
        "auth",
        {204: None},
        body=Body("SignOut"),
        public=True,
        problems=(errors.ValidationFailed, errors.InvalidToken),
    ),
    "who_am_i": Endpoint("GET", "/v1/auth/me", "Who calls.", "auth", {200: "Caller"}, problems=(errors.UserNotFound,)),
    "change_password": Endpoint(
        "POST",
        "/v1/auth/password",
        "Set another password, which ends all sessions and begins a new one.",
        "auth",
        {200: "Tokens"},
        body=Body("PasswordChange"),
        problems=(*_GUESSES, errors.InvalidCredentials, errors.UserNotFound, errors.WriteContention),
    ),
    "request_password_reset": Endpoint(
        "POST",
        "/v1/auth/password/reset",
        "Have a token delivered that sets another password.",
        "auth",
        {204: None},
        body=Body("ResetRequest"),
        public=True,
        problems=_GUESSES,
    ),
    "confirm_password_reset": Endpoint(
        "POST",
        "/v1/auth/password/confirm",
        "Set another password with a token that was delivered.",
        "auth",
        {204: None},
        body=Body("ResetConfirmation"),
        public=True,
        problems=(*_GUESSES, errors.InvalidToken, errors.WriteContention),
    ),
    "create_invitation": Endpoint(
        "POST",
        "/v1/invitations",
        "Make a token to sign up with.",
        "users",
        {200: "Invitation"},
        body=Body("NewInvitation"),
        problems=(errors.ValidationFailed,),
    ),
    "list_users": Endpoint(
        "GET",
        "/v1/users",
        "List the built-in users.",
        "users",
        {200: "UserPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_user": Endpoint(
        "GET", "/v1/users/{id}", "Read a user.", "users", {200: "User"}, problems=(errors.UserNotFound,)
    ),
    "change_user": Endpoint(
        "PUT",
        "/v1/users/{id}",
        "Set a user's roles, and whether they may sign in.",
        "users",
        {200: "User"},
        body=Body("UserChange"),
        problems=(errors.ValidationFailed, errors.UserNotFound),
    ),
    "delete_user": Endpoint(
        "DELETE",
        "/v1/users/{id}",
        "Delete a user.",
        "users",
        {204: None},
        problems=(errors.UserNotFound, errors.WriteContention),
    ),
    "rotate_signing_key": Endpoint(
        "POST",
        "/v1/signing-keys",
        "Make a new key to sign tokens with.",
        "users",
        {201: "SigningKey"},
        body=Body("Rotation"),
        problems=(errors.ValidationFailed, errors.WriteContention),
    ),
}
"""By the name of the function in ``app.py`` that answers it, which is also its ``operationId``."""

CANCELED_STATUSES = (403, 404, 409, 412, 422, 428)
"""What a canceled transaction can answer with: the status of the operation that stood in the way."""
