"""The one Chalice app: every route, the authorizer and the scheduled handler. The table of contents of the service.

What an endpoint takes and answers is in ``chalicelib/http/endpoints.py``; what it does is in the function that it
calls here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from chalice.app import AuthRequest, AuthResponse, Chalice, CloudWatchEvent, CORSConfig, Rate, Request, Response

from chalicelib import http, settings
from chalicelib.access import authentication
from chalicelib.http import problems

if settings.current().dynamodb == "embedded":
    import_module("portico.embedded").attach()  # only on a developer's machine, which has that package

app = Chalice(app_name="portico")
app.register_middleware(problems.middleware, "http")

AUTHORIZER_TTL = 60
"""Seconds that API Gateway keeps the authorizer's answer: so long at most a revoked key goes on working."""


@app.authorizer(ttl_seconds=AUTHORIZER_TTL)
def authorizer(caller: AuthRequest) -> AuthResponse:
    """Resolve ``Authorization: Bearer <token>`` to a principal; the policy covers all routes because it is cached."""
    principal = authentication.of_header(caller.token)
    if principal is None:
        return AuthResponse(routes=[], principal_id="anonymous")
    return AuthResponse(routes=["*"], principal_id=principal.id, context=principal.to_context())


CORS = (
    CORSConfig(
        allow_origin=settings.current().cors_origin,
        allow_headers=["Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"],
        expose_headers=["ETag", "Location", "Link", "Portico-Plan", "RateLimit", "RateLimit-Policy", "Retry-After"],
        max_age=600,
    )
    if settings.current().cors_origin
    else None
)
PUBLIC: dict[str, Any] = {"cors": CORS, "content_types": []}
SECURED: dict[str, Any] = {**PUBLIC, "authorizer": authorizer}


def request() -> Request:
    """The request that is being answered."""
    return cast("Request", app.current_request)


@app.route("/", **PUBLIC)
def service_document() -> Response:
    return http.service.document(request())


@app.route("/health", **PUBLIC)
def health() -> Response:
    return http.service.health(request())


@app.route("/openapi.json", **PUBLIC)
def openapi() -> Response:
    return http.service.openapi(request())


@app.route("/v1/collections", **SECURED)
def list_collections() -> Response:
    return http.collections.list_page(request())


@app.route("/v1/collections/{collection}", methods=["GET"], **SECURED)
def read_collection(collection: str) -> Response:
    return http.collections.read(request(), collection)


@app.route("/v1/collections/{collection}", methods=["PUT"], **SECURED)
def put_collection(collection: str) -> Response:
    return http.collections.put(request(), collection)


@app.route("/v1/collections/{collection}", methods=["DELETE"], **SECURED)
def delete_collection(collection: str) -> Response:
    return http.collections.delete(request(), collection)


@app.route("/v1/collections/{collection}/records", methods=["GET"], **SECURED)
def list_records(collection: str) -> Response:
    return http.queries.list_page(request(), collection)


@app.route("/v1/collections/{collection}/query", methods=["POST"], **SECURED)
def query_records(collection: str) -> Response:
    return http.queries.query_page(request(), collection)


@app.route("/v1/collections/{collection}/records", methods=["POST"], **SECURED)
def create_record(collection: str) -> Response:
    return http.records.create(request(), collection)


@app.route("/v1/collections/{collection}/records/{id}", methods=["GET"], **SECURED)
def read_record(collection: str, id: str) -> Response:  # noqa: A002 - the path's own word
    return http.reading.read(request(), collection, id)


@app.route("/v1/collections/{collection}/records/{id}", methods=["PUT"], **SECURED)
def replace_record(collection: str, id: str) -> Response:  # noqa: A002
    return http.records.replace(request(), collection, id)


@app.route("/v1/collections/{collection}/records/{id}", methods=["PATCH"], **SECURED)
def patch_record(collection: str, id: str) -> Response:  # noqa: A002
    return http.records.patch(request(), collection, id)


@app.route("/v1/collections/{collection}/records/{id}", methods=["DELETE"], **SECURED)
def delete_record(collection: str, id: str) -> Response:  # noqa: A002
    return http.records.delete(request(), collection, id)


@app.route("/v1/collections/{collection}/import", methods=["POST"], **SECURED)
def import_records(collection: str) -> Response:
    return http.bulk.import_lines(request(), collection)


@app.route("/v1/collections/{collection}/export", **SECURED)
def export_records(collection: str) -> Response:
    return http.queries.export(request(), collection)


@app.route("/v1/collections/{collection}/rules/test", methods=["POST"], **SECURED)
def test_rule(collection: str) -> Response:
    return http.rules.test(request(), collection)


@app.route("/public/{collection}/records", **PUBLIC)
def list_public(collection: str) -> Response:
    return http.public.list_page(request(), collection)


@app.route("/public/{collection}/records/{id}", **PUBLIC)
def read_public(collection: str, id: str) -> Response:  # noqa: A002
    return http.public.read(request(), collection, id)


