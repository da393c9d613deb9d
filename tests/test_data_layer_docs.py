"""The program of docs/data-layer.md, run as it stands there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "data-layer.md"


def test_the_program_of_the_page_runs(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text()
    module = types.ModuleType("data_layer_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in re.finditer(r"```python\n(.*?)```", page, re.DOTALL):
        line = page[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), vars(module))
