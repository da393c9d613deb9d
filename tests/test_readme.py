"""The README's commands, run as they stand there, give what it says they give."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.portico.commands import Server, environment

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
_MADE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")


def session(containing: str) -> list[tuple[str, str]]:
    """The commands of the console block with this text in it, each with the output that follows it."""
    (block,) = [block for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if containing in block]
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    return [(command, output) for command, output in steps]


def run(script: str, server: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """What bash prints in a folder, the README's address and key being the test's own."""
    script = script.replace("http://127.0.0.1:8000", server.url).replace("pk_...", server.key)
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(server.data, PORTICO_PORT=server.port, PYTHONPATH=str(PROJECT)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


def normal(output: str) -> str:
    return _MADE.sub("(moment)", output)


def test_the_session_on_the_first_screen_is_a_real_one(tmp_path: Path) -> None:
    steps = session("The Dispossessed")
    server = Server(tmp_path)
    with server:
        printed = run("\n".join(f"{command}\necho ---" for command, _ in steps), server, tmp_path).stdout
    assert [normal(output) for output in printed.split("---\n")[:-1]] == [normal(output) for _, output in steps]


def test_a_real_data_set_goes_in_and_comes_out_as_it_was(tmp_path: Path) -> None:
    steps = session("npm pack")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    server = Server(tmp_path / "data")
    with server:
        for command, output in steps:
            printed = run(command, server, tmp_path)
            assert output in printed.stdout + printed.stderr
        bare = run(".venv/bin/python -m portico export --collection movies --bare", server, tmp_path).stdout
    rows = json.loads((tmp_path / "package/data/movies.json").read_text())
    assert [json.loads(line) for line in bare.splitlines()] == rows
