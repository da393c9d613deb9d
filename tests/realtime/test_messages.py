from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import BadRequest, Forbidden, InvalidWhere, NotFound, Problem
from chalicelib.realtime import messages
from chalicelib.realtime.messages import Init, Ping, Subscribe, Unreadable, Unsubscribe, parse, transition

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
ALIKE = st.fixed_dictionaries(
    {"type": st.sampled_from(["init", "subscribe", "unsubscribe", "ping"]) | JSON_VALUES},
    optional={
        name: st.text(max_size=70) | JSON_VALUES
        for name in ("token", "id", "collection", "where", "params", "fields", "since")
    },
)


def sent(**members: Any) -> messages.Message:
    return parse(json.dumps(members))


def subscribe(**members: Any) -> messages.Message:
    return sent(type="subscribe", id="s1", collection="books", **members)


def told(text: str) -> Any:
    return json.loads(text)


def refusal(message: messages.Message) -> Unreadable:
    assert isinstance(message, Unreadable)
    assert 400 <= message.problem.status < 500
    return message


def failures(message: messages.Message) -> dict[str, str]:
    problem = refusal(message).problem
    assert problem.code == "validation_failed"
    return {each["pointer"]: each["detail"] for each in problem.extensions["errors"]}


def test_messages_are_read() -> None:
    assert sent(type="init", token="t") == Init("t")
    assert sent(type="unsubscribe", id="s1") == Unsubscribe("s1")
    assert sent(type="ping") == Ping()
    assert subscribe() == Subscribe("s1", "books")
    assert subscribe(where="year > $y", params={"y": 1970}, fields=["title"], since="c-17") == Subscribe(
        "s1", "books", "year > $y", {"y": 1970}, ("title",), "c-17"
    )


def test_a_where_may_be_in_its_json_form() -> None:
    message = subscribe(where=[">", "year", 1970])
    assert isinstance(message, Subscribe)
    assert message.where == [">", "year", 1970]


def test_what_is_optional_may_be_null_or_left_out() -> None:
    assert sent(type="init", token=None) == sent(type="init") == Init(None)
    assert subscribe(where=None, params=None, fields=None, since=None) == subscribe()


def test_numbers_keep_their_digits() -> None:
    message = parse('{"type":"subscribe","id":"s","collection":"c","params":{"a":0.12345678901234567890123}}')
    assert isinstance(message, Subscribe)
    assert message.params is not None
    assert str(message.params["a"]) == "0.12345678901234567890123"


@pytest.mark.parametrize("text", ["", "None", "{", "NaN", '{"type":"ping"}x', '"\\ud800"', "\ud800", "[" * 2000])
def test_what_is_not_json_is_refused(text: str) -> None:
    problem = refusal(parse(text)).problem
    assert problem.code == "malformed_json"
    assert "body" not in problem.detail


@pytest.mark.parametrize("text", ["[]", "1", "null", '"ping"'])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert refusal(parse(text)).problem.code == BadRequest.code


def test_a_message_has_at_most_128_kilobytes_in_utf_8() -> None:
    frame = '{"type":"ping"}'
    assert parse(frame + " " * (131072 - len(frame))) == Ping()
    assert refusal(parse(frame + " " * (131073 - len(frame)))).problem.code == "payload_too_large"
    assert refusal(parse('"' + "é" * 65536 + '"')).problem.code == "payload_too_large"


@pytest.mark.parametrize("kind", ["pong", "Ping", "", None, 1, ["ping"], {}])
def test_an_unknown_type_is_refused(kind: Any) -> None:
    assert failures(sent(type=kind)) == {"/type": "is none of init, subscribe, unsubscribe, ping"}
    assert refusal(sent(type=kind, id="s1")).answers is None


def test_unknown_members_are_refused() -> None:
    assert failures(sent(type="ping", id="s1")) == {"/id": "is not known here"}
    assert failures(subscribe(**{"a/b": 1})) == {"/a~1b": "is not known here"}


@pytest.mark.parametrize("member", ["id", "collection"])
def test_a_subscription_has_an_id_and_a_collection(member: str) -> None:
    whole = {"type": "subscribe", "id": "s1", "collection": "books"}
    assert failures(sent(**{name: value for name, value in whole.items() if name != member})) == {
        f"/{member}": "is missing"
    }
    for wrong in ("", "x" * 65, 1, None, ["s1"]):
        assert failures(sent(**{**whole, member: wrong})) == {f"/{member}": "is no text of 1 to 64 characters"}
    assert isinstance(sent(**{**whole, member: "é" * 64}), Subscribe)


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("where", 1),
        ("where", {"value": 1}),
        ("params", []),
        ("params", {str(number): 1 for number in range(101)}),
        ("fields", []),
        ("fields", "title"),
        ("fields", [""]),
        ("fields", [1]),
        ("fields", ["a"] * 101),
        ("since", ""),
        ("since", 1),
        ("since", "c" * 4097),
    ],
)
def test_a_member_of_another_kind_is_refused(member: str, wrong: Any) -> None:
    assert list(failures(subscribe(**{member: wrong}))) == [f"/{member}"]


def test_a_token_has_its_limit() -> None:
    assert sent(type="init", token="t" * 16384) == Init("t" * 16384)
    assert list(failures(sent(type="init", token="t" * 16385))) == ["/token"]


