from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from chalicelib.access import audit, keyring, keys, opaque, plans
from chalicelib.access.audit import Author
from chalicelib.access.keys import ApiKey
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.collections.preconditions import Preconditions
from chalicelib.dynamo.errors import Reason, TransactionFailed
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import Transaction
from chalicelib.errors import (
    Conflict,
    InvalidIdentifier,
    KeyNotFound,
    PreconditionFailed,
    Problem,
    ValidationFailed,
    WriteContention,
)
from tests.dynamo.wire import assert_all_valid
from tests.support.clocks import Clock
from tests.support.stores import stored

ANN = Author("key:ann", "192.0.2.7", "r-1")
LATER = "2999-01-01T00:00:00.000Z"
WHOLE: dict[str, Any] = {
    "name": "The app",
    "roles": ["editor"],
    "scopes": ["books:read", "*:list"],
    "plan": None,
    "expires_at": LATER,
}


def made(document: dict[str, Any] | None = None, key_id: str = "app") -> str:
    """The text of a new key."""
    _, text = keyring.put(key_id, document or {}, ANN)
    assert text is not None
    return text


def entries(subject: str = "key:app") -> list[audit.Entry]:
    return audit.page(1000, None, subject=subject).items


def pointers(document: Any) -> list[str]:
    with pytest.raises(ValidationFailed) as failed:
        keyring.put("app", document, ANN)
    with pytest.raises(ValidationFailed):
        keyring.create(document, ANN)
    return [failure["pointer"] for failure in failed.value.failures]


@pytest.mark.usefixtures("table")
def test_a_key_is_made_changed_read_and_revoked() -> None:
    text = made(WHOLE)
    assert keys.authenticate(text) == Principal(
        "key:app", "key", frozenset({"editor"}), frozenset({"books:read", "*:list"})
    )
    shown = keyring.get("app").document()
    assert {name: shown[name] for name in WHOLE} == WHOLE
    changed, secret = keyring.put("app", {"roles": ["admin"]}, ANN)
    assert (changed.version, secret) == (2, None)
    assert keyring.get("app").document() == changed.document()
    assert keys.authenticate(text) == Principal("key:app", "key", frozenset({ADMIN}))
    keyring.revoke("app", ANN)
    assert keys.authenticate(text) is None
    for call in (
        lambda: keyring.get("app"),
        lambda: keyring.revoke("app", ANN),
        lambda: keyring.rotate("app", {}, ANN),
    ):
        typed: Callable[[], object] = call
        with pytest.raises(KeyNotFound):
            typed()


@pytest.mark.usefixtures("table")
def test_a_key_without_anything_has_no_rights() -> None:
    assert keys.authenticate(made({})) == Principal("key:app", "key")


@pytest.mark.usefixtures("table")
def test_a_key_of_the_servers_id() -> None:
    (one, text), (other, _) = keyring.create(WHOLE, ANN), keyring.create({}, ANN)
    assert one.id != other.id
    assert keys.authenticate(text) is not None
    assert [each.id for each in keyring.page(10, None)[0]] == sorted([one.id, other.id])


@pytest.mark.usefixtures("table")
def test_a_revoked_keys_id_can_be_used_again_and_its_secret_cannot() -> None:
    before = made()
    keyring.revoke("app", ANN)
    after = made()
    assert keys.authenticate(before) is None
    assert keys.authenticate(after) is not None


@pytest.mark.usefixtures("table")
def test_what_was_read_can_be_sent_back() -> None:
    made(WHOLE)
    before = keyring.get("app").document()
    after = keyring.put("app", before, ANN)[0].document()
    assert {name for name in before if before[name] != after[name]} == {"version", "updated_at"}


