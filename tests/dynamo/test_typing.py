from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import chalicelib.dynamo
from chalicelib.dynamo import Model, main
from chalicelib.dynamo.session import Recorder

PROJECT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).with_name("typing_examples.py")
IMPORTS = "from chalicelib.dynamo import Attr, Index, Key, Model, field, main, version\n"
COMMANDS = {
    "mypy": ["mypy", "--strict", "--show-absolute-path", "--no-error-summary"],
    "pyright": ["pyright", "--outputjson", "--pythonpath", sys.executable],
}


def guide() -> str:
    """The example that the package's documentation begins with."""
    text = str(chalicelib.dynamo.__doc__)
    indented = text.partition("Typical use::\n")[2].partition("\n``session``")[0]
    return IMPORTS + textwrap.dedent(indented)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each checker writes of the examples and the guide; they work side by side."""
    shown = tmp_path_factory.mktemp("typing") / "guide.py"
    shown.write_text(guide())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYRIGHT_", "COVERAGE_"))}
    running = {
        checker: subprocess.Popen(
            [sys.executable, "-m", *command, str(EXAMPLES), str(shown)],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for checker, command in COMMANDS.items()
    }
    answers = {checker: process.communicate() for checker, process in running.items()}
    for checker, process in running.items():
        assert process.returncode == 1, f"{checker}: {answers[checker]}"
    return {checker: answer for checker, (answer, _) in answers.items()}


def errors(checker: str, report: str) -> Iterator[tuple[str, int, str]]:
    """The name of the file, the line and the message of each error."""
    if checker == "pyright":
        for each in json.loads(report)["generalDiagnostics"]:
            if each["severity"] == "error":
                yield Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"]
    else:
        for file, line, message in re.findall(r"^(.+?):(\d+): error: (.*)$", report, re.MULTILINE):
            yield Path(file).name, int(line), message


@pytest.mark.parametrize("checker", COMMANDS)
def test_wrong_uses_are_refused_and_right_ones_accepted(checker: str, reports: dict[str, str]) -> None:
    lines = enumerate(EXAMPLES.read_text().splitlines(), 1)
    marked = {line for line, text in lines if re.search(rf"  # error(: {checker})?$", text)}
    refused = {line: message for file, line, message in errors(checker, reports[checker]) if file == EXAMPLES.name}
    assert {line: refused.get(line) for line in marked | refused.keys() if (line in marked) != (line in refused)} == {}


@pytest.mark.parametrize("checker", COMMANDS)
def test_the_guide_is_right_to_checkers(checker: str, reports: dict[str, str]) -> None:
    files = Counter(file for file, _, _ in errors(checker, reports[checker]))
    assert files.keys() == {EXAMPLES.name}


def test_the_guide_runs(recorder: Recorder) -> None:
    defined: dict[str, type[Model]] = {"__name__": __name__}  # type: ignore[dict-item]
    exec(compile(guide(), "guide", "exec", dont_inherit=True), defined)
    book = defined["Book"].get(isbn="1")
    assert book is not None
    assert recorder.operations == ["PutItem", "UpdateItem", "Query", "GetItem"]
    assert defined["Book"].table is main


def test_the_examples_are_a_module() -> None:
    assert importlib.import_module("tests.dynamo.typing_examples").Book.type_name == "book"
