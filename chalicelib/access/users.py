"""The built-in users: who they are, and the passwords that they sign in with."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from chalicelib import settings
from chalicelib.access import attempts, delivery, one_time, passwords
from chalicelib.access.attempts import Attempts, Limit
from chalicelib.access.one_time import OneTimeToken
from chalicelib.collections import ids
from chalicelib.dynamo.batches import get_together
from chalicelib.dynamo.errors import ConditionFailed, TransactionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import Transaction
from chalicelib.errors import EmailTaken, InvalidCredentials, InvalidToken, SignupClosed, UserNotFound, WriteContention

if TYPE_CHECKING:
    from chalicelib.dynamo.query import Page

ID = re.compile(r"[0-9a-f]{24}")
GUESSES = Limit("password", 20, 15 * 60)
"""Passwords tried for one address, right ones too; OWASP's ASVS 2.2.1 allows 100 wrong ones an hour."""
FAILURES = Limit("failures", 100, 15 * 60)
"""Wrong passwords and tokens of one caller, whomever they are for."""
SIGN_UPS = Limit("sign-up", 20, 3600)
RESETS = Limit("reset", 5, 3600)
RESET_SECONDS, INVITATION_SECONDS = 3600, 7 * 24 * 3600
MAX_EMAIL = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)*")
_ATTEMPTS = 3


class User(Model, table=main):
    """A stored user. ``generation`` grows when all sessions end at once; ``verified``: they have had mail there."""

    id: Attr[str]
    email: Attr[str]
    roles: Attr[list[str]] = field(default=list)
    disabled: Attr[bool] = field(default=False)
    verified: Attr[bool] = field(default=False)
    generation: Attr[int] = field(default=0)
    created_at: Attr[str]
    updated_at: Attr[str]
    key = Key(pk="user", sk="{id}")

    def document(self) -> dict[str, Any]:
        """The user as the API shows it."""
        shown = ("id", "email", "roles", "disabled", "verified", "created_at", "updated_at")
        return {name: getattr(self, name) for name in shown}


class Login(Model, table=main):
    """That an address is a user's, and the hash of the password with which it signs in."""

    email: Attr[str]
    user: Attr[str]
    hash: Attr[str] = field(hidden=True)
    key = Key(pk="login#{email}", sk="-")


def normal(email: str) -> str | None:
    """The one form in which an address is stored and looked for; None if it cannot be one."""
    form = unicodedata.normalize("NFKC", email.strip()).casefold()
    return form if len(form.encode()) <= MAX_EMAIL and _EMAIL.fullmatch(form) else None


def sign_up(email: str, password: str, invitation: str | None, address: str) -> User:
    """Make a user. ``email`` is normal and ``password`` admissible; ``address`` is the caller's.

    Raises:
        SignupClosed: nobody can, or only with an invitation (403). InvalidToken: the invitation is not good (401).
        TooManyAttempts: 429. EmailTaken: 409. WriteContention: 409.
    """
    mode = settings.current().signup_mode
    if mode == "closed":
        raise SignupClosed("Users are made by an administrator's invitation only, and those are not taken now.")
    if mode == "invite" and invitation is None:
        raise SignupClosed("Signing up takes an invitation; send it as 'invitation'.")
    SIGN_UPS.take(attempts.network(address))
    invited = None if invitation is None else one_time.find(invitation, one_time.INVITATION)
    if invitation is not None and (invited is None or invited.email not in (None, email)):
        raise InvalidToken("This invitation is for another address, was used, or has ended.")
    now = ids.timestamp()
    roles = [] if invited is None else invited.roles
    user = User(id=secrets.token_hex(12), email=email, roles=roles, created_at=now, updated_at=now)
    login = Login(email=email, user=user.id, hash=passwords.digest(password))
    for _ in range(_ATTEMPTS):
        transaction = Transaction()
        transaction.create(login)
        transaction.create(user)
        if invited is not None:
            invited.use(transaction)
        try:
            transaction.run()
        except TransactionFailed as error:
            if error.contended:
                continue
            if error.reasons[0].failed:
                raise EmailTaken from None
            raise InvalidToken("This invitation was used.") from None
        return user
    raise WriteContention


def sign_in(email: str, password: str, address: str) -> User:
    """The user with this address and password.

    An address that nobody has takes the same calls and the same time as a wrong password, and is answered the same.

    Raises:
        InvalidCredentials: there is no such user, or they may not sign in (401).
        TooManyAttempts: the address, or the caller, has tried too often (429).
    """
    subject, caller = normal(email), attempts.network(address)
    if subject is None:
        raise InvalidCredentials
    login = _login(subject, caller)
    if login is None or not passwords.matches(password, login.hash):
        if login is None:
            passwords.matches(password, None)
        FAILURES.note(caller)
        raise InvalidCredentials
    user = User.get(consistent=True, id=login.user)
    if user is None or user.disabled:
        raise InvalidCredentials
    if passwords.is_outdated(login.hash):
        _set_password(login, password)
    return user


def _login(email: str, caller: str) -> Login | None:
    """What is stored of an address, for an attempt that is counted. Two calls, whether there is such a user or not."""
    found = get_together([(Login, {"email": email}), (Attempts, FAILURES.key(caller))], consistent=True)
    FAILURES.check(cast("Attempts | None", found[1]))
    GUESSES.take(email)
    return cast("Login | None", found[0])