@pytest.mark.usefixtures("table")
def test_keys_are_listed_by_id() -> None:
    for key_id in ("b", "a", "c"):
        made(key_id=key_id)
    found, following = keyring.page(2, None)
    assert ([each.id for each in found], following) == (["a", "b"], "b")
    assert [each.id for each in keyring.page(2, "b")[0]] == ["c"]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "key_id", ["", "A", "a_b", "-a", "a-", "a.b", "a" * 41, "a\n", "ä", "configured", "key:app", "%61"]
)
def test_what_cannot_be_an_id(key_id: str) -> None:
    with main.session.recording() as recorder:
        for call in (
            lambda: keyring.get(key_id),
            lambda: keyring.put(key_id, {}, ANN),
            lambda: keyring.rotate(key_id, {}, ANN),
            lambda: keyring.revoke(key_id, ANN),
        ):
            typed: Callable[[], object] = call
            with pytest.raises(InvalidIdentifier):
                typed()
    assert recorder.calls == []


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [""]),
        ([], [""]),
        ("app", [""]),
        ({"secret": "mine"}, ["/secret"]),
        ({"hash": "0" * 64}, ["/hash"]),
        ({"name": 5, "roles": "admin"}, ["/name", "/roles"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"roles": ["a", ""]}, ["/roles/1"]),
        ({"roles": ["a", "a"]}, ["/roles"]),
        ({"roles": [f"r{number}" for number in range(51)]}, ["/roles"]),
        ({"scopes": "*:*"}, ["/scopes"]),
        ({"scopes": ["*:*", "books:write", "read"]}, ["/scopes/1", "/scopes/2"]),
        ({"scopes": ["books:read\n"]}, ["/scopes/0"]),
        ({"scopes": ["*:*"] * 2}, ["/scopes"]),
        ({"plan": "free"}, ["/plan"]),
        ({"plan": ""}, ["/plan"]),
        ({"plan": "a/b"}, ["/plan"]),
        ({"plan": "x" * 3000}, ["/plan"]),
        ({"expires_at": 5}, ["/expires_at"]),
        ({"expires_at": "tomorrow"}, ["/expires_at"]),
        ({"expires_at": "2026-11-21"}, ["/expires_at"]),
        ({"expires_at": "0001-01-01T00:00:00+23:00"}, ["/expires_at"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
    ],
)
def test_what_is_no_key(document: Any, expected: list[str]) -> None:
    assert pointers(document) == expected
    assert stored("key") == stored("audit") == []


@pytest.mark.usefixtures("table")
def test_a_plan_has_to_be_there_unless_the_key_has_it_already() -> None:
    plans.put("free", {})
    text = made({"plan": "free"})
    principal = keys.authenticate(text)
    assert principal is not None
    assert principal.plan == "free"
    plans.delete("free")
    assert keyring.put("app", {"plan": "free", "name": "a"}, ANN)[0].plan == "free"
    assert keyring.put("app", {}, ANN)[0].plan is None
    assert pointers({"plan": "free"}) == ["/plan"]


@pytest.mark.usefixtures("table")
def test_an_end_in_the_past_ends_a_key() -> None:
    text = made(WHOLE)
    keyring.put("app", {**WHOLE, "expires_at": "2020-01-01T00:00:00Z"}, ANN)
    assert keys.authenticate(text) is None
    keyring.put("app", WHOLE, ANN)
    assert keys.authenticate(text) is not None


@pytest.mark.usefixtures("table")
def test_preconditions_hold() -> None:
    with pytest.raises(PreconditionFailed):
        keyring.put("app", {}, ANN, Preconditions(match=frozenset({1})))
    made()
    for change in (
        lambda p: keyring.put("app", {}, ANN, p),
        lambda p: keyring.rotate("app", {}, ANN, p),
        lambda p: keyring.revoke("app", ANN, p),
    ):
        typed: Callable[[Preconditions], object] = change
        with pytest.raises(PreconditionFailed):
            typed(Preconditions(match=frozenset({7})))
    keyring.put("app", {}, ANN, Preconditions(match=frozenset({1})))
    keyring.rotate("app", {}, ANN, Preconditions(match=frozenset({2})))
    keyring.revoke("app", ANN, Preconditions(match=frozenset({3})))


@pytest.mark.usefixtures("table")
def test_a_use_is_no_new_version() -> None:
    text = made()
    assert keys.authenticate(text) is not None
    used = keyring.get("app")
    assert (used.version, used.last_used_at is None) == (1, False)
    assert keyring.put("app", {}, ANN, Preconditions(match=frozenset({1})))[0].last_used_at == used.last_used_at


