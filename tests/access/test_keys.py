from __future__ import annotations

import hmac
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.access import keys
from chalicelib.access.keys import ApiKey
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.dynamo import session
from chalicelib.settings import Settings
from tests.dynamo.wire import assert_all_valid

FORM = re.compile(r"pk_([0-9a-z]{12})_[0-9A-Za-z_-]{43}([0-9a-f]{8})")


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
    made = keys.create(roles=("editor", "reader"))
    with session.default().recording() as recorder:
        assert keys.authenticate(made.secret) == Principal(f"key:{made.id}", "key", frozenset({"editor", "reader"}))
    assert recorder.operations == ["GetItem"]
    assert recorder.calls[0].parameters["ConsistentRead"] is True  # a key that was deleted is nobody's at once
    assert_all_valid(recorder.calls)


def test_a_key_without_roles_has_none(table: str) -> None:
    principal = keys.authenticate(keys.create(roles=()).secret)
    assert principal is not None
    assert principal.roles == frozenset()


def test_a_key_that_is_not_stored_is_nobodys(table: str) -> None:
    assert keys.authenticate(key_text()) is None


def test_another_secret_of_a_stored_id_is_nobodys(table: str) -> None:
    made = keys.create()
    assert keys.authenticate(key_text(made.id)) is None


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
        key_text(secret="é" * 43),
        key_text(secret="S" * 42),
        "pk_0123456789ab_" + "S" * 43 + "\u0661" * 8,
    ],
)
def test_a_malformed_key_is_refused_without_a_call(table: str, token: str) -> None:
    with session.default().recording() as recorder:
        assert keys.authenticate(token) is None
    assert recorder.calls == []


@given(st.integers(0, 66), st.characters(codec="utf-8"))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    text = key_text()
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


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_header_is_bearer_in_any_case(table: str, scheme: str) -> None:
    with settings.override(admin_key="chosen"):
        assert keys.of_header(f"{scheme} chosen") is not None
        assert keys.of_header(f"{scheme}  chosen ") is not None
        assert keys.of_header(f"{scheme} other") is None


@pytest.mark.parametrize("header", ["", "chosen", "Basic chosen", "Bearer", "Bearerchosen", "Bearer\tchosen"])
def test_no_other_header_is_a_key(table: str, header: str) -> None:
    with settings.override(admin_key="chosen"):
        assert keys.of_header(header) is None
