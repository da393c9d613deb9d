"""The sessions that a page of the documentation shows: their commands run, their outputs compared."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.portico.commands import Server, environment

PROJECT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", re.MULTILINE)
_MADE = {
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z": "(moment)",
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}": "(id)",
    r'"next":"[\w-]+"': '"next":"(cursor)"',
    r"\r\n": "\n",
}
"""What differs from run to run, and what stands for it in a comparison."""


class Step(NamedTuple):
    """A command, and what it prints; None where the page does not say."""

    command: str
    output: str | None


def steps(page: str, containing: str = "") -> list[Step]:
    """The commands of a page's blocks with this text in them: ``console`` shows outputs, ``sh`` does not.

    A command may go on in lines with bash's second prompt, ``> ``.
    """
    found: list[Step] = []
    for kind, block in _BLOCK.findall(page):
        if containing in block:
            found += [Step(block, None)] if kind == "sh" else _shown(block)
    return found


def _shown(block: str) -> list[Step]:
    return [Step(command.rstrip("\n").replace("\n> ", "\n"), output) for command, output in _STEP.findall(block)]


def run(script: str, server: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """What bash prints in a folder, the page's address and key being the test's own."""
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
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def outputs(given: list[Step], server: Server, folder: Path) -> list[str]:
    """What each command prints on a terminal, all of them in one shell."""
    script = "\n".join(["exec 2>&1", *[f"{step.command}\necho ---" for step in given]])
    printed = run(script, server, folder).stdout
    return printed.split("---\n")[:-1]


def normal(output: str) -> str:
    """An output without what differs from run to run."""
    for pattern, name in _MADE.items():
        output = re.sub(pattern, name, output)
    return output
