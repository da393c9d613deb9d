"""Books, by hand: Chalice and boto3's Table."""

from __future__ import annotations

import json
import os
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, cast

import boto3  # type: ignore[import-untyped]
from boto3.dynamodb.conditions import Attr, Key  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from chalice.app import (
    AuthRequest,
    AuthResponse,
    BadRequestError,
    Chalice,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    Request,
    Response,
)

app = Chalice(app_name="books")
table = boto3.resource("dynamodb").Table(os.environ.get("TABLE", "books"))

REQUIRED = {"title": str, "author": str}


@app.authorizer()
def authorizer(request: AuthRequest) -> AuthResponse:
    if request.token != f"Bearer {os.environ['TOKEN']}":
        return AuthResponse(routes=[], principal_id="nobody")
    return AuthResponse(routes=["*"], principal_id="admin", context={"roles": "admin"})


def _request() -> Request:
    return cast("Request", app.current_request)


def _check_role() -> None:
    if "admin" not in _request().context["authorizer"]["roles"].split():
        raise ForbiddenError("Only administrators may do this.")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, default=_plain), {"Content-Type": "application/json"}, status)


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    document = dict(item)
    del document["pk"]
    document["id"] = document.pop("sk")
    return document


@app.route("/books/{book_id}", methods=["GET"], authorizer=authorizer, cors=True)
def read_book(book_id: str) -> Response:
    _check_role()
    item = table.get_item(Key={"pk": "books", "sk": book_id}).get("Item")
    if item is None:
        raise NotFoundError(f"There is no book {book_id}.")
    return _json(_shown(item))


@app.route("/books", methods=["POST"], authorizer=authorizer, cors=True)
def create_book() -> Response:
    _check_role()
    try:
        body = json.loads(_request().raw_body, parse_float=Decimal)
    except ValueError:
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequestError("The body is not an object.")
    for name, kind in REQUIRED.items():
        if not isinstance(body.get(name), kind):
            raise BadRequestError(f"{name} is required and is a {kind.__name__}.")
    item = {**body, "pk": "books", "sk": str(uuid.uuid4()), "created_at": datetime.now(timezone.utc).isoformat()}
    try:
        table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise ConflictError("There is such a book already.") from error
        raise
    return _json(_shown(item), 201)


@app.route("/books", methods=["GET"], authorizer=authorizer, cors=True)
def list_books() -> Response:
    _check_role()
    parameters: Any = _request().query_params or {}
    after = parameters.get("after")
    options: dict[str, Any] = {"ExclusiveStartKey": {"pk": "books", "sk": after}} if after else {}
    answer = table.query(KeyConditionExpression=Key("pk").eq("books"), ScanIndexForward=False, Limit=100, **options)
    last = answer.get("LastEvaluatedKey")
    return _json({"items": [_shown(item) for item in answer["Items"]], "next": last["sk"] if last else None})
