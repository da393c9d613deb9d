from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.errors import Forbidden, Unauthenticated
from chalicelib.realtime.messages import Init, Message, Ping, Subscribe, Unsubscribe, parse
from chalicelib.realtime.protocol import (
    CLOSED,
    MAX_SUBSCRIPTIONS,
    Action,
    Authenticate,
    Authenticated,
    Cancel,
    Close,
    Lost,
    Refused,
    Register,
    Registered,
    Rejected,
    Replay,
    Replayed,
    Result,
    Send,
    State,
    Subscription,
    handle,
)

NOW = 1_760_000_000
EXPIRES = NOW + 3600
ADA = Principal("user:ada", "user", frozenset({"editor"}), claims=(("email", "ada@example.org"),))
NEW = State("L0", NOW)
READY = State("L0", NOW, "ready", ADA, EXPIRES)
S1 = Subscribe("s1", "books", "year > 1970")
REGISTER = Register(1, S1, ADA)
REPLAY = Replay(1, "s1", "c-1", "c-1")
OPENING = replace(READY, subscriptions=(Subscription("s1", 1),), numbered=1)
LIVE = replace(READY, subscriptions=(Subscription("s1", 1, is_live=True),), numbered=1)


def sent(actions: list[Action]) -> list[Any]:
    return [json.loads(action.message) for action in actions if isinstance(action, Send)]


def after(state: State, event: Message | Result, now: int = NOW) -> tuple[State, list[Any], list[Action]]:
    """The state, the messages sent, and the other actions."""
    state, actions = handle(state, event, now)
    return state, sent(actions), [action for action in actions if not isinstance(action, Send)]


def refused(state: State, event: Message | Result) -> Any:
    """The error that is the only thing that an event comes to."""
    unchanged, (error,), actions = after(state, event)
    assert unchanged == state
    assert not actions
    assert error["type"] == "error"
    return error


def test_init_has_its_token_checked() -> None:
    assert handle(NEW, Init("t"), NOW) == (NEW, [Authenticate("t")])
    assert handle(NEW, Init(), NOW) == (NEW, [Authenticate(None)])


def test_a_good_token_makes_the_connection_ready() -> None:
    state, messages, actions = after(NEW, Authenticated(ADA, EXPIRES))
    assert state == READY
    assert messages == [{"type": "ready", "connection": "L0", "max_age": 3600}]
    assert not actions


def test_a_connection_ends_with_its_token_and_after_two_hours_at_the_latest() -> None:
    def max_age(expires_at: int | None) -> Any:
        return after(NEW, Authenticated(ADA, expires_at), NOW + 5)[1][0]["max_age"]

    assert [max_age(each) for each in (None, NOW + 9000, NOW + 65)] == [7195, 7195, 60]


@pytest.mark.parametrize("result", [Rejected(Unauthenticated("No.")), Authenticated(ADA, NOW)], ids=type)
def test_a_bad_or_expired_token_closes(result: Result) -> None:
    state, (error,), actions = after(NEW, result)
    assert (error["type"], error["answers"], error["problem"]["status"]) == ("error", "init", 401)
    assert state.phase == "closed"
    assert [type(action) for action in actions] == [Close]


@pytest.mark.parametrize(("text", "kind"), [("subscribe", S1), ("unsubscribe", Unsubscribe("s1")), ("ping", Ping())])
def test_everything_else_has_to_wait_for_ready(text: str, kind: Message) -> None:
    error = refused(NEW, kind)
    assert (error["answers"], error["problem"]["code"]) == (text, "unauthenticated")
    assert error.get("id") == getattr(kind, "id", None)


@pytest.mark.parametrize("event", [Init("t"), Authenticated(ANONYMOUS), Rejected(Unauthenticated("No."))], ids=type)
def test_a_second_init_is_refused_and_the_first_stays(event: Message | Result) -> None:
    error = refused(READY, event)
    assert (error["answers"], error["problem"]["status"]) == ("init", 409)


def test_ping_is_answered_with_pong() -> None:
    assert after(READY, Ping()) == (READY, [{"type": "pong"}], [])


@pytest.mark.parametrize("state", [NEW, READY])
def test_what_is_no_message_is_answered_with_the_problem(state: State) -> None:
    error = refused(state, parse('{"type":"subscribe","id":"s1"}'))
    assert (error["id"], error["answers"], error["problem"]["code"]) == ("s1", "subscribe", "validation_failed")