@app.route("/v1/batch", methods=["POST"], **SECURED)
def batch() -> Response:
    return http.bulk.batch(request())


@app.route("/v1/transactions", methods=["POST"], **SECURED)
def transaction() -> Response:
    return http.bulk.transaction(request())


@app.route("/v1/jobs", **SECURED)
def list_jobs() -> Response:
    return http.collections.list_jobs(request())


@app.route("/v1/jobs/{id}", **SECURED)
def read_job(id: str) -> Response:  # noqa: A002
    return http.collections.read_job(request(), id)


@app.route("/.well-known/jwks.json", **PUBLIC)
def public_keys() -> Response:
    return http.auth.public_keys(request())


@app.route("/v1/auth/signup", methods=["POST"], **PUBLIC)
def sign_up() -> Response:
    return http.auth.sign_up(request())


@app.route("/v1/auth/signin", methods=["POST"], **PUBLIC)
def sign_in() -> Response:
    return http.auth.sign_in(request())


@app.route("/v1/auth/refresh", methods=["POST"], **PUBLIC)
def refresh_tokens() -> Response:
    return http.auth.refresh(request())


@app.route("/v1/auth/signout", methods=["POST"], **PUBLIC)
def sign_out() -> Response:
    return http.auth.sign_out(request())


@app.route("/v1/auth/me", **SECURED)
def who_am_i() -> Response:
    return http.auth.who_am_i(request())


@app.route("/v1/auth/password", methods=["POST"], **SECURED)
def change_password() -> Response:
    return http.auth.change_password(request())


@app.route("/v1/auth/password/reset", methods=["POST"], **PUBLIC)
def request_password_reset() -> Response:
    return http.auth.request_password_reset(request())


@app.route("/v1/auth/password/confirm", methods=["POST"], **PUBLIC)
def confirm_password_reset() -> Response:
    return http.auth.confirm_password_reset(request())


@app.route("/v1/invitations", methods=["POST"], **SECURED)
def create_invitation() -> Response:
    return http.auth.create_invitation(request())


@app.route("/v1/users", **SECURED)
def list_users() -> Response:
    return http.auth.list_users(request())


@app.route("/v1/users/{id}", methods=["GET"], **SECURED)
def read_user(id: str) -> Response:  # noqa: A002
    return http.auth.read_user(request(), id)


@app.route("/v1/users/{id}", methods=["PUT"], **SECURED)
def change_user(id: str) -> Response:  # noqa: A002
    return http.auth.change_user(request(), id)


@app.route("/v1/users/{id}", methods=["DELETE"], **SECURED)
def delete_user(id: str) -> Response:  # noqa: A002
    return http.auth.delete_user(request(), id)


@app.route("/v1/signing-keys", methods=["POST"], **SECURED)
def rotate_signing_key() -> Response:
    return http.auth.rotate_signing_key(request())


@app.route("/v1/plans", **SECURED)
def list_plans() -> Response:
    return http.plans.list_page(request())


@app.route("/v1/plans/{id}", methods=["GET"], **SECURED)
def read_plan(id: str) -> Response:  # noqa: A002
    return http.plans.read(request(), id)


@app.route("/v1/plans/{id}", methods=["PUT"], **SECURED)
def put_plan(id: str) -> Response:  # noqa: A002
    return http.plans.put(request(), id)


@app.route("/v1/plans/{id}", methods=["DELETE"], **SECURED)
def delete_plan(id: str) -> Response:  # noqa: A002
    return http.plans.delete(request(), id)


@app.route("/v1/keys", methods=["GET"], **SECURED)
def list_keys() -> Response:
    return http.keys.list_page(request())


@app.route("/v1/keys", methods=["POST"], **SECURED)
def create_key() -> Response:
    return http.keys.create(request())


@app.route("/v1/keys/{id}", methods=["GET"], **SECURED)
def read_key(id: str) -> Response:  # noqa: A002
    return http.keys.read(request(), id)


@app.route("/v1/keys/{id}", methods=["PUT"], **SECURED)
def put_key(id: str) -> Response:  # noqa: A002
    return http.keys.put(request(), id)


@app.route("/v1/keys/{id}", methods=["DELETE"], **SECURED)
def revoke_key(id: str) -> Response:  # noqa: A002
    return http.keys.revoke(request(), id)


@app.route("/v1/keys/{id}/rotate", methods=["POST"], **SECURED)
def rotate_key(id: str) -> Response:  # noqa: A002
    return http.keys.rotate(request(), id)


@app.route("/v1/audit", **SECURED)
def list_audit() -> Response:
    return http.audit.list_page(request())


@app.route("/v1/usage", **SECURED)
def read_usage() -> Response:
    return http.usage.read(request())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def run_jobs(_: CloudWatchEvent) -> None:
    """Go on with background jobs, for as long as the function's time allows."""
    from chalicelib.collections import jobs  # noqa: PLC0415 - the HTTP function never runs them

    jobs.run_pending(seconds=240)
