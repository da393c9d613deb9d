from __future__ import annotations

import re

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from chalicelib.access import passwords


def test_a_password_matches_its_hash_and_no_other_does() -> None:
    stored = passwords.digest("correct horse")
    assert passwords.matches("correct horse", stored)
    assert not passwords.matches("correct horsf", stored)
    assert not passwords.matches("", stored)


def test_the_same_password_has_another_hash_each_time() -> None:
    assert passwords.digest("correct horse") != passwords.digest("correct horse")


def test_a_hash_is_argon2id_as_owasp_has_it() -> None:
    stored = passwords.digest("correct horse")
    parameters = extract_parameters(stored)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID, 19456, 2, 1,
    )  # fmt: skip
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert not passwords.is_outdated(stored)


def test_without_a_hash_nothing_matches_at_the_same_cost() -> None:
    assert not passwords.matches("correct horse", None)
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(passwords.digest("x"))


@pytest.mark.parametrize("stored", ["", "junk", "$argon2id$v=19$m=8", "$2b$12$abcdefghijklmnopqrstuv", "correct horse"])
def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    assert not passwords.matches("correct horse", stored)


@pytest.mark.parametrize("stored", ["$argon2id$v=19$m=8192,t=2,p=1$a$b", "$argon2i$v=19$m=19456,t=2,p=1$a$b"])
def test_a_hash_with_other_parameters_is_outdated(stored: str) -> None:
    assert passwords.is_outdated(stored)


def test_accents_are_the_same_however_they_are_composed() -> None:
    assert passwords.matches("cafe\u0301 au lait", passwords.digest("caf\u00e9 au lait"))


@pytest.mark.parametrize(
    ("password", "admissible"),
    [("x" * 9, False), ("x" * 10, True), ("ключ" * 3, True), ("x" * 256, True), ("x" * 257, False), ("", False)],
)
def test_the_length_is_what_counts(password: str, admissible: bool) -> None:
    assert passwords.is_admissible(password) is admissible


def test_the_rule_says_the_bounds() -> None:
    assert re.findall(r"\d+", passwords.RULE) == ["10", "256"]
