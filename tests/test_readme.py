"""The README's commands, run as they stand there, give what it says they give."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.portico.commands import Server
from tests.support import sessions

README = (sessions.PROJECT / "README.md").read_text()
FIRST_SCREEN = sessions.steps(README, "The Dispossessed")
DATA_SET = sessions.steps(README, "npm pack")


def test_the_session_on_the_first_screen_is_a_real_one(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        printed = sessions.outputs(FIRST_SCREEN, server, tmp_path)
    assert [sessions.normal(output) for output in printed] == [
        sessions.normal(step.output or "") for step in FIRST_SCREEN
    ]


def test_a_real_data_set_goes_in_is_queried_and_comes_out_as_it_was(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    names = [step for step in FIRST_SCREEN if step.output == ""]
    with Server(tmp_path / "data") as server:
        printed = sessions.outputs([*names, *DATA_SET], server, tmp_path)[len(names) :]
        bare = sessions.run(".venv/bin/python -m portico export --collection movies --bare", server, tmp_path).stdout
    for (command, output), real in zip(DATA_SET, printed, strict=True):
        assert sessions.normal(real) == sessions.normal(output or ""), command
    rows = json.loads((tmp_path / "package/data/movies.json").read_text())
    assert [json.loads(line) for line in bare.splitlines()] == rows
