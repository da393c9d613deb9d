"""Tables of figures as Markdown, and their place in a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.table import HEADINGS, Figure

_ALIGNMENT = ("---", *["---:"] * (len(HEADINGS) - 2), "---")


def table(figures: Sequence[Figure]) -> str:
    """The table that ``bench.table.render`` prints."""
    rows = [HEADINGS, _ALIGNMENT, *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def place(content: str, page: Path, mark: str) -> None:
    """Put something between the page's comments ``<!-- mark -->`` and ``<!-- end of mark -->``.

    Raises:
        ValueError: the page lacks one of them.
    """
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- end of {mark} -->\n")
    if not found or not end:
        raise ValueError(f"{page.name} has no place for {mark}")
    page.write_text(f"{before}{found}\n{content}\n\n{end}{after}", encoding="utf-8")
