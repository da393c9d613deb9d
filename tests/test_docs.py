"""The documentation names everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.access import audit
from chalicelib.collections import jobs
from chalicelib.errors import TransactionCanceled, problem_classes
from chalicelib.http import schemas
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


COMMON = {400, 401, 403, 429, 500, 503}


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


def section(page: str, heading: str) -> str:
    """A section of a page, up to the next heading of whatever level."""
    found = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def test_every_member_of_a_query_and_of_its_explanation_is_documented() -> None:
    general = schemas.general()
    body, plan = first_cells(section("http-api.md", "Queries")), ["index", "served", "scanned"]
    assert sorted(body) == sorted([*general["Query"]["properties"], *plan])
    assert sorted(first_cells(section("http-api.md", "Explain"))) == sorted(general["Explanation"]["properties"])


def test_every_kind_of_job_is_documented_with_its_counts() -> None:
    (row,) = [row for row in rows("http-api.md") if row[0] == "GET /v1/jobs/{id}"]
    for name, kind in jobs._KINDS.items():
        assert f"`{name}` with " + " and ".join(f"`{count}`" for count in kind.counts) in row[1] + "`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_make_target_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named <= targets


def test_every_action_of_the_audit_trail_is_documented() -> None:
    documented = {action for row in rows("keys.md") for action in re.findall(r"\w+\.[a-z]+(?=`|$|,)", row[0])}
    assert documented == set(audit.ACTIONS)


def test_every_member_of_a_key_is_documented() -> None:
    documented = {name for row in rows("keys.md") for name in re.findall(r"\w+", row[0]) if "." not in row[0]}
    assert set(schemas.general()["StoredKey"]["properties"]) - {"id"} <= documented
