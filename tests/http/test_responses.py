from __future__ import annotations

import json

import pytest

from chalicelib.http import responses


def test_an_entity_tag_is_the_version_in_quotes() -> None:
    assert responses.versioned({"version": 7}).headers["ETag"] == '"7"'


def test_nothing_is_an_empty_text_because_chalice_local_corrupts_the_connection_otherwise() -> None:
    for response in (responses.nothing(), responses.not_modified(1)):
        assert response.body == ""


@pytest.mark.parametrize("text", ["", "abc", '{"a": "b\\n"}', "é語🍕", '"' * 10, "\\" * 10])
def test_the_size_of_a_text_is_what_it_takes_within_lambdas_answer(text: str) -> None:
    assert responses.size(text) == len(json.dumps(text, ensure_ascii=False).encode()) - 2
