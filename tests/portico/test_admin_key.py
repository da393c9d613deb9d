from __future__ import annotations

import stat
from pathlib import Path

import pytest

from chalicelib.access import keys
from portico import admin_key
from portico.data import DataDirectory
from portico.errors import CommandError


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory.at(tmp_path)


@pytest.mark.usefixtures("table")
def test_the_key_is_made_once_and_only_its_owner_can_read_it(data: DataDirectory) -> None:
    key = admin_key.ensure(data)
    assert admin_key.ensure(data) == key
    assert admin_key.for_client(data, {}) == key
    assert stat.S_IMODE(data.admin_key.stat().st_mode) == 0o600
    principal = keys.authenticate(key)
    assert principal is not None
    assert principal.roles == {"admin"}


@pytest.mark.usefixtures("table")
def test_a_file_with_something_else_than_a_key_is_replaced(data: DataDirectory) -> None:
    data.admin_key.write_text("not a key\n")
    key = admin_key.ensure(data)
    assert keys.authenticate(key) is not None
    assert data.admin_key.read_text() == key + "\n"


def test_a_command_sends_the_users_own_key_first(data: DataDirectory) -> None:
    data.admin_key.write_text("kept\n")
    assert admin_key.for_client(data, {"PORTICO_ADMIN_KEY": "my-own-key"}) == "my-own-key"
    assert admin_key.for_client(data, {}) == "kept"


def test_no_key_or_an_unreadable_one_is_one_sentence(data: DataDirectory) -> None:
    with pytest.raises(CommandError, match="make run"):
        admin_key.for_client(data, {})
    data.admin_key.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="cannot be read"):
        admin_key.for_client(data, {})
