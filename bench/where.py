"""``python -m bench.where``: the where language against CEL, as cel-python has it.

The same 20 conditions in both languages, over the same records; that both give the same answers is checked first.

- **compile** is everything from the text to what is asked. Ours: parsed, folded, compiled to DynamoDB's condition and
  to the evaluator's closure. cel-python's: an ``Environment``, its ``compile`` and its ``program``, as its page shows;
  it knows no DynamoDB. The page makes a new ``Environment``, which has its grammar from the first one; a service would
  keep it. So the target is held against the one that is kept, which is the faster. ``CompiledRunner``, the other way to
  run a program, makes Python code first, and is for information.
- **evaluate** is one condition over one record, and is held to its target against both of cel-python's ways.
- **convert** is what cel-python does with a record before (``json_to_cel``). Ours takes it as it is. It is not counted.

A figure is the mean of all conditions, or of all conditions over all records.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Callable
from typing import Any

from bench import rounds, table
from bench.table import Figure
from chalicelib.dynamo import conditions
from chalicelib.dynamo.expressions import Path
from chalicelib.where import evaluate
from chalicelib.where.fold import fold
from chalicelib.where.parser import parse

PAIRS: list[tuple[str, str]] = [
    ("year >= 1970", "year >= 1970"),
    ('status == "open"', 'status == "open"'),
    ("not sold", "!sold"),
    ('title.startsWith("The ")', 'title.startsWith("The ")'),
    ('title.contains("of")', 'title.contains("of")'),
    ('status in ["open", "held", "new"]', 'status in ["open", "held", "new"]'),
    ('tags.contains("novel")', '"novel" in tags'),
    ("has(address.street)", "has(address.street)"),
    ("size(tags) > 2", "size(tags) > 2"),
    ('year >= 1970 and author == "Ursula K. Le Guin"', 'year >= 1970 && author == "Ursula K. Le Guin"'),
    ("price between 10.0 and 20.0", "price >= 10.0 && price <= 20.0"),
    ('address.city == "Oslo" and price < 20.0', 'address.city == "Oslo" && price < 20.0'),
    ('status in ["open", "held"] or has(address.street)', 'status in ["open", "held"] || has(address.street)'),
    ('owner == "u-1842" or "editor" in roles', 'owner == "u-1842" || "editor" in roles'),
    (
        'title.startsWith("The ") and not tags.contains("draft") and size(tags) <= 5',
        'title.startsWith("The ") && !("draft" in tags) && size(tags) <= 5',
    ),
    (
        'category == "books" and price <= 25.0 and stock > 0',
        'category == "books" && price <= 25.0 && stock > 0',
    ),
    (
        'category == "books" and language in ["en", "no"] and rating >= 3.5 and not sold',
        'category == "books" && language in ["en", "no"] && rating >= 3.5 && !sold',
    ),
    (
        '(status == "open" or status == "held") and address.country == "NO" and price >= 5.0',
        '(status == "open" || status == "held") && address.country == "NO" && price >= 5.0',
    ),
    (
        'category in ["books", "maps"] and price >= 5.0 and price <= 30.0 and stock > 0 and rating >= 2.5 and not sold',
        'category in ["books", "maps"] && price >= 5.0 && price <= 30.0 && stock > 0 && rating >= 2.5 && !sold',
    ),
    (
        'category == "books" and address.country != "US" and (rating > 4.0 or stock > 10) and title.contains("e")',
        'category == "books" && address.country != "US" && (rating > 4.0 || stock > 10) && title.contains("e")',
    ),
]
"""The same condition in our language and in CEL, of one clause to six. Numbers are spelt so that CEL compares them."""

RUNNERS = ("InterpretedRunner", "CompiledRunner")
"""How cel-python runs a program: by default, and in the other way."""

_TITLES = ("The Left Hand of Darkness", "Emma", "A Wizard of Earthsea", "The Waves", "Sult", "The Book of Sand")
_AUTHORS = (
    "Ursula K. Le Guin",
    "Jane Austen",
    "Ursula K. Le Guin",
    "Virginia Woolf",
    "Knut Hamsun",
    "Jorge Luis Borges",
)


def _record(number: int) -> dict[str, Any]:
    tags = ["novel", "draft", "classic", "short"]
    return {
        "title": _TITLES[number % 6],
        "author": _AUTHORS[number % 6],
        "year": 1800 + 95 * number % 220,
        "price": 4.5 + 2.5 * number,
        "stock": number % 4 * 7,
        "rating": number % 10 / 2,
        "category": ("books", "books", "maps")[number % 3],
        "language": ("en", "en", "no", "de")[number % 4],
        "status": ("open", "held", "new", "closed", "open")[number % 5],
        "sold": number % 3 == 1,
        "owner": f"u-{1840 + number}",
        "roles": ["reader", "editor"][: number % 3],
        "tags": tags[number % 2 : number % 5],
        "address": {"city": ("Oslo", "Bergen")[number % 2], "country": ("NO", "NO", "US")[number % 3]}
        | ({"street": "Karl Johans gate 1"} if number % 4 == 0 else {}),
    }


RECORDS = [_record(number) for number in range(12)]
Program = Callable[[Any], Any]


def missing() -> str | None:
    """Why nothing can be measured; None when it can."""
    if importlib.util.find_spec("celpy") is None:
        return "The where language is left out: make bench-where installs cel-python."
    return None


def ours(text: str) -> Program:
    """Our condition from its text: what DynamoDB is asked, and what a record is."""
    node = fold(parse(text))
    conditions.compile(node, _place)
    condition = evaluate.compiled(node)
    return lambda record: condition(record, evaluate.EMPTY)


def _place(path: tuple[str | int, ...]) -> Path[Any]:
    return Path("doc", *path)


class Peer:
    """cel-python, with one of its two ways to run a program.

    It keeps one grammar for the process, which is of one of the two; so the grammar is put back for every use.
    """

    def __init__(self, runner: str) -> None:
        self._celpy = importlib.import_module("celpy")
        self._parsers = importlib.import_module("celpy.celparser").CELParser
        self._runner = getattr(self._celpy, runner)
        self._parsers.CEL_PARSER = None
        self._kept = self._celpy.Environment(runner_class=self._runner)
        self._grammar = self._parsers.CEL_PARSER

    def compile(self, source: str) -> Program:
        """The program of a source, made in the environment that is kept."""
        self._parsers.CEL_PARSER = self._grammar
        return self._program(self._kept, source)

    def compile_anew(self, source: str) -> Program:
        """The program of a source, made in a new environment."""
        self._parsers.CEL_PARSER = self._grammar
        return self._program(self._celpy.Environment(runner_class=self._runner), source)

    def _program(self, environment: Any, source: str) -> Program:
        program: Program = environment.program(environment.compile(source)).evaluate
        return program

    def convert(self, record: dict[str, Any]) -> Any:
        """A record as its programs take it."""
        return {name: self._celpy.json_to_cel(value) for name, value in record.items()}


def check(programs: list[Program], converted: list[Any]) -> None:
    """That the peer's programs say of every record what ours say.

    Raises:
        RuntimeError: one says something else; or all records are alike to a condition, and nothing is compared.
    """
    for (text, source), program in zip(PAIRS, programs, strict=True):
        own = ours(text)
        answers = [own(record) for record in RECORDS]
        if len(set(answers)) == 1:
            raise RuntimeError(f"{text} is {answers[0]} of every record")
        for record, given, answer in zip(RECORDS, converted, answers, strict=True):
            if bool(program(given)) is not answer:
                raise RuntimeError(f"{source} is not {answer} of {record}")


def figures() -> list[Figure]:
    """Every figure, when the peer is installed."""
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return []
    interpreted, compiled = map(Peer, RUNNERS)
    converted = [interpreted.convert(record) for record in RECORDS]
    texts, sources = [text for text, _ in PAIRS], [source for _, source in PAIRS]
    programs = {
        runner: [peer.compile(source) for source in sources]
        for runner, peer in zip(RUNNERS, (interpreted, compiled), strict=True)
    }
    for each in programs.values():
        check(each, converted)
    compiling = {
        "ours": _mean(ours, texts),
        "kept": _mean(interpreted.compile, sources),
        "new": _mean(interpreted.compile_anew, sources),
        "CompiledRunner": _mean(compiled.compile, sources),
    }
    evaluating = {
        "ours": _mean_of_all([ours(text) for text in texts], RECORDS),
        **{runner: _mean_of_all(each, converted) for runner, each in programs.items()},
        "convert": _mean(interpreted.convert, RECORDS),
    }
    made, asked = rounds.medians(compiling, 10), rounds.medians(evaluating, 10)
    own, own_answer = made["ours"].cpu, asked["ours"].cpu
    return [
        Figure("compile: one Environment kept", own, made["kept"].cpu, "us", at_most=0.05),
        Figure("compile: a new Environment", own, made["new"].cpu, "us"),
        Figure("compile: CompiledRunner", own, made["CompiledRunner"].cpu, "us"),
        Figure("evaluate: InterpretedRunner", own_answer, asked["InterpretedRunner"].cpu, "us", at_most=0.2),
        Figure("evaluate: CompiledRunner", own_answer, asked["CompiledRunner"].cpu, "us", at_most=0.2),
        Figure("convert a record: json_to_cel", 0, asked["convert"].cpu, "us"),
    ]


def _mean(operation: Callable[[Any], Any], given: list[Any]) -> rounds.Round:
    """Rounds of an operation, of which one is carried out with everything that is given, and is their mean."""
    return _divided(rounds.here(lambda: [operation(each) for each in given]), len(given))


def _mean_of_all(programs: list[Program], given: list[Any]) -> rounds.Round:
    pairs = list(itertools.product(programs, given))
    return _divided(rounds.here(lambda: [program(each) for program, each in pairs]), len(pairs))


def _divided(carry_out: rounds.Round, parts: int) -> rounds.Round:
    return lambda count: rounds.Spent(*(spent / parts for spent in carry_out(count)))


def main() -> int:
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 2
    return table.report(figures())


if __name__ == "__main__":
    sys.exit(main())
