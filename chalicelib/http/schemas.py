"""The schemas and parameters of the OpenAPI document: general ones, problems, and those of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.access import audit, keyring, passwords
from chalicelib.access.plans import SHAPE as PLAN
from chalicelib.access.usage import NAMES as COUNTED
from chalicelib.collections.definitions import Collection
from chalicelib.collections.ids import ID, NAME
from chalicelib.collections.operations import BATCH, MAX_OPERATIONS, TRANSACTION
from chalicelib.errors import TYPE_PREFIX, Problem, TransactionCanceled
from chalicelib.http.endpoints import CANCELED_STATUSES
from chalicelib.http.requests import DEFAULT_LIMIT, MAX_FIELDS, MAX_LIMIT
from chalicelib.schema.definition import SHAPE
from chalicelib.schema.rules import ROOTS
from chalicelib.schema.structure import SERVER_SET
from chalicelib.where.lexer import MAX_CHARACTERS

_ID = {"type": "string", "pattern": "^" + ID.pattern.replace(r"\Z", "$")}
_NAME = {"type": "string", "pattern": "^" + NAME.pattern.replace(r"\Z", "$")}
_MOMENT = {"type": "string", "format": "date-time"}
_SERVER_PROPERTIES: dict[str, Any] = {
    "id": _ID,
    "version": {"type": "integer", "minimum": 1},
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}
_COUNT = {"type": "integer", "minimum": 0}
_INDEX_STATES = {
    "type": "object",
    "description": "Of each index whether it is used yet, and the job that gives the records their keys if not.",
    "additionalProperties": {
        "type": "object",
        "required": ["state"],
        "properties": {"state": {"enum": ["ready", "building"]}, "job": {"type": "string"}},
    },
}
_ETAG_LIST = {"type": "string", "description": 'Entity tags, as in "7", or *.'}

_FAILED_LINE = {"type": "object", "required": ["line", "status", "code", "detail"]}

PARAMETERS: dict[str, Any] = {
    "collection": {"name": "collection", "in": "path", "required": True, "schema": _NAME},
    "id": {"name": "id", "in": "path", "required": True, "schema": _ID},
    "limit": {
        "name": "limit",
        "in": "query",
        "description": f"Items a page, {DEFAULT_LIMIT} unless given (an export: {MAX_LIMIT}).",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `next` of the page before, for the same listing and caller.",
        "schema": {"type": "string", "minLength": 1},
    },
    "fields": {
        "name": "fields",
        "in": "query",
        "description": "Only these properties, and `id`; names with commas between them.",
        "schema": {"type": "string", "pattern": "^[^,]+(,[^,]+)*$", "maxLength": 2000},
    },
    "consistent": {
        "name": "consistent",
        "in": "query",
        "description": "Whether every write acknowledged before must be seen; costs twice as much.",
        "schema": {"type": "boolean"},
    },
    "where": {
        "name": "where",
        "in": "query",
        "description": "A where expression that the records have to meet, as in `year >= 1970 and has(isbn)`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
    },
    "sort": {
        "name": "sort",
        "in": "query",
        "description": "The property to order by, with `-` before it for the reverse; an index has to have that order.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    },
    "count": {
        "name": "count",
        "in": "query",
        "description": "Whether to count all that the query finds; it costs what reading them costs.",
        "schema": {"type": "boolean"},
    },
    "explain": {
        "name": "explain",
        "in": "query",
        "description": "Whether to answer with how the query is answered, and what it costs, in place of records.",
        "schema": {"type": "boolean"},
    },
    "if": {
        "name": "if",
        "in": "query",
        "description": "A where expression that the stored record has to meet at the moment of the write; of no record "
        "all properties are null.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
    },
    "key": {
        "name": "key",
        "in": "query",
        "description": "Only of this caller: `key:...`, `user:...` or `anonymous`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 512},
    },
    "from": {
        "name": "from",
        "in": "query",
        "description": "The first day, in UTC; unless given, usage is of the 30 days up to `to`.",
        "schema": {"type": "string", "format": "date"},
    },
    "to": {
        "name": "to",
        "in": "query",
        "description": "The last day; today unless given.",
        "schema": {"type": "string", "format": "date"},
    },
    "principal": {
        "name": "principal",
        "in": "query",
        "description": "Only by this caller: `key:...` or `user:...`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
    "subject": {
        "name": "subject",
        "in": "query",
        "description": "Only about this: `key:mobile-app`, `collection:books` and so on.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
    "If-Match": {"name": "If-Match", "in": "header", "schema": _ETAG_LIST},
    "If-None-Match": {"name": "If-None-Match", "in": "header", "schema": _ETAG_LIST},
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes a repetition of this request within 24 hours give the first answer again.",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    },
}


def general() -> dict[str, Any]:
    """The schemas that do not depend on definitions, by name."""
    record = {"type": "object", "properties": _SERVER_PROPERTIES, "required": list(SERVER_SET)}
    selection = {"type": "object", "properties": _SERVER_PROPERTIES, "required": ["id"]}
    job = _closed(
        {
            "id": _ID,
            "kind": {"type": "string"},
            "collection": _NAME,
            "state": {"enum": ["pending", "running", "done", "failed"]},
            "progress": {"type": "object", "additionalProperties": _COUNT},
            "created_at": _MOMENT,
            "updated_at": _MOMENT,
        }
    )
    job["properties"]["detail"] = {"type": "string", "description": "Why it has failed."}
    return {
        "Service": _closed(
            {
                "name": {"const": "Portico"},
                "version": {"type": "string"},
                "stage": {"type": "string"},
                "links": {"type": "object", "additionalProperties": {"type": "string"}},
            }
        ),
        "Health": _closed({"status": {"const": "ok"}}),
        "OpenApi": {"type": "object", "required": ["openapi", "paths"]},
        "Definition": {name: value for name, value in SHAPE.items() if name != "$schema"},
        "Collection": {
            **SHAPE,
            "title": "Collection",
            "required": ["name", "version", "created_at", "updated_at", "schema"],
            "properties": {**_SERVER_PROPERTIES, "name": _NAME, **SHAPE["properties"], "index_states": _INDEX_STATES},
        },
        "CollectionPage": _page("Collection"),
        "Record": record,
        "Selection": selection,
        "RecordPage": _record_page("Selection"),
        "Explanation": _explanation(),
        "Query": _query(),
        "NewRecord": {"type": "object"},
        "RecordPatch": {
            "type": "object",
            "description": "A JSON merge patch (RFC 7396); a property may also have one of the operators "
            '{"$inc": 1}, {"$append": [...]}, {"$remove": [...]}, {"$unset": true}.',
        },
        "Lines": {"type": "string", "description": "One JSON object a line."},
        "ImportReport": _closed(
            {
                "created": _COUNT,
                "existing": _COUNT,
                "failed": _COUNT,
                "errors": {
                    "type": "array",
                    "items": {"type": "object", "required": ["line", "status", "code", "detail"]},
                },
                "next": {"type": ["integer", "null"], "minimum": 1},
            }
        ),
        "Trial": _closed(
            {
                "allowed": {"type": "boolean"},
                "why": {"type": "string"},
                "rule": {**_TEXT_OR_NULL, "description": "The rule as it is declared."},
                "left": {**_TEXT_OR_NULL, "description": "What of it is asked of records, all else filled in."},
                "term": {**_TEXT_OR_NULL, "description": "The term that decides."},
            }
        ),
        "TrialOf": {
            "type": "object",
            "required": ["operation"],
            "additionalProperties": False,
            "properties": {
                "operation": {"enum": list(ROOTS)},
                "principal": {"type": ["object", "null"], "description": "Who asks; null is nobody in particular."},
                "id": _ID,
                "record": {"type": ["object", "null"], "description": "In place of a stored one."},
                "new": {"type": ["object", "null"], "description": "What is to be stored."},
                "request": {"type": "object"},
            },
        },
        "Batch": _operations(BATCH),
        "Transaction": _operations(TRANSACTION),
        "Results": _closed({"results": {"type": "array", "items": _result()}}),
        "Job": job,
        "JobPage": _page("Job"),
        "Plan": PLAN,
        "StoredPlan": {
            **PLAN,
            "title": "StoredPlan",
            "required": list(SERVER_SET),
            "properties": {**_SERVER_PROPERTIES, **PLAN["properties"]},
        },
        "PlanPage": _page("StoredPlan"),
        "Usage": _closed(
            {"key": {"type": "string"}, "day": {"type": "string", "format": "date"}, **dict.fromkeys(COUNTED, _AMOUNT)}
        ),
        "UsagePage": _page("Usage"),
        **_of_users(),
        **_of_keys(),
    }


def problem(cls: type[Problem]) -> dict[str, Any]:
    """The schema of one kind of problem."""
    status = {"enum": list(CANCELED_STATUSES)} if cls is TransactionCanceled else {"const": cls.status}
    return {
        "type": "object",
        "title": cls.title,
        "description": (cls.__doc__ or "").split("\n", maxsplit=1)[0],
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"const": TYPE_PREFIX + cls.code},
            "title": {"type": "string"},
            "status": status,
            "code": {"const": cls.code},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": _closed({"pointer": {"type": "string"}, "detail": {"type": "string"}}),
            },
        },
    }


def of_collection(collection: Collection) -> dict[str, Any]:
    """The schemas of a collection's records, by name: ``books.Record``, ``books.NewRecord`` and so on."""
    name = collection.name
    schema: Mapping[str, Any] = collection.definition["schema"]
    shown = _rebased(_with_server_properties(schema), f"{name}.Record")
    shown_required = list(schema.get("required", ()))
    optional = {"required": [each for each in shown_required if "default" not in _property(schema, each)]}
    return {
        f"{name}.Record": {**shown, "required": [*SERVER_SET, *shown_required]},
        f"{name}.Selection": {**_rebased(_with_server_properties(schema), f"{name}.Selection"), "required": ["id"]},
        f"{name}.RecordPage": _record_page(f"{name}.Selection"),
        f"{name}.NewRecord": {**_rebased(_with_server_properties(schema), f"{name}.NewRecord"), **optional},
    }


