"""The session of docs/queries.md, run as it stands there, and its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.collections import definitions, key_texts, listing, planning
from chalicelib.http import responses
from chalicelib.schema import definition
from chalicelib.settings import Settings
from tests.portico.commands import Server
from tests.support import sessions

PAGE = (sessions.PROJECT / "docs" / "queries.md").read_text()
TEXT = " ".join(PAGE.split())


def test_the_session_is_a_real_one(tmp_path: Path) -> None:
    steps = sessions.steps(PAGE)
    with Server(tmp_path) as server:
        printed = sessions.outputs(steps, server, tmp_path)
    for (command, output), real in zip(steps, printed, strict=True):
        assert output is None or sessions.normal(real) == sessions.normal(output), command


AWS, LOCAL = Settings(), Settings.from_environment({"PORTICO_STAGE": "local"})


@pytest.mark.parametrize(
    "said",
    [
        f"looked at {listing.MAX_SCANNED:,} records",
        f"more than {listing.MAX_COUNT_CALLS} calls",
        f"at most {planning.MAX_STRETCHES} queries",
        f"first {key_texts.MAX_SORTED} characters",
        f"{definitions.CACHE_SECONDS:.0f} s, and the longest that a write may take",
        f"({AWS.longest_write:.0f} s; on your machine {LOCAL.longest_write:.0f} s)",
        f"below {responses.MAX_BYTES / 1e6} MB of answer",
    ],
)
def test_its_numbers_are_those_of_the_code(said: str) -> None:
    assert said in TEXT


def test_it_says_how_many_indexes_there_may_be() -> None:
    assert definition.MAX_INDEXES == 5
    assert "at most five a collection" in TEXT
