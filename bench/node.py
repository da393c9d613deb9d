"""Ours against Dynamoose on Node: each in its process, on the same stub of DynamoDB over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import canned, rounds, stub
from bench.rounds import Round, Spent
from bench.table import Figure

FOLDER = Path(__file__).resolve().parent / "peer" / "node"
PEER = "Dynamoose"
CODEC = {"encode": 300, "decode": 300}
CALLS = {"get": 60, "put": 60, "query of 100": 4}
"""Operations, and how many of one make a round."""
WARM_UP = 20
"""Rounds of Dynamoose's before the first that counts, for V8 to compile what is called often."""
QUIET = {"AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}
OLDEST = 20
"""The Node that the AWS SDK asks for."""


def missing() -> str | None:
    """Why Dynamoose cannot be measured; None when it can."""
    if shutil.which("node") is None:
        return "Node is not installed, so Dynamoose is left out."
    if int(_node().partition(".")[0]) < OLDEST:
        return f"Node is older than {OLDEST}, so Dynamoose is left out."
    if not (FOLDER / "node_modules" / "dynamoose").is_dir():
        return "Dynamoose is not installed (make bench-dynamo does, where npm is), so it is left out."
    return None


def names() -> list[str]:
    """The names of the figures."""
    measures = ("CPU", "time")
    return [
        *(f"{operation}: {PEER}" for operation in CODEC),
        *(f"{operation} over HTTP, {measure}: {PEER}" for operation in CALLS for measure in measures),
    ]


def version() -> str:
    """Of Node and of Dynamoose."""
    package = json.loads((FOLDER / "node_modules" / "dynamoose" / "package.json").read_bytes())
    return f"Node {_node()}, Dynamoose {package['version']}"


def _node() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip().lstrip("v")


def figures() -> list[Figure]:
    """Every figure of this module, for information."""
    from bench import models  # noqa: PLC0415 - it reads the environment

    with stub.serving() as url, _dynamoose(url) as theirs:
        ours = models.operations(url)
        found = []
        for operation, count in {**CODEC, **CALLS}.items():
            for _ in range(WARM_UP):
                theirs(operation)(count)
            sides = {"ours": rounds.here(ours[operation]), PEER: theirs(operation)}
            spent = rounds.medians(sides, count)
            found += [(spent["ours"].cpu, spent[PEER].cpu)]
            if operation in CALLS:
                found += [(spent["ours"].wall, spent[PEER].wall)]
    return [Figure(name, *pair, "us") for name, pair in zip(names(), found, strict=True)]


class _Dynamoose:
    """``bench/peer/node/books.js``, asked line by line."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        key = {name: canned.VALUES[name] for name in ("pk", "sk")}
        given = {"endpoint": url, "table": canned.TABLE, "key": key, "many": canned.MANY}
        self._write({**given, "values": canned.VALUES, "item": canned.ITEM})
        if self._ask({"show": "encode"}) != canned.ITEM or self._ask({"show": "get"}) != canned.VALUES:
            raise RuntimeError("this is not the item that was to be measured")
        if len(self._ask({"show": f"query of {canned.MANY}"})) != canned.MANY:
            raise RuntimeError("this is not the query that was to be measured")

    def __call__(self, operation: str) -> Round:
        return lambda count: Spent(**self._ask({"operation": operation, "count": count}))

    def _ask(self, request: dict[str, Any]) -> Any:
        self._write(request)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the Node process ended; what it said is above")
        return json.loads(answer)

    def _write(self, document: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()


@contextmanager
def _dynamoose(url: str) -> Iterator[_Dynamoose]:
    command = ["node", "--expose-gc", "books.js"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=FOLDER, env=os.environ | QUIET, stdin=pipe, stdout=pipe, text=True) as process:
        yield _Dynamoose(process, url)