def _property(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = schema.get("properties", {}).get(name)
    return part if isinstance(part, Mapping) else {}


def _with_server_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    extended = {"type": "object", **schema, "properties": {**_SERVER_PROPERTIES, **schema.get("properties", {})}}
    if "maxProperties" in extended:
        extended["maxProperties"] += len(SERVER_SET)
    return extended


def _rebased(schema: Any, name: str) -> Any:
    """The schema with its own ``$ref``s leading to where it stands in the document."""
    if isinstance(schema, Mapping):
        return {
            keyword: f"#/components/schemas/{name}{value[1:]}"
            if keyword == "$ref" and isinstance(value, str) and value.startswith("#")
            else _rebased(value, name)
            for keyword, value in schema.items()
            if keyword != "$schema"
        }
    return [_rebased(part, name) for part in schema] if isinstance(schema, list) else schema


def _page(item: str) -> dict[str, Any]:
    return _closed(
        {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page; null at the end."},
        }
    )


def _record_page(item: str) -> dict[str, Any]:
    """A page, with its ``count`` when that was asked for; or the explanation of one."""
    page = _page(item)
    page["properties"] |= {"count": _COUNT, "count_cost": _COST}
    return {"anyOf": [page, {"$ref": "#/components/schemas/Explanation"}]}


_AMOUNT = {"type": "number", "minimum": 0}
_COST = {
    "type": "object",
    "required": ["calls", "scanned", "units"],
    "properties": {"calls": _COUNT, "scanned": _COUNT, "units": _AMOUNT},
    "description": "Calls of DynamoDB, records looked at, and read units.",
}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def _explanation() -> dict[str, Any]:
    return _closed(
        {
            "index": {**_TEXT_OR_NULL, "description": "The index that is read; null when the records themselves are."},
            "why": {"type": "string"},
            "rejected": {"type": "object", "additionalProperties": {"type": "string"}},
            "order": {"type": "array", "items": {"type": "string"}},
            "served": {
                "type": "boolean",
                "description": "Whether only what can match is read, in the order asked for.",
            },
            "queries": _COUNT,
            "key_conditions": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Of the first ten queries.",
            },
            "filter": {**_TEXT_OR_NULL, "description": "What DynamoDB leaves out of what it has read."},
            "memory": {**_TEXT_OR_NULL, "description": "What is decided after that, as a where expression."},
            "estimated": {**_COST, "description": "What a page takes at most, with records of `record_bytes`."},
            "consumed": {"anyOf": [_COST, {"type": "null"}]},
            "declare": {
                "type": ["object", "null"],
                "description": "An index that would serve the query, as a member of the definition's `indexes`.",
            },
        }
    )