def _set_password(login: Login, password: str) -> None:
    """Store the hash of a password, unless another has been set meanwhile."""
    update = Login.update(email=login.email).set(Login.hash, passwords.digest(password))
    try:
        update.when(Login.hash == login.hash).run("none")
    except ConditionFailed:
        return


def change_password(user_id: str, old: str, new: str, address: str) -> User:
    """Give a user another password, and end all their sessions; the user as they are now.

    Raises:
        InvalidCredentials: ``old`` is not their password (401). TooManyAttempts: 429.
        UserNotFound: there is no such user any more (404). WriteContention: 409.
    """
    user, caller = get(user_id), attempts.network(address)
    login = _login(user.email, caller)
    if login is None or user.disabled or not passwords.matches(old, login.hash):
        FAILURES.note(caller)
        raise InvalidCredentials("This is not the password.")
    _replace_password(user, new, login.hash, None)
    return get(user_id)


def request_reset(email: str, address: str) -> None:
    """Deliver a token with which a user can set another password. It takes the same calls for an address of nobody's.

    Raises:
        TooManyAttempts: it was asked for too often for this address, or by this caller (429).
    """
    subject, caller = normal(email), attempts.network(address)
    if subject is None:
        return
    found = get_together([(Login, {"email": subject}), (Attempts, FAILURES.key(caller))], consistent=True)
    FAILURES.check(cast("Attempts | None", found[1]))
    RESETS.take(subject)
    FAILURES.note(caller)
    login = cast("Login | None", found[0])
    text, token = one_time.make(
        one_time.RESET, RESET_SECONDS, user=None if login is None else login.user, email=subject
    )
    if token.user is not None:
        delivery.deliver(delivery.Message("password_reset", subject, text, RESET_SECONDS))


def confirm_reset(text: str, password: str, address: str) -> None:
    """Set another password with a token that was delivered, once, and end all the user's sessions.

    Raises:
        InvalidToken: it is none, was used, or has ended (401). TooManyAttempts: 429. WriteContention: 409.
    """
    caller = attempts.network(address)
    FAILURES.check(Attempts.get(consistent=True, **FAILURES.key(caller)))
    token = one_time.find(text, one_time.RESET)
    user = None if token is None or token.user is None else User.get(consistent=True, id=token.user)
    if user is None or token is None:
        FAILURES.note(caller)
        raise InvalidToken
    _replace_password(user, password, None, token)


def _replace_password(user: User, password: str, old: str | None, token: OneTimeToken | None) -> None:
    """Set the password, use the token, end the sessions: all or nothing."""
    digest = passwords.digest(password)
    for _ in range(_ATTEMPTS):
        login = Login.update(email=user.email).set(Login.hash, digest).when(Login.user == user.id)
        changed = User.update(id=user.id).add(User.generation, 1).set(User.updated_at, ids.timestamp())
        transaction = Transaction()
        transaction.update(login if old is None else login.when(Login.hash == old))
        transaction.update(changed if token is None else changed.set(User.verified, True))
        if token is not None:
            token.use(transaction)
        try:
            transaction.run()
        except TransactionFailed as error:
            if error.contended:
                continue
            raise (InvalidToken() if token is not None else WriteContention()) from None
        return
    raise WriteContention


def invite(email: str | None, roles: Sequence[str]) -> tuple[str, OneTimeToken]:
    """Make an invitation, for one address or for whoever has it; its text, and what is stored of it."""
    return one_time.make(one_time.INVITATION, INVITATION_SECONDS, email=email, roles=roles)


def get(user_id: str) -> User:
    """A user by their id.

    Raises:
        UserNotFound: 404.
    """
    user = User.get(consistent=True, id=user_id) if ID.fullmatch(user_id) else None
    if user is None:
        raise UserNotFound(f"There is no user {user_id[:80]!r}.")
    return user


def page(limit: int, after: str | None) -> Page[User]:
    """Users by their ids, which say nothing of when they came."""
    return User.query().consistent().limit(limit).after(after).run()


def change(user_id: str, roles: Sequence[str], *, disabled: bool) -> User:
    """Set what a user may do. Access tokens say so from their next refresh on; of one who is disabled, sessions end.

    Raises:
        UserNotFound: 404.
    """
    user = get(user_id)
    update = (
        User.update(id=user.id)
        .set(User.roles, list(roles))
        .set(User.disabled, disabled)
        .set(User.updated_at, ids.timestamp())
    )
    try:
        return (update.add(User.generation, 1) if disabled else update).run()
    except ConditionFailed:
        raise UserNotFound(f"There is no user {user_id!r} any more.") from None


def delete(user_id: str) -> None:
    """Delete a user. The address is free again.

    Raises:
        UserNotFound: 404. WriteContention: 409.
    """
    user = get(user_id)
    for _ in range(_ATTEMPTS):
        transaction = Transaction()
        transaction.delete(User, when=User.id.exists(), id=user.id)
        transaction.delete(Login, when=Login.user == user.id, email=user.email)
        try:
            transaction.run()
        except TransactionFailed as error:
            if error.contended:
                continue
            raise UserNotFound(f"There is no user {user_id!r} any more.") from None
        return
    raise WriteContention


def end_sessions(user_id: str) -> None:
    """Sign a user out everywhere: no refresh token of now is good any more."""
    try:
        User.update(id=user_id).add(User.generation, 1).run("none")
    except ConditionFailed:
        return
