from __future__ import annotations

import time
import uuid

import pytest

from chalicelib.collections import ids


def test_new_ids_are_uuids_of_version_7() -> None:
    made = uuid.UUID(ids.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_new_ids_of_one_process_grow() -> None:
    made = [ids.new_id() for _ in range(5000)]
    assert made == sorted(set(made))


def test_the_time_of_a_new_id_is_now() -> None:
    before = time.time_ns() // 1_000_000
    moment = ids.time_of(ids.new_id())
    assert moment is not None
    assert before <= moment <= time.time_ns() // 1_000_000 + 1


@pytest.mark.parametrize(
    "text",
    ["a", "", str(uuid.UUID(int=0)), "67575999-7ff1-473d-8b91-0dc2c6dc2194", "01A1FDF7-B163-75A3-8DB9-E22F853F0C93"],
)
def test_other_ids_have_no_time(text: str) -> None:
    assert ids.time_of(text) is None


@pytest.mark.parametrize("text", ["a", "0", "A-b_c.d~e:f@g=h+i,j", "...", ".a", "x" * 128])
def test_an_id_is_of_characters_that_need_no_encoding_in_a_path(text: str) -> None:
    assert ids.ID.match(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "a%2Fb", "ä", "a\n", "x" * 129, "a#b", "a?b", "a\0"])
def test_what_no_id_can_be(text: str) -> None:
    assert ids.ID.match(text) is None


@pytest.mark.parametrize("text", ["a", "Books", "a-b_c9", "x" * 64])
def test_what_a_collection_can_be_called(text: str) -> None:
    assert ids.NAME.match(text)


@pytest.mark.parametrize("text", ["", "9a", "_a", "a.b", "a#b", "ä", "a\n", "x" * 65])
def test_what_a_collection_cannot_be_called(text: str) -> None:
    assert ids.NAME.match(text) is None