def _query() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "where": {"type": ["string", "array", "null"], "description": "A where expression, as text or as JSON."},
            "params": {"type": ["object", "null"], "description": "The values of the parameters in `where`."},
            "sort": {"type": ["string", "null"], "minLength": 1},
            "fields": {
                "type": ["array", "null"],
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "maxItems": MAX_FIELDS,
            },
            "limit": PARAMETERS["limit"]["schema"],
            "cursor": {"type": ["string", "null"], "minLength": 1},
            "count": {"type": "boolean"},
            "explain": {"type": "boolean"},
        },
    }


def _of_users() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 4096}
    email = {**text, "description": "An e-mail address; case does not matter."}
    new_password = {"type": "string", "minLength": passwords.MIN_CHARACTERS, "maxLength": passwords.MAX_CHARACTERS}
    roles = {"type": "array", "maxItems": 50, "items": {"type": "string", "minLength": 1, "maxLength": 64}}
    boolean, seconds = {"type": "boolean"}, {"type": "integer", "minimum": 0}
    user = {
        "id": _ID,
        "email": {"type": "string"},
        "roles": roles,
        "disabled": boolean,
        "verified": {**boolean, "description": "Whether they have had mail at their address."},
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    }
    caller = {
        "id": {"type": "string"},
        "kind": {"enum": ["key", "user"]},
        "roles": roles,
        "scopes": {"type": ["array", "null"], "items": {"type": "string"}},
        "plan": _TEXT_OR_NULL,
    }
    public_key = {name: {"type": "string"} for name in ("kty", "crv", "x", "y", "kid", "use", "alg")}
    return {
        "SignUp": _closed({"email": email, "password": new_password}, {"invitation": text}),
        "SignIn": _closed({"email": email, "password": text}),
        "Refresh": _closed({"refresh_token": text}),
        "SignOut": _closed({"refresh_token": text}, {"everywhere": boolean}),
        "PasswordChange": _closed({"password": text, "new_password": new_password}),
        "ResetRequest": _closed({"email": email}),
        "ResetConfirmation": _closed({"token": text, "password": new_password}),
        "Tokens": _closed(
            {
                "access_token": {"type": "string"},
                "token_type": {"const": "Bearer"},
                "expires_in": seconds,
                "refresh_token": {"type": "string"},
            }
        ),
        "Caller": {"type": "object", "required": list(caller), "properties": caller},
        "NewInvitation": _closed({}, {"email": email, "roles": roles}),
        "Invitation": _closed(
            {"invitation": {"type": "string"}, "email": _TEXT_OR_NULL, "roles": roles, "expires_in": seconds}
        ),
        "User": _closed(user),
        "UserPage": _page("User"),
        "UserChange": _closed({"roles": roles, "disabled": boolean}),
        "KeySet": _closed({"keys": {"type": "array", "items": _closed(public_key)}}),
        "Rotation": _closed({}, {"revoke": {**boolean, "description": "Whether the other keys are bad at once."}}),
        "SigningKey": _closed({"kid": {"type": "string"}, "signs_from": seconds, "created_at": _MOMENT}),
    }