def test_a_subscription_is_registered_replayed_and_only_then_subscribed() -> None:
    state, actions = handle(READY, S1, NOW)
    assert (state, actions) == (OPENING, [REGISTER])
    state, actions = handle(state, Registered(REGISTER, "c-1"), NOW)
    assert (state, actions) == (OPENING, [REPLAY])
    state, messages, actions = after(state, Replayed(REPLAY, "c-3"))
    assert (state, actions) == (LIVE, [])
    assert messages == [{"type": "subscribed", "id": "s1", "cursor": "c-3"}]


def test_since_says_from_where_to_replay() -> None:
    register = replace(REGISTER, asked=replace(S1, since="c-0"))
    assert handle(OPENING, Registered(register, "c-1"), NOW)[1] == [Replay(1, "s1", "c-0", "c-1")]


def test_what_cannot_be_replayed_is_a_reset_before_subscribed() -> None:
    state, messages, _ = after(OPENING, Lost(replace(REPLAY, since="c-0"), "The log reaches back 24 h."))
    assert state == LIVE
    assert messages == [
        {"type": "reset", "id": "s1", "reason": "The log reaches back 24 h."},
        {"type": "subscribed", "id": "s1", "cursor": "c-1"},
    ]


def test_a_refused_subscription_is_removed_and_its_id_free() -> None:
    state, (error,), actions = after(OPENING, Refused(1, Forbidden("No.")))
    assert (error["id"], error["answers"], error["problem"]["status"]) == ("s1", "subscribe", 403)
    assert actions == [Cancel(1)]
    assert handle(state, S1, NOW)[1] == [replace(REGISTER, number=2)]


def test_a_live_subscription_that_ends_answers_no_message() -> None:
    state, (error,), actions = after(LIVE, Refused(1, Forbidden("No.")))
    assert error["id"] == "s1"
    assert "answers" not in error
    assert actions == [Cancel(1)]
    assert not state.subscriptions


def test_a_live_subscription_that_lost_changes_is_reset() -> None:
    assert after(LIVE, Lost(REPLAY, "Why.")) == (LIVE, [{"type": "reset", "id": "s1", "reason": "Why."}], [])


@pytest.mark.parametrize("state", [OPENING, LIVE])
def test_ids_are_unique_within_a_connection(state: State) -> None:
    error = refused(state, S1)
    assert (error["id"], error["answers"], error["problem"]["code"]) == ("s1", "subscribe", "conflict")


def test_a_connection_has_so_many_subscriptions_at_most() -> None:
    state = READY
    for number in range(MAX_SUBSCRIPTIONS):
        state, (action,) = handle(state, Subscribe(f"s{number}", "books"), NOW)
        assert isinstance(action, Register)
    assert refused(state, Subscribe("more", "books"))["problem"]["code"] == "conflict"
    state, _ = handle(state, Unsubscribe("s7"), NOW)
    assert handle(state, Subscribe("more", "books"), NOW)[1] == [
        Register(MAX_SUBSCRIPTIONS + 1, Subscribe("more", "books"), ADA)
    ]


def test_unsubscribe_cancels() -> None:
    state, messages, actions = after(LIVE, Unsubscribe("s1"))
    assert state == replace(LIVE, subscriptions=())
    assert messages == [{"type": "unsubscribed", "id": "s1"}]
    assert actions == [Cancel(1)]


def test_unsubscribing_from_nothing_is_an_error() -> None:
    error = refused(READY, Unsubscribe("s1"))
    assert (error["id"], error["answers"], error["problem"]["status"]) == ("s1", "unsubscribe", 404)


def test_unsubscribing_what_is_being_opened_answers_both() -> None:
    _, messages, actions = after(OPENING, Unsubscribe("s1"))
    assert [(each["type"], each.get("answers")) for each in messages] == [
        ("error", "subscribe"),
        ("unsubscribed", None),
    ]
    assert actions == [Cancel(1)]


@pytest.mark.parametrize("result", [Registered(REGISTER, "c"), Replayed(REPLAY, "c"), Lost(REPLAY, "?")], ids=type)
def test_what_comes_of_an_older_subscription_with_the_same_id_is_undone(result: Result) -> None:
    again = replace(READY, subscriptions=(Subscription("s1", 2),), numbered=2)
    assert handle(again, result, NOW) == (again, [Cancel(1)])


