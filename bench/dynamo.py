"""``python -m bench.dynamo``: the data-access layer against other ways to use DynamoDB; ``--write`` for the page.

``docs/data-layer-performance.md`` explains the figures.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench import markdown, node, rounds, sides, table
from bench.table import Figure

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data-layer-performance.md"
MARK = "make bench-dynamo"
PACKAGES = ("pynamodb", "dyntastic")


class Row(NamedTuple):
    """A peer that an operation is measured against, and the most that the ratio may be; None for information."""

    peer: str
    at_most: float | None = None


SERIALIZER, DESERIALIZER = "boto3 TypeSerializer", "boto3 TypeDeserializer"
CLIENT, RESOURCE, PYNAMODB, DYNTASTIC = "boto3 client", "boto3 Table", "PynamoDB", "dyntastic"

ROWS: dict[str, tuple[int, list[Row]]] = {
    "encode": (1000, [Row(SERIALIZER, 0.2), Row(PYNAMODB, 0.1), Row(DYNTASTIC)]),
    "decode": (1000, [Row(DESERIALIZER, 0.2), Row(PYNAMODB, 0.1), Row(DYNTASTIC)]),
    "item of an object": (1000, [Row(PYNAMODB), Row(DYNTASTIC)]),
    "object of an item": (1000, [Row(PYNAMODB), Row(DYNTASTIC)]),
    "get": (100, [Row(CLIENT, 1.0), Row(RESOURCE), Row(PYNAMODB), Row(DYNTASTIC)]),
    "put": (100, [Row(CLIENT, 1.0), Row(RESOURCE), Row(PYNAMODB), Row(DYNTASTIC)]),
    "update": (100, [Row(CLIENT), Row(RESOURCE), Row(PYNAMODB), Row(DYNTASTIC)]),
    "query of 100": (12, [Row(CLIENT, 0.2), Row(RESOURCE), Row(PYNAMODB, 0.125), Row(DYNTASTIC)]),
    "batch get of 100": (12, [Row(CLIENT), Row(PYNAMODB)]),
}
"""By operation: how many make a round, and the rows."""


def names() -> list[str]:
    """The names of all figures, those of Node included."""
    return [f"{operation}: {row.peer}" for operation, (_, rows) in ROWS.items() for row in rows] + node.names()


def missing() -> str | None:
    """Why nothing can be measured; None when it can."""
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return f"The data layer is left out: make bench-dynamo installs {' and '.join(absent)}." if absent else None


def figures() -> list[Figure]:
    """Every figure whose peer is installed, the Python ones first."""
    for reason in (missing(), node.missing()):
        if reason is not None:
            print(reason, file=sys.stderr)
    if missing() is not None:
        return []
    sides.prepare()
    return [*_python_figures(), *([] if node.missing() else node.figures())]


def _python_figures() -> list[Figure]:
    ours, peers = _operations()
    found = []
    for operation, (count, rows) in ROWS.items():
        measured = {"ours": ours[operation], **{row.peer: peers[row.peer][operation] for row in rows}}
        for name, carry_out in measured.items():
            _check(f"{operation}: {name}", carry_out)
        spent = rounds.medians({name: rounds.here(carry_out) for name, carry_out in measured.items()}, count)
        found += [
            Figure(f"{operation}: {row.peer}", spent["ours"].cpu, spent[row.peer].cpu, "us", at_most=row.at_most)
            for row in rows
        ]
    return found


Operations = dict[str, Callable[[], Any]]


def _operations() -> tuple[Operations, dict[str, Operations]]:
    from bench import models  # noqa: PLC0415 - all of them read the environment
    from bench.peer import with_boto3, with_dyntastic, with_pynamodb  # noqa: PLC0415

    client = with_boto3.client()
    return models.operations(), {
        SERIALIZER: client,
        DESERIALIZER: client,
        CLIENT: client,
        RESOURCE: with_boto3.resource(),
        PYNAMODB: with_pynamodb.operations(),
        DYNTASTIC: with_dyntastic.operations(),
    }


def _check(name: str, operation: Callable[[], Any]) -> None:
    """That a side does what is measured.

    Raises:
        RuntimeError: it gives another item, another number of items.
    """
    from bench import canned  # noqa: PLC0415

    given = operation()
    if name.startswith(("encode", "item")):
        right = given == canned.ITEM
    elif name.startswith(("decode", "object", "get")):
        right = _title(given) == canned.VALUES["title"]
    elif "100" in name:
        right = len(given) == canned.MANY and _title(given[-1]) == canned.VALUES["title"]
    else:
        right = True
    if not right:
        raise RuntimeError(f"{name} gave {str(given)[:500]}")


def _title(book: Any) -> Any:
    title = book["title"] if isinstance(book, dict) else book.title
    return title["S"] if isinstance(title, dict) else title


def _page(measured: list[Figure]) -> str:
    packages = {"botocore": "botocore", "PynamoDB": "pynamodb", "dyntastic": "dyntastic", "pydantic": "pydantic"}
    versions = [f"{name} {importlib.metadata.version(package)}" for name, package in packages.items()]
    machine = f"On {os.cpu_count()} processors, Python {platform.python_version()}, {', '.join(versions)},"
    return f"{machine}\n{node.version()}.\n\n{markdown.table(measured)}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dynamo", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into docs/{PAGE.name} as well")
    options = parser.parse_args()
    incomplete = missing() or (node.missing() if options.write else None)
    if incomplete is not None:
        print(incomplete, file=sys.stderr)
        return 2
    measured = figures()
    if options.write:
        markdown.place(_page(measured), PAGE, MARK)
    return table.report(measured)


if __name__ == "__main__":
    sys.exit(main())
