"""The figures' tables, as Markdown and in the documentation; and what is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import dynamo, markdown, where
from bench.table import Figure

FIGURES = [Figure("get: boto3", 120, 480, "us", at_most=1.0), Figure("put: boto3", 9.04, 3, "us", at_most=2)]
TABLE = """\
| figure | ours | peer | ratio | target | holds |
| --- | ---: | ---: | ---: | ---: | --- |
| get: boto3 | 120 us | 480 us | 0.25x | <= 1x | yes |
| put: boto3 | 9.0 us | 3.0 us | 3.01x | <= 2x | NO |"""


def test_figures_as_markdown_have_the_cells_of_the_printed_table() -> None:
    assert markdown.table(FIGURES) == TABLE


def test_a_table_replaces_the_one_of_its_mark_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n<!-- make it -->\nold\n<!-- end of make it -->\nAfter.\n")
    for _ in range(2):
        markdown.place(TABLE, page, "make it")
    assert page.read_text() == f"# Before\n<!-- make it -->\n\n{TABLE}\n\n<!-- end of make it -->\nAfter.\n"


@pytest.mark.parametrize("text", ["", "<!-- make it -->\n", "<!-- end of make it -->\n"])
def test_a_page_without_the_mark_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match=r"page\.md has no place for make it"):
        markdown.place(TABLE, page, "make it")
    assert page.read_text() == text


def test_the_page_of_the_data_layer_has_every_figure_in_the_order_of_the_command() -> None:
    _, found, table = dynamo.PAGE.read_text().partition(f"<!-- {dynamo.MARK} -->\n")
    assert found
    rows = [line.strip("| ").split(" | ")[0] for line in table.splitlines() if line.startswith("|")]
    assert rows[2:] == dynamo.names()


def test_the_conditions_of_the_where_language_are_true_of_some_records_and_false_of_others() -> None:
    assert len(where.PAIRS) == 20
    for text, _ in where.PAIRS:
        assert {where.ours(text)(record) for record in where.RECORDS} == {True, False}


def test_another_answer_is_refused() -> None:
    programs = [where.ours(text) for text, _ in where.PAIRS]
    where.check(programs, where.RECORDS)
    with pytest.raises(RuntimeError, match=r"year >= 1970 is not (True|False) of"):
        where.check([programs[1], *programs[1:]], where.RECORDS)