def test_a_result_that_comes_twice_is_not_told_twice() -> None:
    assert handle(LIVE, Replayed(REPLAY, "c"), NOW) == (LIVE, [])


@pytest.mark.parametrize(
    "event", [Ping(), S1, Registered(REGISTER, "c-1"), Replayed(REPLAY, "c-1"), parse("")], ids=type
)
def test_an_expired_principal_closes_whatever_comes(event: Message | Result) -> None:
    state, (error,), actions = after(OPENING, event, EXPIRES)
    assert error["problem"]["status"] == 401
    assert [type(action) for action in actions] == [Close]
    assert (state.phase, state.principal, state.subscriptions) == ("closed", None, ())


def test_a_principal_is_good_until_the_second_at_which_it_expires() -> None:
    assert not READY.is_expired(EXPIRES - 1)
    assert READY.is_expired(EXPIRES)
    assert not replace(READY, expires_at=None).is_expired(EXPIRES * 2)


def test_a_closed_connection_says_nothing_and_undoes_what_comes_late() -> None:
    assert handle(CLOSED, Ping(), NOW) == (CLOSED, [])
    assert handle(CLOSED, Init("t"), NOW) == (CLOSED, [])
    assert handle(CLOSED, Authenticated(ADA), NOW) == (CLOSED, [])
    assert handle(CLOSED, Registered(REGISTER, "c-1"), NOW) == (CLOSED, [Cancel(1)])


PRINCIPALS = st.builds(
    Principal,
    st.text(min_size=1),
    st.sampled_from(["key", "user", "anonymous"]),
    st.frozensets(st.text(), max_size=3),
    st.none() | st.frozensets(st.text(), max_size=3),
    st.none() | st.text(min_size=1),
    st.dictionaries(st.text(), st.text() | st.booleans(), max_size=3).map(lambda claims: tuple(claims.items())),
)
STATES = st.builds(
    State,
    st.text(),
    st.integers(0, 2**40),
    st.sampled_from(["new", "ready", "closed"]),
    st.none() | PRINCIPALS,
    st.none() | st.integers(0, 2**40),
    st.lists(st.builds(Subscription, st.text(), st.integers(1, 999), st.booleans()), max_size=3).map(tuple),
    st.integers(0, 999),
)


@given(STATES)
def test_a_state_is_stored_and_loaded_as_it_is(state: State) -> None:
    assert State.load(json.loads(json.dumps(state.dump()))) == state
    assert State.load(json.loads(json.dumps(state.dump()), parse_int=Decimal)) == state


IDS = st.sampled_from(["s1", "s2", "s3"])
SUBSCRIBES = st.builds(Subscribe, IDS, st.just("books"), since=st.none() | st.just("c-0"))
REGISTERS = st.builds(Register, st.integers(0, 4), SUBSCRIBES, st.just(ADA))
REPLAYS = st.builds(Replay, st.integers(0, 4), IDS, st.just("c-0"), st.just("c-1"))
PROBLEMS = st.just(Forbidden("No."))
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Init, st.none() | st.text()),
    SUBSCRIBES,
    st.builds(Unsubscribe, IDS),
    st.just(Ping()),
    st.text().map(parse),
    st.sampled_from(['{"type":"subscribe","id":"s1"}', '{"type":"unsubscribe"}']).map(parse),
)
RESULTS: st.SearchStrategy[Result] = st.one_of(
    st.builds(Authenticated, st.just(ADA), st.none() | st.integers(NOW - 5, NOW + 50)),
    st.builds(Rejected, PROBLEMS),
    st.builds(Registered, REGISTERS, st.just("c-1")),
    st.builds(Replayed, REPLAYS, st.just("c-2")),
    st.builds(Lost, REPLAYS, st.just("Why.")),
    st.builds(Refused, st.integers(0, 4), PROBLEMS),
)


