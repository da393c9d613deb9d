"""The messages of the subprotocol ``portico.v1``, each a JSON object in a text frame: reading a client's, making ours.

::

    client                                               server
    {"type":"init","token":"eyJ…"}                       {"type":"ready","connection":"L0SM9cOF","max_age":7200}
    {"type":"subscribe","id":"s1","collection":"books",  {"type":"subscribed","id":"s1","cursor":"c-41"}
     "where":"year > $y","params":{"y":1970},            {"type":"event","id":"s1","op":"update","version":7,
     "fields":["title"],"since":"c-17"}                   "record":{"id":"b1","title":"Ubik"},"cursor":"c-42"}
                                                         {"type":"reset","id":"s1","reason":"…"}
    {"type":"unsubscribe","id":"s1"}                     {"type":"unsubscribed","id":"s1"}
    {"type":"ping"}                                      {"type":"pong"}
                                                         {"type":"error","id":"s1","answers":"subscribe",
                                                          "problem":{"status":403,"code":"forbidden",…}}

Pure: texts in, values out, and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NewType

from chalicelib.errors import BadRequest, Failure, MalformedJson, PayloadTooLarge, Problem, ValidationFailed, pointer
from chalicelib.schema import json_text

SUBPROTOCOL = "portico.v1"
MAX_BYTES = 128 * 1024
"""API Gateway takes and sends no larger message.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""
MAX_EVENT_BYTES = 100 * 1024
"""An event that is larger is sent without its record's content."""
MAX_ID = 64
MAX_NAME = 64
MAX_TOKEN = 16 * 1024
MAX_CURSOR = 4096
MAX_FIELDS = 100
MAX_PARAMS = 100
_MAX_FAILURES = 10
_SHOWN = 64
_MAX_DETAIL = 1000

Request = Literal["init", "subscribe", "unsubscribe", "ping"]
"""The types of a client's messages."""
Op = Literal["create", "update", "delete", "enter", "leave"]
Outgoing = NewType("Outgoing", str)
"""A message to a client: the text of the frame."""


@dataclass(frozen=True)
class Init:
    """Who connects: ``{"type":"init","token":"eyJ…"}``. The first message, and sent once.

    token: an API key or an access token. Without one, or with null, the connection is nobody's in particular.
    """

    token: str | None = None


@dataclass(frozen=True)
class Subscribe:
    """A live query: ``{"type":"subscribe","id":"s1","collection":"books","where":"year > 1970"}``.

    id: the client's name of it, 1 to 64 characters, which no other subscription of the connection has.
    collection: 1 to 64 characters; whether there is one is not known here.
    where: the text of an expression, or its JSON form: ``[">", "year", 1970]``. None: every record. Not parsed here.
    params: values of the expression's parameters: ``{"y": 1970}``.
    fields: the properties that events have, 1 to 100. None: all.
    since: the cursor to go on from: that of the last ``subscribed`` or of an event after it. None: from now on.

    Members other than ``id`` and ``collection`` may be left out or null.
    """

    id: str
    collection: str
    where: str | list[Any] | None = None
    params: Mapping[str, Any] | None = None
    fields: tuple[str, ...] | None = None
    since: str | None = None


@dataclass(frozen=True)
class Unsubscribe:
    """The end of a live query: ``{"type":"unsubscribe","id":"s1"}``."""

    id: str


@dataclass(frozen=True)
class Ping:
    """A sign of life: ``{"type":"ping"}``. API Gateway ends a connection that was silent for ten minutes."""


@dataclass(frozen=True)
class Unreadable:
    """What a client sent and what is no message.

    problem: what is wrong with it. answers: its type, id: its subscription; None where it has none that can be told.
    """

    problem: Problem
    answers: Request | None = None
    id: str | None = None


Message = Init | Subscribe | Unsubscribe | Ping | Unreadable


class _Member(NamedTuple):
    accepts: Callable[[Any], bool]
    refusal: str
    is_required: bool = False


def _text(longest: int, *, is_required: bool = False) -> _Member:
    def accepts(value: Any) -> bool:
        return isinstance(value, str) and 1 <= len(value) <= longest

    return _Member(accepts, f"is no text of 1 to {longest:,} characters", is_required)