@pytest.mark.usefixtures("table")
def test_a_rotation_leaves_the_secret_of_before_good_for_its_overlap(clock: Clock) -> None:
    clock.stop()
    first = made(WHOLE)
    key, second = keyring.rotate("app", {"overlap": 60}, ANN)
    assert key.document()["previous_until"] is not None
    assert keys.authenticate(first) == keys.authenticate(second)
    assert keys.authenticate(second) is not None
    clock.move(60)
    assert keys.authenticate(first) is None
    assert keys.authenticate(second) is not None
    shown = keyring.get("app").document()
    assert shown["previous_until"] is None
    assert {name: shown[name] for name in WHOLE} == WHOLE


@pytest.mark.usefixtures("table")
def test_the_overlap_is_a_day_unless_given(clock: Clock) -> None:
    first = made()
    keyring.rotate("app", {}, ANN)
    clock.move(24 * 3600 - 60)
    assert keys.authenticate(first) is not None
    clock.move(61)
    assert keys.authenticate(first) is None


@pytest.mark.usefixtures("table")
def test_without_overlap_the_secret_of_before_ends_at_once() -> None:
    first = made()
    key, second = keyring.rotate("app", {"overlap": 0}, ANN)
    assert (keys.authenticate(first), key.document()["previous_until"]) == (None, None)
    assert keys.authenticate(second) is not None
    assert key.previous_hash is None


@pytest.mark.usefixtures("table")
def test_a_second_rotation_ends_the_oldest_secret() -> None:
    first = made()
    second, third = keyring.rotate("app", {}, ANN)[1], keyring.rotate("app", {}, ANN)[1]
    assert keys.authenticate(first) is None
    assert keys.authenticate(second) is not None
    assert keys.authenticate(third) is not None


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "document", [None, [], {"overlap": -1}, {"overlap": 2592001}, {"overlap": True}, {"overlap": 0.5}, {"other": 1}]
)
def test_what_is_no_rotation(document: Any) -> None:
    text = made()
    with pytest.raises(ValidationFailed):
        keyring.rotate("app", document, ANN)
    assert keyring.get("app").version == 1
    assert keys.authenticate(text) is not None


@pytest.mark.usefixtures("table")
def test_an_expired_key_is_not_rotated() -> None:
    made()
    keyring.put("app", {"expires_at": "2020-01-01T00:00:00Z"}, ANN)
    with pytest.raises(Conflict, match="expired"):
        keyring.rotate("app", {}, ANN)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What each gives, or the problem that it meets, all at the same time."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.usefixtures("table")
def test_of_rotations_at_the_same_time_those_that_answer_a_secret_were_carried_out_one_after_the_other() -> None:
    first = made()
    results = together(*[partial(keyring.rotate, "app", {}, ANN)] * 8)
    rotated = sorted(
        (result for result in results if not isinstance(result, Problem)), key=lambda result: int(result[0].version)
    )
    assert rotated
    assert all(isinstance(each, (Conflict, tuple)) for each in results)
    assert [key.version for key, _ in rotated] == list(range(2, len(rotated) + 2))
    good = [text for text in (first, *[text for _, text in rotated]) if keys.authenticate(text) is not None]
    assert good == [first, *[text for _, text in rotated]][-2:]
    assert len([entry for entry in entries() if entry.action == "key.rotated"]) == len(rotated)


@pytest.mark.usefixtures("table")
def test_a_rotation_that_another_one_was_faster_than_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    first = made()
    faster: list[str] = []

    def interrupted(key_id: str) -> str:
        if not faster:
            faster.append("")
            faster.append(keyring.rotate("app", {}, ANN)[1])
        return opaque.make("pk", key_id)

    monkeypatch.setattr(keys, "new_secret", interrupted)
    with pytest.raises(Conflict, match="has just rotated"):
        keyring.rotate("app", {}, ANN)
    assert keys.authenticate(first) is not None
    assert keys.authenticate(faster[1]) is not None


@pytest.mark.usefixtures("table")
def test_a_rotation_goes_with_a_change_of_something_else_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made()
    changed: list[bool] = []

    def interrupted(key_id: str) -> str:
        if not changed:
            changed.append(True)
            keyring.put("app", {"name": "other"}, ANN)
        return opaque.make("pk", key_id)

    monkeypatch.setattr(keys, "new_secret", interrupted)
    key, text = keyring.rotate("app", {}, ANN)
    assert (key.name, key.version) == ("other", 3)
    assert keys.authenticate(text) is not None