def _of_keys() -> dict[str, Any]:
    moment_or_null = {"type": ["string", "null"], "format": "date-time"}
    key = {
        **keyring.SHAPE,
        "title": "StoredKey",
        "properties": {
            **_SERVER_PROPERTIES,
            **keyring.SHAPE["properties"],
            "rotated_at": moment_or_null,
            "previous_until": {**moment_or_null, "description": "How long the secret before the last one is good."},
            "last_used_at": {**moment_or_null, "description": "To the hour."},
        },
    }
    key["required"] = list(key["properties"])
    secret = {"type": "string", "description": "The whole key, which cannot be had again."}
    entry = {
        "id": _ID,
        "at": _MOMENT,
        "principal": {"type": "string"},
        "action": {"enum": list(audit.ACTIONS)},
        "subject": {"type": "string"},
        "ip": _TEXT_OR_NULL,
        "request_id": _TEXT_OR_NULL,
        "before": {"type": ["object", "null"], "description": "As the API showed it; null where nothing was there."},
        "after": {"type": ["object", "null"], "description": "As it shows it now; null where nothing is left."},
    }
    return {
        "Key": keyring.SHAPE,
        "StoredKey": key,
        "IssuedKey": {
            **key,
            "title": "IssuedKey",
            "required": [*key["required"], "secret"],
            "properties": {**key["properties"], "secret": secret},
        },
        "KeyPage": _page("StoredKey"),
        "KeyRotation": keyring.ROTATION,
        "AuditEntry": _closed(entry),
        "AuditPage": _page("AuditEntry"),
    }


def _operations(allowed: frozenset[str]) -> dict[str, Any]:
    version = {"type": "string", "pattern": '^("?[0-9]{1,15}"?|\\*)$'}
    operation = {
        "type": "object",
        "required": ["op", "collection"],
        "additionalProperties": False,
        "properties": {
            "op": {"enum": sorted(allowed)},
            "collection": _NAME,
            "id": _ID,
            "body": {"type": "object"},
            "if_match": version,
            "if_none_match": version,
            "if": {
                "type": ["string", "array"],
                "description": "A where expression, or its JSON form, that the stored record has to meet.",
            },
        },
    }
    listed = {"type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": operation}
    return _closed({"operations": listed})


def _result() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "integer"},
            "etag": {"type": "string"},
            "body": {"$ref": "#/components/schemas/Record"},
            "problem": {"type": "object"},
        },
    }


def _closed(properties: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An object with exactly these properties, and with optional ones besides or not."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": {**properties, **(optional or {})},
    }