def _is_fields(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= MAX_FIELDS
        and all(each and isinstance(each, str) for each in value)
    )


_TYPE = _Member(lambda _: True, "")
_ID = _text(MAX_ID, is_required=True)
_MEMBERS: dict[Request, dict[str, _Member]] = {
    "init": {"type": _TYPE, "token": _text(MAX_TOKEN)},
    "subscribe": {
        "type": _TYPE,
        "id": _ID,
        "collection": _text(MAX_NAME, is_required=True),
        "where": _Member(lambda value: isinstance(value, (str, list)), "is neither a text nor an array"),
        "params": _Member(
            lambda value: isinstance(value, dict) and len(value) <= MAX_PARAMS,
            f"is no object of at most {MAX_PARAMS} values",
        ),
        "fields": _Member(_is_fields, f"is no array of 1 to {MAX_FIELDS} names"),
        "since": _text(MAX_CURSOR),
    },
    "unsubscribe": {"type": _TYPE, "id": _ID},
    "ping": {"type": _TYPE},
}


def parse(text: str) -> Message:
    """The message that a text frame has; never an exception: a text that has none is ``Unreadable``."""
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return Unreadable(MalformedJson("The message has half of a surrogate pair."))
    if len(body) > MAX_BYTES:
        return Unreadable(PayloadTooLarge(f"A message has at most {MAX_BYTES:,} bytes; this one has {len(body):,}."))
    try:
        value = json_text.parse(body)
    except MalformedJson as error:
        return Unreadable(MalformedJson(error.detail.replace("The body", "The message", 1)))
    if not isinstance(value, dict):
        return Unreadable(BadRequest('A message is a JSON object with a type: {"type": "ping"}.'))
    return _message(value)


def _message(value: dict[str, Any]) -> Message:
    kind: Request | None = next((each for each in _MEMBERS if each == value.get("type")), None)
    id_ = value["id"] if _ID.accepts(value.get("id")) else None
    if kind is None:
        expected = f"is none of {', '.join(_MEMBERS)}"
        return Unreadable(ValidationFailed([Failure(pointer="/type", detail=expected)]), None, id_)
    failures = [failure for failure, _ in zip(_failures(value, _MEMBERS[kind]), range(_MAX_FAILURES), strict=False)]
    if failures:
        return Unreadable(ValidationFailed(failures), kind, id_)
    return _MAKE[kind](value)


def _failures(value: dict[str, Any], members: dict[str, _Member]) -> Iterator[Failure]:
    for name, member in members.items():
        given = value.get(name)
        if given is None and not member.is_required:
            continue
        if name not in value:
            yield Failure(pointer=pointer([name]), detail="is missing")
        elif not member.accepts(given):
            yield Failure(pointer=pointer([name]), detail=member.refusal)
    for name in value:
        if name not in members:
            yield Failure(pointer=pointer([name[:_SHOWN]]), detail="is not known here")


def _subscribe(value: dict[str, Any]) -> Subscribe:
    fields = value.get("fields")
    return Subscribe(
        value["id"],
        value["collection"],
        value.get("where"),
        value.get("params"),
        None if fields is None else tuple(fields),
        value.get("since"),
    )


_MAKE: dict[Request, Callable[[dict[str, Any]], Message]] = {
    "init": lambda value: Init(value.get("token")),
    "subscribe": _subscribe,
    "unsubscribe": lambda value: Unsubscribe(value["id"]),
    "ping": lambda _: Ping(),
}


def ready(connection: str, max_age: int) -> Outgoing:
    """Answers ``init``: ``{"type":"ready","connection":"L0SM9cOF","max_age":7200}``.

    ``max_age`` is in how many seconds the connection ends at the latest: when it is two hours old, or when the token
    expires. Clients connect anew before that, and subscribe with ``since``.
    """
    return _outgoing("ready", connection=connection, max_age=max_age)


def subscribed(id_: str, cursor: str) -> Outgoing:
    """Answers ``subscribe``: ``{"type":"subscribed","id":"s1","cursor":"c-41"}``.

    Sent after the replay. The client has had every change up to ``cursor`` and gets those that follow, so this cursor
    is good as ``since``, and that of every later event. Events may come before ``subscribed``; their cursors are not.
    """
    return _outgoing("subscribed", id=id_, cursor=cursor)


