from __future__ import annotations

import hmac
import re
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.access import keys, opaque
from chalicelib.access.keys import ApiKey
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.dynamo import session
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import main
from chalicelib.settings import Settings
from tests.dynamo.wire import assert_all_valid
from tests.support.clocks import Clock

FORM = re.compile(r"pk_([0-9a-z]{12})_[0-9A-Za-z_-]{43}([0-9a-f]{8})")


def used(**options: Any) -> keys.NewKey:
    """A key whose use has been noted for this hour."""
    made = keys.create(**options)
    assert keys.authenticate(made.secret) is not None
    return made


def key_text(key_id: str = "0123456789ab", secret: str = "S" * 43) -> str:
    body = f"pk_{key_id}_{secret}"
    return f"{body}{zlib.crc32(body.encode()):08x}"


def test_a_key_is_its_id_its_secret_and_a_checksum(table: str) -> None:
    made = keys.create()
    match = FORM.fullmatch(made.secret)
    assert match is not None
    assert match[1] == made.id
    assert int(match[2], 16) == zlib.crc32(made.secret[:-8].encode())
    assert keys.create().secret != made.secret


def test_only_a_hash_of_a_key_is_stored(table: str) -> None:
    made = keys.create(name="mine")
    stored = ApiKey.get(id=made.id)
    assert stored is not None
    assert (stored.name, stored.roles) == ("mine", [ADMIN])
    assert re.fullmatch("[0-9a-f]{64}", stored.hash)
    assert made.secret.split("_", 2)[2] not in repr(stored)


def test_a_key_is_its_principal_in_one_read(table: str) -> None:
    made = used(roles=("editor", "reader"))
    with session.default().recording() as recorder:
        assert keys.authenticate(made.secret) == Principal(f"key:{made.id}", "key", frozenset({"editor", "reader"}))
    assert recorder.operations == ["GetItem"]
    assert recorder.calls[0].parameters["ConsistentRead"] is True  # a key that was deleted is nobody's at once
    assert_all_valid(recorder.calls)


def test_a_principal_has_what_the_key_has(table: str) -> None:
    made = keys.create(roles=("editor",), scopes=("books:read", "*:list"), plan="free")
    expected = Principal(f"key:{made.id}", "key", frozenset({"editor"}), frozenset({"books:read", "*:list"}), "free")
    assert keys.authenticate(made.secret) == expected
    nothing = keys.authenticate(keys.create(scopes=()).secret)
    assert nothing is not None
    assert (nothing.scopes, nothing.may("read", "books")) == (frozenset(), False)


def test_a_key_without_roles_has_none(table: str) -> None:
    principal = keys.authenticate(keys.create(roles=()).secret)
    assert principal is not None
    assert principal.roles == frozenset()


def test_a_key_that_is_not_stored_is_nobodys(table: str) -> None:
    assert keys.authenticate(key_text()) is None


def test_another_secret_of_a_stored_id_is_nobodys(table: str) -> None:
    made = keys.create()
    assert keys.authenticate(key_text(made.id)) is None


def test_an_unknown_id_takes_the_calls_and_comparisons_of_a_wrong_secret(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, compared = used(), []

    def counting(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", counting)
    seen = []
    for key_id in (made.id, "nobody"):
        compared.clear()
        with session.default().recording() as recorder:
            assert keys.authenticate(key_text(key_id)) is None
        seen.append((recorder.operations, list(compared)))
    assert seen[0] == seen[1] == (["GetItem"], [(64, 64), (64, 64)])


def test_no_text_has_the_hash_that_stands_for_none(table: str) -> None:
    made = keys.create()
    ApiKey.update(id=made.id).set(ApiKey.previous_hash, "1" * 64).set(ApiKey.previous_ends_at, 2**40).run()
    assert keys.authenticate(key_text(made.id)) is None
    assert keys.authenticate(made.secret) is not None


def test_a_deleted_key_is_nobodys(table: str) -> None:
    made = keys.create()
    assert keys.authenticate(made.secret) is not None
    ApiKey.delete(id=made.id)
    assert keys.authenticate(made.secret) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "pk_",
        "x" * 67,
        key_text()[:-1],
        key_text() + "0",
        key_text() + "\n",
        " " + key_text(),
        key_text()[:-1] + ("0" if key_text()[-1] != "0" else "1"),
        key_text().replace("S", "T", 1),
        key_text().upper(),
        key_text("0123456789AB"),
        key_text("-abc"),
        key_text("abc-"),
        key_text("a_b"),
        key_text("a" * 41),
        key_text(""),
        key_text("configured"),
        key_text(secret="é" * 43),
        key_text(secret="S" * 42),
        "pk_0123456789ab_" + "S" * 43 + "\u0661" * 8,
    ],
)
def test_a_malformed_key_is_refused_without_a_call(table: str, token: str) -> None:
    with session.default().recording() as recorder:
        assert keys.authenticate(token) is None
    assert recorder.calls == []


