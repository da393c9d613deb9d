from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.access import passwords, users
from chalicelib.access.delivery import Message
from chalicelib.access.users import Login, User
from chalicelib.dynamo import session
from chalicelib.dynamo.errors import Reason, TransactionFailed
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import Transaction
from chalicelib.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidToken,
    SignupClosed,
    TooManyAttempts,
    UserNotFound,
    WriteContention,
)
from tests.support import postbox
from tests.support.clocks import Clock
from tests.support.stores import stored

HERE = "192.0.2.1"
PASSWORD = "correct horse battery"
OTHER = "another long password"


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    clock.stop()


@pytest.fixture
def messages(table: str) -> Iterator[list[Message]]:
    with settings.override(delivery="tests.support.postbox:put"), postbox.emptied() as found:
        yield found


def ann(**members: Any) -> User:
    return users.sign_up(
        members.get("email", "ann@example.org"), PASSWORD, members.get("invitation"), members.get("address", HERE)
    )


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("ann@example.org", "ann@example.org"),
        (" Ann@Example.ORG ", "ann@example.org"),
        ("\uff41\uff4e\uff4e@example.org", "ann@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("ann+tag@localhost", "ann+tag@localhost"),
        ("анна@пример.рф", "анна@пример.рф"),
        ("", None),
        ("ann", None),
        ("@example.org", None),
        ("ann@", None),
        ("ann@.org", None),
        ("ann@example..org", None),
        ("a@b@c", None),
        ("an n@example.org", None),
        ("ann@example.org\nbcc:bob", None),
        ("ann\0@example.org", None),
        ("x" * 65 + "@example.org", None),
        ("ann@" + "x" * 251, None),
        ("ann@" + "語" * 90, None),
    ],
)
def test_an_address_has_one_form(written: str, form: str | None) -> None:
    assert users.normal(written) == form


def test_who_signs_up_signs_in(table: str) -> None:
    user = ann()
    assert users.sign_in("Ann@Example.org", PASSWORD, HERE).id == user.id
    assert (user.roles, user.disabled, user.verified) == ([], False, False)


def test_only_a_hash_of_the_password_is_stored(table: str) -> None:
    ann()
    assert PASSWORD not in str(stored())
    assert "argon2" not in repr(Login.get(email="ann@example.org"))


def test_an_address_has_one_user(table: str) -> None:
    ann()
    with pytest.raises(EmailTaken):
        ann()
    assert len(stored("user")) == 1


def test_of_many_who_sign_up_with_one_address_at_once_one_does(table: str) -> None:
    together = threading.Barrier(6)

    def sign_up(number: int) -> bool:
        together.wait(10)
        try:
            ann(address=f"192.0.2.{number}")
        except EmailTaken:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(sign_up, range(6))) == 1
    assert len(stored("user")) == len(stored("login#")) == 1


WRONG: list[Callable[[], object]] = [
    lambda: users.sign_in("ann@example.org", "wrong", HERE),
    lambda: users.sign_in("ann@example.org", PASSWORD + " ", HERE),
    lambda: users.sign_in("bob@example.org", PASSWORD, HERE),
    lambda: users.sign_in("nobody", PASSWORD, HERE),
    lambda: users.sign_in("", "", HERE),
]


@pytest.mark.parametrize("attempt", WRONG)
def test_wrong_passwords_and_unknown_addresses_are_answered_the_same(table: str, attempt: Callable[[], object]) -> None:
    ann()
    with pytest.raises(InvalidCredentials) as refused:
        attempt()
    assert refused.value.document() == InvalidCredentials().document()