def unsubscribed(id_: str) -> Outgoing:
    """Answers ``unsubscribe``: ``{"type":"unsubscribed","id":"s1"}``. Events on their way may still come."""
    return _outgoing("unsubscribed", id=id_)


def pong() -> Outgoing:
    """Answers ``ping``: ``{"type":"pong"}``."""
    return _outgoing("pong")


def reset(id_: str, reason: str) -> Outgoing:
    """The subscription missed changes for good: ``{"type":"reset","id":"s1","reason":"The log reaches back 24 h."}``.

    It goes on. The client forgets what it read; it reads again, once it is ``subscribed`` if it is not yet.
    """
    return _outgoing("reset", id=id_, reason=reason)


def error(problem: Problem, answers: Request | None = None, id_: str | None = None) -> Outgoing:
    """Something did not go well.

    ::

        {"type":"error","id":"s1","answers":"subscribe","problem":{"status":409,"code":"conflict","detail":"…",…}}

    With ``answers``, the message of this type was refused and nothing else has changed: when the second ``subscribe``
    with an id is refused, the first goes on. With ``id`` alone, the subscription has ended. With neither, it is about
    the connection, or about a message of no known type. ``problem`` is the problem document (RFC 9457) that HTTP has;
    its pointers are into the message. Of a document that is too large for a message the extensions are left out.
    """
    about = {name: value for name, value in (("id", id_), ("answers", answers)) if value is not None}
    document = problem.document()
    message = _outgoing("error", **about, problem=document)
    if _is_within(message, MAX_EVENT_BYTES):
        return message
    core = {name: document[name] for name in ("type", "title", "status", "code")}
    return _outgoing("error", **about, problem={**core, "detail": problem.detail[:_MAX_DETAIL]})


def event(id_: str, op: Op, record_id: str, record: Mapping[str, Any], version: int, cursor: str) -> Outgoing:
    """A change that a subscription matches.

    ::

        {"type":"event","id":"s1","op":"create","record":{"id":"b1","title":"Ubik"},"version":1,"cursor":"c-42"}
        {"type":"event","id":"s1","op":"leave","record":{"id":"b1"},"version":8,"cursor":"c-43"}
        {"type":"event","id":"s1","op":"update","record":{"id":"b1"},"version":9,"cursor":"c-44","partial":true}

    ``record`` is what this subscriber may see, with the fields that it asked for: the new image, of a ``delete`` the
    old one. ``id`` is in it in any case. A ``leave`` has nothing else, because the record may be none of the
    subscriber's any more. With ``"partial":true`` the record is too large for a message: read it by its id.

    ``(record id, version)`` tells duplicates; a client that has a later version of the record drops the event.
    """
    told: dict[str, Any] = {"id": id_, "op": op, "record": {"id": record_id}, "version": version, "cursor": cursor}
    if op == "leave":
        return _outgoing("event", **told)
    message = _outgoing("event", **{**told, "record": {**record, "id": record_id}})
    return message if _is_within(message, MAX_EVENT_BYTES) else _outgoing("event", **told, partial=True)


def transition(*, matched_before: bool, matched_after: bool, existed: bool, exists: bool) -> Op | None:
    """What a change is to a subscription: an event's ``op``, None when it is not told of it.

    An image is matched when both the subscription's ``where`` and the collection's rule hold for it, with that
    subscriber's principal. Of an image that is not there the match does not count.

    ======== ========= ========== =========
    existed  exists    matched    op
    ======== ========= ========== =========
    no       yes       after      create
    yes      no        before     delete
    yes      yes       both       update
    yes      yes       after      enter
    yes      yes       before     leave
    ======== ========= ========== =========
    """
    before, after = existed and matched_before, exists and matched_after
    if before and after:
        return "update"
    if after:
        return "enter" if existed else "create"
    if before:
        return "leave" if exists else "delete"
    return None


def _outgoing(kind: str, **members: Any) -> Outgoing:
    return Outgoing(json_text.dump({"type": kind, **members}))


def _is_within(text: str, most: int) -> bool:
    return len(text) <= most and len(text.encode()) <= most
