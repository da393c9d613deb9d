"""The subprotocol ``portico.v1`` as a state machine: what a message or a result does to a connection, as data.

Every message of a client is handled by an invocation of its own, and several of one connection may run at once. So:

1. Load the connection's state (none is stored: ``CLOSED``), and ``handle`` the message.
2. Store the new state *on condition that the stored one is still that of step 1*; if not, begin again.
3. Only then run the actions, in order. What ``Authenticate``, ``Register`` and ``Replay`` come to is a result, which is
   handled as messages are, from step 1.

::

    client           state                     actions                     results
    init         →   new                       Authenticate            →   Authenticated | Rejected
                     ready                     Send(ready)
    subscribe    →   ready, s1 opening         Register                →   Registered | Refused
                     ready, s1 opening         Replay                  →   Replayed | Lost | Refused
                     ready, s1 live            Send(subscribed)
    unsubscribe  →   ready                     Cancel, Send(unsubscribed)
    (expired)    →   closed                    Send(error), Close

A subscription is known to the store by its number, which the connection never gives twice: a ``Cancel`` that is late
does not meet a newer subscription with the same id.

Pure: ``handle`` takes the time as a value, and raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from chalicelib.access.principals import Principal
from chalicelib.errors import Conflict, NotFound, Problem, Unauthenticated
from chalicelib.realtime import messages
from chalicelib.realtime.messages import Init, Message, Outgoing, Ping, Request, Subscribe, Unreadable, Unsubscribe

MAX_AGE = 7200
"""Seconds after which API Gateway ends a connection.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""
MAX_SUBSCRIPTIONS = 100
"""How many subscriptions a connection has at a time, those that are being opened among them."""

Phase = Literal["new", "ready", "closed"]


@dataclass(frozen=True)
class Subscription:
    """A subscription of a connection.

    id: the client's name of it. number: the connection's.
    is_live: whether ``subscribed`` was sent. Until then it is being opened.
    """

    id: str
    number: int
    is_live: bool = False