@given(st.lists(st.tuples(MESSAGES | RESULTS, st.integers(0, 3)), max_size=30))
def test_no_sequence_of_messages_and_results_raises(steps: list[tuple[Message | Result, int]]) -> None:
    state, now = NEW, NOW
    for event, passed in steps:
        now += passed
        before = state
        state, actions = handle(state, event, now)
        ids = [each.id for each in state.subscriptions]
        numbers = [each.number for each in state.subscriptions]
        assert len(set(ids)) == len(ids)
        assert len(set(numbers)) == len(numbers)
        assert (state.phase == "ready") == (state.principal is not None)
        assert state.phase == "ready" or not state.subscriptions
        if before.is_expired(now):
            assert state.phase == "closed"
        if state.phase != "ready":
            assert all(message["type"] == "error" for message in sent(actions))


class Connection(RuleBasedStateMachine):
    """A client and the world: messages come at any time, and actions come to their results in any order."""

    @initialize(lasts=st.none() | st.integers(1, 40))
    def connect(self, lasts: int | None) -> None:
        self.state = NEW
        self.now = NOW
        self.expires_at = None if lasts is None else NOW + lasts
        self.running: list[Authenticate | Register | Replay] = []
        self.registered: set[int] = set()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.answered: Counter[tuple[str, str]] = Counter()
        self.readies = 0
        self.closes = 0

    def take(self, event: Message | Result) -> None:
        was = self.state
        self.state, actions = handle(was, event, self.now)
        if was.phase == "closed" or was.is_expired(self.now):
            assert self.state.phase == "closed"
        for action in actions:
            self.run(action)

    def run(self, action: Action) -> None:
        if isinstance(action, Send):
            assert not self.closes, "a message after the end"
            self.read(json.loads(action.message))
        elif isinstance(action, Cancel):
            self.registered.discard(action.number)
        elif isinstance(action, Close):
            self.registered.clear()
            self.closes += 1
        else:
            self.running.append(action)

    def read(self, message: dict[str, Any]) -> None:
        answers = {"subscribed": "subscribe", "unsubscribed": "unsubscribe"}.get(message["type"])
        answers = message.get("answers", answers)
        if answers is not None and "id" in message:
            self.answered[answers, message["id"]] += 1
        if message["type"] == "ready":
            self.readies += 1
        elif not self.readies:
            assert message["type"] == "error"

    @rule(token=st.none() | st.just("t"))
    def init(self, token: str | None) -> None:
        self.take(Init(token))

    @rule(message=SUBSCRIBES | st.builds(Unsubscribe, IDS))
    def ask(self, message: Subscribe | Unsubscribe) -> None:
        self.asked["subscribe" if isinstance(message, Subscribe) else "unsubscribe", message.id] += 1
        self.take(message)

    @rule(text=st.sampled_from(['{"type":"ping"}', "{", "[]", '{"type":"pong"}', '{"type":"init","x":1}']))
    def say(self, text: str) -> None:
        self.take(parse(text))

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(["well", "badly", "partly"]))
    def finish(self, data: st.DataObject, outcome: str) -> None:
        action = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if isinstance(action, Authenticate):
            well = outcome == "well"
            self.take(Authenticated(ADA, self.expires_at) if well else Rejected(Unauthenticated("No.")))
        elif outcome == "badly":
            self.take(Refused(action.number, Forbidden("No.")))
        elif isinstance(action, Register):
            self.registered.add(action.number)
            self.take(Registered(action, "c-1"))
        else:
            self.take(Replayed(action, "c-2") if outcome == "well" else Lost(action, "Why."))

    @invariant()
    def a_connection_is_ready_once_and_closed_once(self) -> None:
        assert self.readies <= 1
        assert self.closes == (self.state.phase == "closed")

    @invariant()
    def every_accepted_subscribe_has_exactly_one_answer_or_waits_for_it(self) -> None:
        opening = Counter(("subscribe", each.id) for each in self.state.subscriptions if not each.is_live)
        if not self.closes:
            assert self.answered + opening == self.asked
        assert self.answered <= self.asked

    @invariant()
    def what_is_registered_is_known_to_the_connection(self) -> None:
        assert self.registered <= {each.number for each in self.state.subscriptions}

    @invariant()
    def what_is_live_is_registered(self) -> None:
        assert {each.number for each in self.state.subscriptions if each.is_live} <= self.registered

    @invariant()
    def what_is_being_opened_is_being_worked_on(self) -> None:
        working = {action.number for action in self.running if not isinstance(action, Authenticate)}
        assert {each.number for each in self.state.subscriptions if not each.is_live} <= working


TestConnection = Connection.TestCase