@pytest.mark.parametrize("key_id", ["a", "mobile-app", "7", "a--b", "a" * 40])
def test_an_id_of_the_callers_own_is_in_the_text(table: str, key_id: str) -> None:
    text = keys.new_secret(key_id)
    assert text.startswith(f"pk_{key_id}_")
    assert keys.create(secret=text).id == key_id
    principal = keys.authenticate(text)
    assert principal is not None
    assert principal.id == f"key:{key_id}"


@given(st.integers(0, 66), st.characters(codec="utf-8"), st.sampled_from(["0123456789ab", "mobile-app", "a"]))
def test_one_wrong_character_is_noticed(place: int, wrong: str, key_id: str) -> None:
    text = key_text(key_id)
    place = min(place, len(text) - 1)
    typed = text[:place] + wrong + text[place + 1 :]
    # A CRC-32 finds every error of up to 32 bits in a row.
    assert (keys._id_of(typed) is None) == (typed != text)


def test_a_key_whose_text_is_known_is_stored_again(table: str) -> None:
    text = key_text()
    assert keys.create(roles=("editor",), secret=text) == keys.NewKey("0123456789ab", text)
    keys.create(roles=("reader",), name="again", secret=text)
    assert keys.authenticate(text) == Principal("key:0123456789ab", "key", frozenset({"reader"}))


@pytest.mark.parametrize("text", ["", "password", key_text()[:-1], key_text() + " "])
def test_a_text_that_is_no_key_is_not_stored(table: str, text: str) -> None:
    with session.default().recording() as recorder, pytest.raises(ValueError, match="not the text of a key"):
        keys.create(secret=text)
    assert recorder.calls == []


@pytest.mark.parametrize("configured", ["a key of any form", "schlüssel", key_text()])
def test_the_configured_key_is_an_administrators_without_a_call(table: str, configured: str) -> None:
    with settings.override(admin_key=configured), session.default().recording() as recorder:
        principal = keys.authenticate(configured)
        assert keys.authenticate(configured + "x") is None
    assert principal == Principal("key:configured", "key", frozenset({ADMIN}))
    assert recorder.calls == []


def test_no_configured_key_is_no_empty_key(table: str) -> None:
    with settings.override(admin_key=Settings.from_environment({"PORTICO_ADMIN_KEY": ""}).admin_key):
        assert keys.authenticate("") is None


def test_a_configured_key_does_not_count_in_lambda() -> None:
    environ = {"PORTICO_ADMIN_KEY": "chosen", "PORTICO_STAGE": "local"}
    assert Settings.from_environment(environ).admin_key == "chosen"
    assert Settings.from_environment({**environ, "AWS_LAMBDA_FUNCTION_NAME": "api"}).admin_key is None