@dataclass(frozen=True)
class State:
    """What is known of a connection.

    connection: its id, as API Gateway has it. connected_at: Unix seconds.
    phase: ``new`` until it is known who it is, ``ready`` from then on, ``closed`` at the end.
    principal: who it is, once it is ready.
    expires_at: the Unix second from which on it is not any more; None: never.
    subscriptions: in the order in which they were asked for; no two have the same id or the same number.
    numbered: how many numbers were given to subscriptions.
    """

    connection: str
    connected_at: int
    phase: Phase = "new"
    principal: Principal | None = None
    expires_at: int | None = None
    subscriptions: tuple[Subscription, ...] = ()
    numbered: int = 0

    def is_expired(self, now: int) -> bool:
        """Whether nothing may be sent to it any more but that."""
        return self.expires_at is not None and self.expires_at <= now

    def max_age(self, now: int) -> int:
        """In how many seconds it ends at the latest."""
        ends = self.connected_at + MAX_AGE
        return max(0, (ends if self.expires_at is None else min(ends, self.expires_at)) - now)

    def dump(self) -> dict[str, Any]:
        r"""What is stored: texts, whole numbers, null, and arrays of them.

        ::

            {"connection": "L0SM9cOF", "connected_at": 1760000000, "phase": "ready", "principal": "{\"id\": …}",
             "expires_at": 1760003600, "subscriptions": [["s1", 1, true]], "numbered": 1}
        """
        return {
            "connection": self.connection,
            "connected_at": self.connected_at,
            "phase": self.phase,
            "principal": None if self.principal is None else self.principal.to_context()["principal"],
            "expires_at": self.expires_at,
            "subscriptions": [[each.id, each.number, each.is_live] for each in self.subscriptions],
            "numbered": self.numbered,
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> State:
        """The state that ``dump`` gave; numbers may have become ``Decimal`` since."""
        principal, expires_at = stored["principal"], stored["expires_at"]
        return cls(
            stored["connection"],
            int(stored["connected_at"]),
            stored["phase"],
            None if principal is None else Principal.from_context({"principal": principal}),
            None if expires_at is None else int(expires_at),
            tuple(Subscription(id_, int(number), is_live) for id_, number, is_live in stored["subscriptions"]),
            int(stored["numbered"]),
        )


CLOSED = State("", 0, "closed")
"""The state of a connection of which none is stored."""


@dataclass(frozen=True)
class Authenticate:
    """Find out whose token this is; None is nobody's. Comes to ``Authenticated`` or ``Rejected``."""

    token: str | None


@dataclass(frozen=True)
class Register:
    """Check what is asked for and put it where changes find it. Comes to ``Registered`` or ``Refused``.

    The collection, the expression and the principal's rights are checked first, then the log's position is read, then
    the subscription is stored, under its number. In this order: what changes in between is in the replay.
    """

    number: int
    asked: Subscribe
    principal: Principal


@dataclass(frozen=True)
class Replay:
    """Send the events of the changes from ``since`` on. Comes to ``Replayed``, ``Lost`` or ``Refused``.

    cursor: the position of the log before the subscription was registered. The replay reaches beyond it, to what the
    log had when the subscription was registered, or later: what comes twice is a duplicate like others.
    """

    number: int
    id: str
    since: str
    cursor: str


@dataclass(frozen=True)
class Cancel:
    """Remove the subscription with this number; there may be none."""

    number: int


@dataclass(frozen=True)
class Send:
    """Post this to the client."""

    message: Outgoing


@dataclass(frozen=True)
class Close:
    """Remove the connection and all of its subscriptions, and end it. ``reason`` is for the log.

    API Gateway lets nobody choose the code or the reason of the closing frame; an ``error`` has told the client.
    """

    reason: str


Action = Authenticate | Register | Replay | Cancel | Send | Close


@dataclass(frozen=True)
class Authenticated:
    """The token is this principal's until ``expires_at`` (Unix seconds; None: with no end)."""

    principal: Principal
    expires_at: int | None = None


@dataclass(frozen=True)
class Rejected:
    """The token is nobody's, or too many were tried."""

    problem: Problem


@dataclass(frozen=True)
class Registered:
    """The subscription gets events; ``cursor`` is the log's position from before that."""

    of: Register
    cursor: str


@dataclass(frozen=True)
class Replayed:
    """All was sent that the log had; ``cursor`` is where that ended."""

    of: Replay
    cursor: str


@dataclass(frozen=True)
class Lost:
    """Not all can be sent: the log does not reach back to ``since``, or it is more than one replay sends."""

    of: Replay
    reason: str


@dataclass(frozen=True)
class Refused:
    """The subscription with this number cannot be, or, when it is live, cannot be any longer.

    A ``Register`` or ``Replay`` that fails, for whatever reason, comes to this, so that it has an answer.
    """

    number: int
    problem: Problem


Result = Authenticated | Rejected | Registered | Replayed | Lost | Refused
Step = tuple[State, list[Action]]


def handle(state: State, event: Message | Result, now: int) -> Step:
    """What becomes of a connection by a client's message or by what an action came to, at a Unix second.

    Nothing is answered before ``init`` but errors. Every ``subscribe`` is answered with exactly one ``subscribed`` or
    ``error``, unless the connection ends before. The same state means that there is nothing to store.
    """
    if state.phase == "closed":
        # Only what came too late is left to undo. Whoever reads this has nobody to answer to.
        return state, [Cancel(event.of.number)] if isinstance(event, (Registered, Replayed, Lost)) else []
    if state.is_expired(now):
        return _closed(state, Unauthenticated("The token has expired; connect again with a new one."), None)
    if isinstance(event, Unreadable):
        return _refused(state, event.problem, event.answers, event.id)
    if state.principal is None:
        return _begin(state, event, now)
    if isinstance(event, (Init, Subscribe, Unsubscribe, Ping)):
        return _answer(state, state.principal, event)
    return _conclude(state, event)


def _begin(state: State, event: Init | Subscribe | Unsubscribe | Ping | Result, now: int) -> Step:
    if isinstance(event, Init):
        return state, [Authenticate(event.token)]
    if isinstance(event, Rejected):
        return _closed(state, event.problem, "init")
    if isinstance(event, Authenticated):
        known = replace(state, phase="ready", principal=event.principal, expires_at=event.expires_at)
        if known.is_expired(now):
            return _closed(state, Unauthenticated("The token has expired."), "init")
        return known, [Send(messages.ready(state.connection, known.max_age(now)))]
    if isinstance(event, (Subscribe, Unsubscribe, Ping)):
        problem = Unauthenticated("Send an init message first, and wait for ready.")
        return _refused(state, problem, _TYPES[type(event)], getattr(event, "id", None))
    return state, []


def _answer(state: State, principal: Principal, message: Init | Subscribe | Unsubscribe | Ping) -> Step:
    if isinstance(message, Init):
        return _refused(state, _second_init(), "init")
    if isinstance(message, Subscribe):
        return _subscribe(state, principal, message)
    if isinstance(message, Unsubscribe):
        return _unsubscribe(state, message.id)
    return state, [Send(messages.pong())]


def _subscribe(state: State, principal: Principal, asked: Subscribe) -> Step:
    if any(each.id == asked.id for each in state.subscriptions):
        problem = Conflict(f"This connection has a subscription {asked.id!r}; unsubscribe it, or choose another id.")
        return _refused(state, problem, "subscribe", asked.id)
    if len(state.subscriptions) >= MAX_SUBSCRIPTIONS:
        problem = Conflict(f"A connection has at most {MAX_SUBSCRIPTIONS} subscriptions; unsubscribe some.")
        return _refused(state, problem, "subscribe", asked.id)
    number = state.numbered + 1
    opened = (*state.subscriptions, Subscription(asked.id, number))
    return replace(state, subscriptions=opened, numbered=number), [Register(number, asked, principal)]


def _unsubscribe(state: State, id_: str) -> Step:
    found = next((each for each in state.subscriptions if each.id == id_), None)
    if found is None:
        return _refused(state, NotFound(f"This connection has no subscription {id_!r}."), "unsubscribe", id_)
    actions: list[Action] = [Cancel(found.number)]
    if not found.is_live:
        problem = Conflict("It was unsubscribed before it was subscribed.")
        actions.append(Send(messages.error(problem, "subscribe", id_)))
    return _without(state, found), [*actions, Send(messages.unsubscribed(id_))]


def _conclude(state: State, result: Result) -> Step:
    """What a result does to a connection that is ready."""
    if isinstance(result, (Authenticated, Rejected)):
        # Two were sent at once, and the other was faster.
        return _refused(state, _second_init(), "init")
    number = result.number if isinstance(result, Refused) else result.of.number
    found = next((each for each in state.subscriptions if each.number == number), None)
    if found is None:
        # It was unsubscribed in the meantime; the Cancel of that may have been run before there was anything to remove.
        return state, [Cancel(number)]
    if isinstance(result, Refused):
        answers: Request | None = None if found.is_live else "subscribe"
        message = messages.error(result.problem, answers, found.id)
        return _without(state, found), [Cancel(number), Send(message)]
    if found.is_live:
        return state, [Send(messages.reset(found.id, result.reason))] if isinstance(result, Lost) else []
    if isinstance(result, Registered):
        since = result.of.asked.since
        return state, [Replay(number, found.id, result.cursor if since is None else since, result.cursor)]
    return _live(state, found, result)


def _live(state: State, found: Subscription, result: Replayed | Lost) -> Step:
    live = tuple(replace(each, is_live=True) if each is found else each for each in state.subscriptions)
    cursor = result.cursor if isinstance(result, Replayed) else result.of.cursor
    # The reset comes first: were only the cursor to arrive, it would count as all known up to there.
    first: list[Action] = [Send(messages.reset(found.id, result.reason))] if isinstance(result, Lost) else []
    return replace(state, subscriptions=live), [*first, Send(messages.subscribed(found.id, cursor))]


def _without(state: State, found: Subscription) -> State:
    return replace(state, subscriptions=tuple(each for each in state.subscriptions if each is not found))


def _second_init() -> Problem:
    return Conflict("This connection had its init; open another one for another token.")


def _refused(state: State, problem: Problem, answers: Request | None, id_: str | None = None) -> Step:
    return state, [Send(messages.error(problem, answers, id_))]


def _closed(state: State, problem: Problem, answers: Request | None) -> Step:
    closed = replace(state, phase="closed", principal=None, expires_at=None, subscriptions=())
    return closed, [Send(messages.error(problem, answers)), Close(problem.detail)]


_TYPES: dict[type[Message], Request] = {Subscribe: "subscribe", Unsubscribe: "unsubscribe", Ping: "ping"}