def test_an_unknown_address_takes_the_same_calls_and_a_hash_too(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ann()
    hashed: list[str | None] = []
    matches = passwords.matches

    def counted(password: str, stored: str | None) -> bool:
        hashed.append(stored)
        return matches(password, stored)

    monkeypatch.setattr(passwords, "matches", counted)
    operations = []
    for email in ("ann@example.org", "bob@example.org"):
        with main.session.recording() as recorder, pytest.raises(InvalidCredentials):
            users.sign_in(email, "wrong", HERE)
        operations.append(recorder.operations)
    assert operations[0] == operations[1] == ["BatchGetItem", "UpdateItem", "UpdateItem"]
    assert len(hashed) == 2


def test_a_sign_in_takes_one_call_more_than_it_has_to(table: str) -> None:
    ann()
    with main.session.recording() as recorder:
        users.sign_in("ann@example.org", PASSWORD, HERE)
    assert recorder.operations == ["BatchGetItem", "UpdateItem", "GetItem"]


@pytest.mark.parametrize("email", ["ann@example.org", "bob@example.org"])
def test_a_thousand_guesses_at_one_user_are_throttled_whether_there_is_one_or_not(
    table: str, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann()
    looked_at: list[str] = []

    def none(password: str, _: str | None) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setattr(passwords, "matches", none)

    def guess(number: int) -> bool:
        try:
            users.sign_in(email, f"guess {number}", f"2001:db8:{number}::1")
        except TooManyAttempts as problem:
            return problem.headers["Retry-After"] == "899"
        except InvalidCredentials:
            return False
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        refused = sum(pool.map(guess, range(1000)))
    assert 1000 - refused == len(looked_at) == users.GUESSES.most


def test_who_was_throttled_may_try_again_later(table: str, clock: Clock) -> None:
    ann()
    for _ in range(users.GUESSES.most):
        users.GUESSES.take("ann@example.org")
    with pytest.raises(TooManyAttempts):
        users.sign_in("ann@example.org", PASSWORD, HERE)
    clock.move(users.GUESSES.seconds)
    assert users.sign_in("ann@example.org", PASSWORD, HERE)


def test_one_caller_guesses_at_many_users_so_often_only(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    for number in range(users.FAILURES.most):
        with pytest.raises(InvalidCredentials):
            users.sign_in(f"user{number}@example.org", "x", "2001:db8::" + format(number, "x"))
    with pytest.raises(TooManyAttempts):
        users.sign_in("ann@example.org", "x", "2001:db8::ffff")
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", "x", "198.51.100.1")


def test_a_hash_with_old_parameters_is_made_anew_at_a_sign_in(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY", 8 * 1024)
    ann()
    monkeypatch.undo()
    users.sign_in("ann@example.org", PASSWORD, HERE)
    login = Login.get(consistent=True, email="ann@example.org")
    assert login is not None
    assert not passwords.is_outdated(login.hash)
    assert users.sign_in("ann@example.org", PASSWORD, HERE)


def test_where_sign_up_is_closed_nobody_does(table: str) -> None:
    invitation, _ = users.invite(None, [])
    with settings.override(signup="closed"):
        for text in (None, invitation):
            with pytest.raises(SignupClosed):
                ann(invitation=text)


def test_an_invitation_is_for_one_user_and_gives_its_roles(table: str) -> None:
    invitation, _ = users.invite("ann@example.org", ["editor"])
    with settings.override(signup="invite"):
        with pytest.raises(SignupClosed):
            ann()
        with pytest.raises(InvalidToken):
            ann(email="bob@example.org", invitation=invitation)
        assert ann(invitation=invitation).roles == ["editor"]
        for email in ("ann@example.org", "bob@example.org"):
            with pytest.raises(InvalidToken):
                ann(email=email, invitation=invitation)


def test_an_invitation_for_nobody_in_particular_is_for_the_first_who_comes(table: str) -> None:
    invitation, _ = users.invite(None, ["reader"])
    together = threading.Barrier(4)

    def sign_up(number: int) -> bool:
        together.wait(10)
        try:
            ann(email=f"user{number}@example.org", invitation=invitation)
        except InvalidToken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sign_up, range(4))) == 1
    assert len(stored("user")) == len(stored("login#")) == 1


@pytest.mark.parametrize("text", ["", "x", "pi_" + "x" * 51])
def test_what_is_no_invitation_lets_nobody_in(table: str, text: str) -> None:
    with pytest.raises(InvalidToken):
        ann(invitation=text)


def test_an_invitation_ends(table: str, clock: Clock) -> None:
    invitation, _ = users.invite(None, [])
    clock.move(users.INVITATION_SECONDS)
    with pytest.raises(InvalidToken):
        ann(invitation=invitation)


def test_one_caller_signs_up_so_often_only(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "digest", lambda _: "-")
    for number in range(users.SIGN_UPS.most):
        ann(email=f"user{number}@example.org")
    with pytest.raises(TooManyAttempts):
        ann()


def test_a_password_is_changed_by_who_knows_it(table: str) -> None:
    user = ann()
    changed = users.change_password(user.id, PASSWORD, OTHER, HERE)
    assert changed.generation == user.generation + 1
    assert users.sign_in("ann@example.org", OTHER, HERE)
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", PASSWORD, HERE)
    with pytest.raises(InvalidCredentials):
        users.change_password(user.id, PASSWORD, "yet another one", HERE)


def test_guesses_at_the_password_to_change_count_too(table: str) -> None:
    user = ann()
    for _ in range(users.GUESSES.most):
        users.GUESSES.take("ann@example.org")
    with pytest.raises(TooManyAttempts):
        users.change_password(user.id, PASSWORD, OTHER, HERE)


def test_a_forgotten_password_is_reset_by_who_has_the_mail(messages: list[Message]) -> None:
    user = ann()
    users.request_reset("Ann@example.org", HERE)
    (message,) = messages
    assert (message.kind, message.email, message.seconds) == ("password_reset", "ann@example.org", 3600)
    users.confirm_reset(message.token, OTHER, HERE)
    found = users.sign_in("ann@example.org", OTHER, HERE)
    assert (found.verified, found.generation) == (True, user.generation + 1)
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", PASSWORD, HERE)
    with pytest.raises(InvalidToken):
        users.confirm_reset(message.token, PASSWORD, HERE)


def test_a_reset_for_nobody_takes_the_same_calls_and_delivers_nothing(messages: list[Message]) -> None:
    ann()
    operations = []
    for email in ("ann@example.org", "bob@example.org"):
        with main.session.recording() as recorder:
            users.request_reset(email, HERE)
        operations.append(recorder.operations)
    users.request_reset("no address", HERE)
    assert operations[0] == operations[1]
    assert [message.email for message in messages] == ["ann@example.org"]


def test_resets_are_asked_for_so_often_only(messages: list[Message]) -> None:
    ann()
    for number in range(users.RESETS.most):
        users.request_reset("ann@example.org", f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts):
        users.request_reset("ann@example.org", HERE)
    assert len(messages) == users.RESETS.most


@pytest.mark.parametrize("text", ["", "x", "pw_" + "x" * 51])
def test_what_is_no_reset_token_resets_nothing(table: str, text: str) -> None:
    with pytest.raises(InvalidToken):
        users.confirm_reset(text, OTHER, HERE)


def test_a_reset_token_ends(messages: list[Message], clock: Clock) -> None:
    ann()
    users.request_reset("ann@example.org", HERE)
    clock.move(users.RESET_SECONDS)
    with pytest.raises(InvalidToken):
        users.confirm_reset(messages[0].token, OTHER, HERE)


def test_reset_tokens_are_guessed_so_often_only(table: str) -> None:
    for _ in range(users.FAILURES.most):
        users.FAILURES.note(HERE)
    with pytest.raises(TooManyAttempts):
        users.confirm_reset("pw_x", OTHER, HERE)


def test_a_reset_token_is_used_once_by_two_at_once(messages: list[Message]) -> None:
    ann()
    users.request_reset("ann@example.org", HERE)
    together = threading.Barrier(2)
    events: Any = session.default().client.meta.events

    def wait_for_both(**_: object) -> None:
        together.wait(timeout=10)

    def confirm(number: int) -> bool:
        try:
            users.confirm_reset(messages[0].token, f"{OTHER} {number}", HERE)
        except InvalidToken:
            return False
        return True

    events.register("before-send.dynamodb.TransactWriteItems", wait_for_both)
    try:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(confirm, range(2)))
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", wait_for_both)
    assert sorted(done) == [False, True]


def test_who_is_disabled_does_not_sign_in(table: str) -> None:
    user = ann()
    changed = users.change(user.id, ["editor"], disabled=True)
    assert (changed.roles, changed.disabled, changed.generation) == (["editor"], True, 1)
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", PASSWORD, HERE)
    users.change(user.id, [], disabled=False)
    assert users.sign_in("ann@example.org", PASSWORD, HERE).generation == 1


def test_who_is_deleted_is_gone_and_the_address_is_free(table: str) -> None:
    user = ann()
    users.delete(user.id)
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", PASSWORD, HERE)
    for attempt in (
        lambda: users.get(user.id),
        lambda: users.delete(user.id),
        lambda: users.change(user.id, [], disabled=False),
        lambda: users.change_password(user.id, PASSWORD, OTHER, HERE),
    ):
        with pytest.raises(UserNotFound):
            attempt()
    users.end_sessions(user.id)
    assert User.get(id=user.id) is None
    assert ann().id != user.id


@pytest.mark.parametrize("user_id", ["", "x", "0" * 24, "../x", "A" * 24, "0" * 2000])
def test_nobody_has_the_id(table: str, user_id: str) -> None:
    with pytest.raises(UserNotFound):
        users.get(user_id)


class Contended(Transaction):
    """A transaction that others stand in the way of, for some time."""

    left = 0

    def run(self) -> None:
        if Contended.left:
            Contended.left -= 1
            raise TransactionFailed([Reason("None"), Reason("TransactionConflict")])
        super().run()


@pytest.mark.parametrize(("times", "carried_out"), [(2, True), (3, False)])
def test_who_is_in_anothers_way_tries_again_some_times(
    table: str, monkeypatch: pytest.MonkeyPatch, times: int, carried_out: bool
) -> None:
    user = ann()
    monkeypatch.setattr(users, "Transaction", Contended)
    for attempt in (
        lambda: users.sign_up("bob@example.org", PASSWORD, None, HERE),
        lambda: users.change_password(user.id, PASSWORD, OTHER, HERE),
        lambda: users.delete(user.id),
    ):
        Contended.left = times
        if carried_out:
            attempt()
        else:
            with pytest.raises(WriteContention):
                attempt()
    assert Contended.left == 0


def test_a_password_that_was_changed_meanwhile_is_not_changed_back(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = ann()
    login = Login.get(consistent=True, email=user.email)
    assert login is not None
    users.change_password(user.id, PASSWORD, OTHER, HERE)
    users._set_password(login, PASSWORD)  # the hash of a sign-in under way
    assert users.sign_in(user.email, OTHER, HERE)
    monkeypatch.setattr(users, "_login", lambda *_: login)
    with pytest.raises(WriteContention):
        users.change_password(user.id, PASSWORD, "yet another one", HERE)


def test_who_is_deleted_meanwhile_is_not_made_again_by_a_change(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = ann()
    users.delete(user.id)
    monkeypatch.setattr(users, "get", lambda _: user)
    for attempt in (lambda: users.change(user.id, [], disabled=False), lambda: users.delete(user.id)):
        with pytest.raises(UserNotFound):
            attempt()
    assert User.get(id=user.id) is None


def test_who_is_gone_but_for_the_address_does_not_sign_in(table: str) -> None:
    User.delete(id=ann().id)
    with pytest.raises(InvalidCredentials):
        users.sign_in("ann@example.org", PASSWORD, HERE)


def test_neither_passwords_nor_tokens_are_logged(messages: list[Message], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="chalicelib"):
        user = ann()
        users.sign_in("ann@example.org", PASSWORD, HERE)
        users.request_reset("ann@example.org", HERE)
        users.change_password(user.id, PASSWORD, OTHER, HERE)
        users.confirm_reset(messages[0].token, "a third password", HERE)
    for secret in (PASSWORD, OTHER, "a third password", messages[0].token):
        assert secret not in caplog.text
        assert secret not in str(stored())
