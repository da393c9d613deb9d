"""The documentation names everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.errors import TransactionCanceled, problem_classes
from chalicelib.http.endpoints import CANCELED_STATUSES, ENDPOINTS, Endpoint

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def rows(page: str) -> list[list[str]]:
    """The cells of every table row of a page, without the code marks."""
    text = (DOCS / page).read_text()
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]


def test_every_error_code_is_documented_with_its_status() -> None:
    documented = {
        row[0]: row[1] for row in rows("errors.md") if re.fullmatch("[a-z_]+", row[0]) and row[1][:1].isdigit()
    }
    expected = {
        cls.code: ", ".join(map(str, CANCELED_STATUSES)) if cls is TransactionCanceled else str(cls.status)
        for cls in problem_classes()
    }
    assert documented == expected


def test_every_setting_is_documented() -> None:
    sources = [*(PROJECT / "chalicelib").rglob("*.py"), *(PROJECT / "portico").rglob("*.py"), PROJECT / "app.py"]
    read = {name for source in sources for name in re.findall(r"\bPORTICO_[A-Z_]*[A-Z]\b", source.read_text())}
    documented = {row[0] for row in rows("configuration.md") if row[0].startswith("PORTICO_")}
    assert documented == read


COMMON = {400, 401, 403, 500, 503}


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_endpoint_is_documented_with_its_statuses(endpoint: Endpoint) -> None:
    documented = {row[0]: row for row in rows("http-api.md")}
    row = documented[f"{endpoint.method} {endpoint.path}"]
    statuses = set(endpoint.answers)
    for cls in endpoint.every_problem():
        statuses |= set(CANCELED_STATUSES) if cls is TransactionCanceled else {cls.status}
    assert row[2] == ", ".join(map(str, sorted(statuses - COMMON)))


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_query_parameter_is_documented(endpoint: Endpoint) -> None:
    (row,) = [row for row in rows("http-api.md") if row[0] == f"{endpoint.method} {endpoint.path}"]
    assert all(f"`{name}" in row[1] + "`" for name in endpoint.query)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_make_target_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named <= targets