def test_a_refusal_tells_which_message_it_is_about() -> None:
    refused = refusal(subscribe(extra=1))
    assert (refused.answers, refused.id) == ("subscribe", "s1")
    nameless = refusal(sent(type="unsubscribe", id="x" * 65))
    assert (nameless.answers, nameless.id) == ("unsubscribe", None)


def test_a_refusal_is_small_however_much_is_wrong() -> None:
    unknown = {f"{number}{'x' * 1000}": 1 for number in range(100)}
    refused = refusal(sent(type="ping", **unknown))
    assert len(failures(refused)) == 10
    assert len(messages.error(refused.problem, refused.answers, refused.id)) < 3000


@given(st.text() | JSON_VALUES.map(json.dumps) | ALIKE.map(json.dumps))
def test_no_text_raises_and_every_refusal_can_be_sent(text: str) -> None:
    message = parse(text)
    if isinstance(message, Unreadable):
        answer = told(messages.error(message.problem, message.answers, message.id))
        assert answer["problem"]["status"] in {400, 413, 422}


def test_answers_are_objects_with_a_type() -> None:
    assert told(messages.ready("L0", 7200)) == {"type": "ready", "connection": "L0", "max_age": 7200}
    assert told(messages.subscribed("s1", "c")) == {"type": "subscribed", "id": "s1", "cursor": "c"}
    assert told(messages.unsubscribed("s1")) == {"type": "unsubscribed", "id": "s1"}
    assert told(messages.pong()) == {"type": "pong"}
    assert told(messages.reset("s1", "Why.")) == {"type": "reset", "id": "s1", "reason": "Why."}


def test_an_error_has_the_problem_document_and_what_it_answers() -> None:
    problem = Forbidden("No.")
    assert told(messages.error(problem)) == {"type": "error", "problem": problem.document()}
    assert told(messages.error(problem, "subscribe", "s1")) == {
        "type": "error",
        "id": "s1",
        "answers": "subscribe",
        "problem": problem.document(),
    }


@pytest.mark.parametrize("problem", [InvalidWhere("No.", "where", excerpt="x" * 131072), NotFound("é" * 131072)])
def test_an_error_that_is_too_large_is_sent_without_extensions(problem: Problem) -> None:
    document = told(messages.error(problem, "subscribe", "s1"))["problem"]
    assert document == {
        "type": f"urn:portico:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail[:1000],
    }


def test_an_event_has_the_record_with_its_id() -> None:
    assert told(messages.event("s1", "create", "b1", {"title": "Ubik"}, 1, "c-42")) == {
        "type": "event",
        "id": "s1",
        "op": "create",
        "record": {"id": "b1", "title": "Ubik"},
        "version": 1,
        "cursor": "c-42",
    }


def test_a_leave_has_nothing_of_the_record_but_its_id() -> None:
    assert told(messages.event("s1", "leave", "b1", {"title": "Ubik"}, 8, "c"))["record"] == {"id": "b1"}


@pytest.mark.parametrize("letter", ["x", "é"])
def test_an_event_over_100_kilobytes_shrinks_to_id_and_version(letter: str) -> None:
    def event(letters: int) -> str:
        return messages.event("s1", "update", "b1", {"title": letter * letters}, 7, "c")

    most = (102400 - len(event(0))) // len(letter.encode())
    whole = told(event(most))
    assert "partial" not in whole
    assert whole["record"]["title"] == letter * most
    assert told(event(most + 1)) == {**whole, "record": {"id": "b1"}, "partial": True}


@pytest.mark.parametrize(
    ("existed", "exists", "before", "after", "op"),
    [
        (False, True, False, True, "create"),
        (True, False, True, False, "delete"),
        (True, True, True, True, "update"),
        (True, True, False, True, "enter"),
        (True, True, True, False, "leave"),
        (True, True, False, False, None),
        (False, True, False, False, None),
        (True, False, False, False, None),
    ],
)
def test_a_change_is_to_a_subscription_what_it_does_to_the_match(
    existed: bool, exists: bool, before: bool, after: bool, op: str | None
) -> None:
    assert transition(matched_before=before, matched_after=after, existed=existed, exists=exists) == op


def test_the_match_of_an_image_that_is_not_there_does_not_count() -> None:
    for match, other in itertools.product([False, True], repeat=2):
        created = transition(matched_before=other, matched_after=match, existed=False, exists=True)
        deleted = transition(matched_before=match, matched_after=other, existed=True, exists=False)
        assert (created, deleted) == (("create", "delete") if match else (None, None))
        assert transition(matched_before=match, matched_after=other, existed=False, exists=False) is None


@given(st.lists(st.none() | st.booleans()))
def test_a_client_that_follows_the_events_has_what_matches(images: list[bool | None]) -> None:
    """Of a record's images (None: there is none) the client has the record exactly while it matches."""
    has = False
    for before, after in itertools.pairwise([None, *images]):
        op = transition(
            matched_before=bool(before), matched_after=bool(after), existed=before is not None, exists=after is not None
        )
        assert has == (op in {"update", "leave", "delete"}) or op is None
        has = {"create": True, "enter": True, "leave": False, "delete": False}.get(op or "", has)
        assert has == bool(after)
