"""``python -m bench.coldstart``: CPU of a fresh interpreter until the first answer; ``--profile`` for what it imports.

Against the least that a Chalice app on DynamoDB can be, because Chalice and botocore are the price of that platform.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import sample, sides
from bench.table import Figure, report

PROJECT = Path(__file__).resolve().parent.parent
RUNS = 15
MILLISECONDS = 1e3
SHOWN = 40
_IMPORT_TIME = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)")


def figures(runs: int = RUNS) -> list[Figure]:
    """Cold start as it is here, and as it is where only the sources were deployed."""
    with _prepared() as files:
        warm = Figure("cold start: CPU", *_compare(files, runs, []), "ms", at_most=1.15)
        with _without_bytecode(files) as options:
            sources = Figure("cold start from sources: CPU", *_compare(files, runs, options), "ms")
    return [warm, sources]


@contextmanager
def _prepared() -> Iterator[dict[str, Path]]:
    """Files with each side's event and items."""
    ours = sides.ours()
    bare_items = {"books": {"1": {"pk": {"S": "books"}, "sk": {"S": "1"}, **_stored_book(ours)}}}
    bare_event = sample.event("GET", "/books/{book_id}", {"book_id": "1"})
    with tempfile.TemporaryDirectory(prefix="portico-bench-") as folder:
        files = {"ours": Path(folder, "ours.json"), "bare": Path(folder, "bare.json")}
        files["ours"].write_text(json.dumps({"event": ours.get, "items": ours.wire.items}), encoding="utf-8")
        files["bare"].write_text(json.dumps({"event": bare_event, "items": bare_items}), encoding="utf-8")
        yield files


def _stored_book(side: sides.Side) -> dict[str, object]:
    (record,) = (records[side.get["pathParameters"]["id"]] for pk, records in side.wire.items.items() if pk[0] == "r")
    return {name: value for name, value in record.items() if name not in ("pk", "sk")}


def _compare(files: dict[str, Path], runs: int, options: list[str]) -> tuple[float, float]:
    """Median milliseconds, ours and the bare app's, of runs in turn."""
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for which, file in files.items():
        _run(which, file, options)
    for number in range(runs):
        for which in ("ours", "bare") if number % 2 else ("bare", "ours"):
            times[which].append(float(_run(which, files[which], options).stdout))
    return (
        statistics.median(times["ours"]) * MILLISECONDS,
        statistics.median(times["bare"]) * MILLISECONDS,
    )


def _run(which: str, file: Path, options: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "bench.fresh", which, str(file)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )


@contextmanager
def _without_bytecode(files: dict[str, Path]) -> Iterator[list[str]]:
    """Options of an interpreter that has bytecode of the standard library and of nothing else.

    So it is in a Lambda function: the zip has sources, and its folder cannot be written to.
    """
    with tempfile.TemporaryDirectory(prefix="portico-bench-") as cache:
        options = ["-X", f"pycache_prefix={cache}"]
        for which, file in files.items():
            _run(which, file, options)
        for folder in {str(PROJECT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            shutil.rmtree(Path(cache, folder.lstrip("/")), ignore_errors=True)
        yield [*options, "-B"]


def profile() -> str:
    """Where our cold start's imports spend their time, by package and by module."""
    with _prepared() as files:
        _run("ours", files["ours"], [])
        text = _run("ours", files["ours"], ["-X", "importtime"]).stderr
    modules = [(name, int(own), int(all_)) for own, all_, _, name in _IMPORT_TIME.findall(text)]
    packages: Counter[str] = Counter()
    for name, own, _ in modules:
        packages[name.partition(".")[0]] += own
    modules.sort(key=lambda module: module[1], reverse=True)
    lines = [f"{len(modules)} modules, {sum(packages.values()) / 1000:.1f} ms", "", "package: ms of its own modules"]
    lines += [f"{own / 1000:8.1f}  {name}" for name, own in packages.most_common(SHOWN)]
    lines += ["", "module: ms of its own, with what it imports"]
    lines += [f"{own / 1000:8.1f} {all_ / 1000:8.1f}  {name}" for name, own, all_ in modules[:SHOWN]]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="fresh interpreters a side (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="print what is imported and how long it takes")
    options = parser.parse_args()
    if options.profile:
        print(profile())
        return 0
    return report(figures(options.runs))


if __name__ == "__main__":
    sys.exit(main())