def test_secrets_are_compared_in_constant_time(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keys.create()
    compared: list[tuple[object, object]] = []

    def counting(one: str | bytes, other: str | bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", counting)
    stored = ApiKey.get(id=made.id)
    assert stored is not None
    with settings.override(admin_key="chosen"):
        keys.authenticate(made.secret)
    assert (made.secret.encode(), b"chosen") in compared
    assert (stored.hash, stored.hash) in compared


def last_used_at(made: keys.NewKey) -> int | None:
    stored = ApiKey.get(consistent=True, id=made.id)
    assert stored is not None
    return stored.last_used_at


def test_an_expired_key_is_nobodys(table: str, clock: Clock) -> None:
    made = keys.create()
    ApiKey.update(id=made.id).set(ApiKey.expires_at, int(clock.now()) + 60).run()
    assert keys.authenticate(made.secret) is not None
    clock.move(60)
    with session.default().recording() as recorder:
        assert keys.authenticate(made.secret) is None
    assert recorder.operations == ["GetItem"]


def test_the_secret_before_a_rotation_is_good_until_its_end(table: str, clock: Clock) -> None:
    made = keys.create()
    text = keys.new_secret(made.id)
    ends = int(clock.now()) + 60
    update = ApiKey.update(id=made.id).set(ApiKey.hash, opaque.digest(text))
    update.set(ApiKey.previous_hash, opaque.digest(made.secret)).set(ApiKey.previous_ends_at, ends).run()
    assert keys.authenticate(text) is not None
    assert keys.authenticate(made.secret) == keys.authenticate(text)
    clock.move(60)
    assert keys.authenticate(made.secret) is None
    assert keys.authenticate(text) is not None


def test_the_last_use_is_stored_once_an_hour(table: str, clock: Clock) -> None:
    clock.stop()
    made = keys.create()
    assert last_used_at(made) is None
    operations = []
    for moment in (0, 1, 3598, 1, 1, 3600, 7200):
        clock.move(moment)
        with session.default().recording() as recorder:
            assert keys.authenticate(made.secret) is not None
        operations.append(len(recorder.operations))
        assert_all_valid(recorder.calls)
    assert operations == [2, 1, 1, 2, 1, 2, 2]
    assert last_used_at(made) == int(clock.now())


def test_what_another_process_has_stored_is_not_stored_again(table: str, clock: Clock) -> None:
    made = used()
    stored = last_used_at(made)
    keys._noted.clear()
    with session.default().recording() as recorder:
        assert keys.authenticate(made.secret) is not None
    assert recorder.operations == ["GetItem"]
    assert last_used_at(made) == stored


def test_a_key_that_is_not_good_is_not_used(table: str) -> None:
    made = keys.create()
    assert keys.authenticate(key_text(made.id)) is None
    assert last_used_at(made) is None


def test_a_last_use_does_not_bring_a_revoked_key_back(table: str) -> None:
    made = keys.create()
    stored = ApiKey.get(consistent=True, id=made.id)
    assert stored is not None
    ApiKey.delete(id=made.id)
    keys._note_use(stored)
    assert ApiKey.get(consistent=True, id=made.id) is None


def test_a_key_is_good_though_its_last_use_cannot_be_stored_and_that_is_tried_once_an_hour(
    table: str, clock: Clock, unreachable: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = ApiKey.get(consistent=True, id=keys.create().id)
    assert stored is not None
    with monkeypatch.context() as patched:
        patched.setattr(main, "_connect", unreachable)
        with unreachable().recording() as recorder:
            keys._note_use(stored)
            keys._note_use(stored)
            clock.move(3600)
            keys._note_use(stored)
    assert recorder.operations == ["UpdateItem"] * 2


def test_what_a_process_remembers_of_uses_is_bounded(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MAX_NOTED", 2)
    for _ in range(5):
        used()
    assert len(keys._noted) <= 2


def test_a_key_from_before_there_were_versions_is_good(table: str) -> None:
    text = key_text()
    old = {"pk": "key", "sk": "0123456789ab", "hash": opaque.digest(text), "name": "", "created_at": "2026-01-01"}
    item = {**{name: {"S": value} for name, value in old.items()}, "roles": {"L": [{"S": "admin"}]}}
    main.call("PutItem", {"Item": item})
    assert keys.authenticate(text) == Principal("key:0123456789ab", "key", frozenset({ADMIN}))
    stored = ApiKey.get(consistent=True, id="0123456789ab")
    assert stored is not None
    assert stored.document()["version"] == 1


def test_a_document_has_nothing_of_the_secrets(table: str) -> None:
    made = used()
    stored = ApiKey.get(consistent=True, id=made.id)
    assert stored is not None
    for shown in (stored.document(), stored.to_dict()):
        assert "hash" not in shown
        assert stored.hash not in repr(shown)