@pytest.mark.usefixtures("table")
def test_of_those_who_make_a_key_at_the_same_time_one_has_a_secret_and_it_is_good() -> None:
    results = together(*[partial(keyring.put, "app", {}, ANN)] * 6)
    texts = [result[1] for result in results if not isinstance(result, Problem) and result[1] is not None]
    assert len(texts) == 1
    assert keys.authenticate(texts[0]) is not None
    assert all(isinstance(each, (WriteContention, tuple)) for each in results)


@pytest.mark.usefixtures("table")
def test_a_key_that_is_revoked_meanwhile_does_not_come_back() -> None:
    for _ in range(5):
        made()
        together(
            partial(keyring.revoke, "app", ANN),
            partial(keyring.rotate, "app", {}, ANN),
            partial(keyring.rotate, "app", {}, ANN),
        )
        assert ApiKey.get(consistent=True, id="app") is None


@pytest.mark.usefixtures("table")
def test_every_change_is_a_transaction_with_its_entry() -> None:
    with main.session.recording() as recorder:
        made()
        keyring.put("app", {"name": "a"}, ANN)
        keyring.rotate("app", {}, ANN)
        keyring.revoke("app", ANN)
    assert recorder.operations == ["GetItem", "TransactWriteItems"] * 4
    assert_all_valid(recorder.calls)
    found = entries()[::-1]
    assert [entry.action for entry in found] == ["key.created", "key.updated", "key.rotated", "key.revoked"]
    assert {(entry.principal, entry.ip, entry.request_id) for entry in found} == {("key:ann", "192.0.2.7", "r-1")}
    documents = [entry.document() for entry in found]
    assert [each["after"] for each in documents[:-1]] == [each["before"] for each in documents[1:]]
    assert documents[0]["before"] is documents[-1]["after"] is None


@pytest.mark.usefixtures("table")
def test_no_secret_and_no_hash_is_in_an_entry() -> None:
    first, second = made(), keyring.rotate("app", {}, ANN)[1]
    keyring.revoke("app", ANN)
    trail = repr(stored("audit"))
    for text in (first, second):
        assert text[7:] not in trail
        assert opaque.digest(text) not in trail
    assert "hash" not in trail


@pytest.mark.usefixtures("table")
def test_a_key_from_before_there_were_versions_can_be_changed() -> None:
    text = keys.create(roles=("editor",)).secret
    key_id = keyring.page(1, None)[0][0].id
    main.call(
        "UpdateItem",
        {"Key": {"pk": {"S": "key"}, "sk": {"S": key_id}}, "UpdateExpression": "REMOVE #v",
         "ExpressionAttributeNames": {"#v": "_version"}},
    )  # fmt: skip
    assert keyring.put(key_id, {"roles": ["reader"]}, ANN)[0].version == 2
    principal = keys.authenticate(text)
    assert principal is not None
    assert principal.roles == {"reader"}


@pytest.mark.usefixtures("table")
def test_an_id_that_a_key_has_already_is_not_given_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = made()
    chosen = iter(["app", "other"])
    monkeypatch.setattr(keys, "new_id", lambda: next(chosen))
    key, _ = keyring.create({}, ANN)
    assert key.id == "other"
    assert keys.authenticate(before) is not None


@pytest.mark.usefixtures("table")
def test_who_is_always_too_late_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    text = made()

    def canceled(_: Transaction) -> None:
        raise TransactionFailed([Reason("TransactionConflict")])

    monkeypatch.setattr(Transaction, "run", canceled)
    for call in (
        lambda: keyring.create({}, ANN),
        lambda: keyring.put("app", {}, ANN),
        lambda: keyring.put("other", {}, ANN),
        lambda: keyring.rotate("app", {}, ANN),
        lambda: keyring.revoke("app", ANN),
    ):
        typed: Callable[[], object] = call
        with pytest.raises(WriteContention):
            typed()
    assert keys.authenticate(text) is not None
