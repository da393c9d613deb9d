"""Rules in the condition of a write: they decide as they would in Python, on the record as it is at that moment."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.access.rules import Grant, grant
from chalicelib.collections import idempotency, patches, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.record import Record, made
from chalicelib.errors import Problem
from chalicelib.where import ast, parser
from chalicelib.where.ast import Node, Reference
from chalicelib.where.errors import InvalidText
from chalicelib.where.evaluate import Environment, evaluate
from chalicelib.where.printer import to_text
from chalicelib.where.substitution import substituted
from tests.support.stores import collection, law
from tests.where import nodes

ANN = Principal("user:ann", "user")
FIRST_PUT = "2026-01-01T00:00:00.000Z"


def ruled(base: Collection, **rules: str) -> Collection:
    """The collection with these rules."""
    return replace(base, definition={**base.definition, "rules": rules})


def put(made_in: Collection, document: Mapping[str, Any]) -> Record:
    """Store a record, whatever was there."""
    record = made(made_in, "i", dict(document), None)
    record.version, record.created_at, record.updated_at = 3, FIRST_PUT, FIRST_PUT
    record.put()
    return record


def attempt(write: Callable[[], Any]) -> str:
    """``done``, or the code of the problem."""
    try:
        write()
    except Problem as problem:
        return problem.code
    return "done"


def rules(*, knows_new: bool) -> st.SearchStrategy[str]:
    """Rules over the properties of ``nodes``. Some names there stand for others, which the server sets."""
    names = {"record.x`y": "id", "record.size": "version", "record.é": "created_at", "auth.size": "kind"}
    names |= {"new.x`y": "id", "new.size": "version"}

    def known(reference: Reference) -> Node:
        if reference.root == "new" and not knows_new:
            return reference._replace(root="auth")
        first, *rest = reference.path or ("",)
        other = names.get(f"{reference.root}.{first}")
        return reference if other is None else reference._replace(path=(other, *rest))

    known_roots: tuple[ast.Root, ...] = ("auth", "request", "now", "new") if knows_new else ("auth", "request", "now")
    anything = nodes.expressions.map(lambda node: to_text(substituted(node, known)))
    return anything | _sensible.filter(lambda text: _is_rule(text, known_roots))


_operands = st.sampled_from(
    [
        "a",
        "b",
        "new.a",
        "new.b",
        "a",
        "b",
        "new.a",
        "new.b",
        "new.in",
        "auth.a",
        "auth.id",
        "auth.roles",
        "now",
        "created_at",
        "id",
        "version",
        "new.version",
        "new.id",
        "1",
        "0",
        "0.1",
        '"a"',
        '"ab"',
        "null",
        "true",
        '["a", 1]',
    ]
)
_terms = st.builds(
    str.format,
    st.sampled_from(
        [
            "{} == {}",
            "{} != {}",
            "{} < {}",
            "{} <= {}",
            "{} in {}",
            "{}.startsWith({})",
            "{}.contains({})",
            "has(new.a)",
            "new.a",
            "size({}) > size({})",
            "{} == new.a + 1",
            "new.b * 2 > {}",
            "{} between {} and 1",
        ]
    ),
    _operands,
    _operands,
    _operands,
)
_sensible = _terms | st.builds(
    str.format, st.sampled_from(["{} and {}", "{} or {}", "not ({}) and {}", "{} or not ({})"]), _terms, _terms
)
"""Rules of one or two terms, which often are about the properties that a write is about."""


def _is_rule(text: str, roots: tuple[ast.Root, ...]) -> bool:
    try:
        parser.parse(text, roots=roots)
    except InvalidText:
        return False
    return True


_over_record, _over_both = rules(knows_new=False), rules(knows_new=True)


def parsed(value: Any) -> Any:
    """A value as it is read from JSON, where an integer of more than 64 bits is a decimal."""
    if isinstance(value, dict):
        return {name: parsed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [parsed(element) for element in value]
    return Decimal(value) if type(value) is int and abs(value) >= 2**63 else value


_operators = st.builds(lambda by: {"$inc": by}, st.integers(-3, 3)) | st.builds(
    lambda elements: {"$append": parsed(elements)}, nodes.lists
)
_documents = nodes.records.map(parsed)
_merges = st.dictionaries(st.sampled_from(nodes.NAMES), nodes.values.map(parsed) | _operators, max_size=3)
_principals = st.builds(
    lambda claims, roles: Principal("user:ann", "user", roles, claims=tuple(claims.items())),
    nodes.records,
    st.frozensets(st.sampled_from(nodes.NAMES), max_size=2),
) | st.just(ANONYMOUS)


@pytest.fixture
def base(table: str) -> Collection:
    return collection()


def decided(leave: Grant, operation: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    """What is to come of a write, by the evaluator."""
    known = Environment(leave.principal.auth, leave.environment.request, new, leave.environment.now)

    def holds(rule: str, record: Mapping[str, Any], environment: Environment) -> bool:
        return evaluate(leave.collection.rules[rule], record, environment)

    if holds(operation, old or {}, known):
        return "done"
    seen = old is None or holds("read", old, known._replace(new=None))
    return "forbidden" if seen else "record_not_found"


def both_ways(
    changed: Collection, document: Mapping[str, Any] | None, write: Callable[[idempotency.Once | None], Any]
) -> tuple[str, str]:
    """What comes of a write in one call where that is possible, and of reading, deciding and writing."""
    outcomes = []
    for once in (None, idempotency.once("user:ann", uuid.uuid4().hex)):
        if document is None:
            Record.delete(partition=changed.partition("i"), id="i")
        else:
            put(changed, document)
        outcomes.append(attempt(partial(write, once)))
    return outcomes[0], outcomes[1]


def leave_for(changed: Collection, principal: Principal, request: Any, *operations: str) -> Grant | None:
    """The leave, or None where it is refused at once."""
    try:
        return grant(principal, changed, *operations, request=lambda: request)
    except Problem:
        return None


@law(120)
@given(_documents, _merges, _over_both, _over_record, _principals, nodes.maps)
def test_a_patch_is_allowed_in_one_call_as_it_is_after_reading(
    base: Collection,
    document: dict[str, Any],
    patch: dict[str, Any],
    update: str,
    read_: str,
    principal: Principal,
    request_: dict[str, Any],
) -> None:
    changed = ruled(base, update=update, read=read_)
    old = put(changed, document)
    leave = leave_for(changed, principal, request_, "update")
    try:
        patched = patches.apply(old.doc, patch)
    except Problem as problem:
        expected = problem.code
        if leave is not None and not leave.holds("read", old.document()):
            expected = "record_not_found"
    else:
        new = {**old.document(), **patched, "version": 4}
        expected = decided(
            leave or Grant(principal, changed, lambda: request_), "update", old.document(), _without(new, patched)
        )
    if leave is None:
        assert expected != "done"
        return
    assert both_ways(changed, document, lambda once: records.patch(leave, "i", patch, once=once)) == (expected,) * 2


def _without(new: dict[str, Any], patched: Mapping[str, Any]) -> dict[str, Any]:
    """A document without the properties that a patch took away."""
    server_set = {"id", "version", "created_at", "updated_at"}
    return {name: value for name, value in new.items() if name in patched or name in server_set}


@law(120)
@given(
    _documents | st.none(),
    _documents,
    _over_both,
    _over_both,
    _over_record,
    _principals,
)
def test_a_replacement_is_allowed_in_one_call_as_it_is_after_reading(
    base: Collection,
    document: dict[str, Any] | None,
    body: dict[str, Any],
    update: str,
    create: str,
    read_: str,
    principal: Principal,
) -> None:
    changed = ruled(base, update=update, create=create, read=read_)
    old = None if document is None else put(changed, document)
    leave = leave_for(changed, principal, {}, "update", "create")
    version, operation = (1, "create") if old is None else (4, "update")
    new = {"id": "i", "version": version, **body}
    known = leave or Grant(principal, changed, dict)
    expected = decided(known, operation, None if old is None else old.document(), new)
    if expected == "record_not_found" and decided(known, "create", None, {**new, "version": 1}) == "forbidden":
        expected = "forbidden"  # as if nothing were there
    if leave is None:
        assert expected != "done"
        return
    assert both_ways(changed, document, lambda once: records.replace(leave, "i", body, once=once)) == (expected,) * 2


@law(60)
@given(_documents, _over_record, _over_record, _principals)
def test_a_deletion_is_allowed_in_one_call_as_it_is_after_reading(
    base: Collection, document: dict[str, Any], delete: str, read_: str, principal: Principal
) -> None:
    changed = ruled(base, delete=delete, read=read_)
    old = put(changed, document)
    leave = leave_for(changed, principal, {}, "delete")
    expected = decided(leave or Grant(principal, changed, dict), "delete", old.document(), None)
    if leave is None:
        assert expected != "done"
        return
    assert both_ways(changed, document, lambda once: records.delete(leave, "i", once=once)) == (expected,) * 2


EDGES = [
    # an update rule, a patch, a replacement, and whether they are allowed over {"a": 1, "b": "x", "0": 5}
    ("new.a + 1 <= a", {"c": 1}, {"a": 0}, False, True),
    ("new.a - 1 < a", {"c": 1}, {"a": 3}, True, False),
    ("new.b.startsWith(b)", {"b": "xy"}, {"b": "y"}, True, False),
    ("b.startsWith(new.b)", {"b": ""}, {"b": "xy"}, True, False),
    ("new[0] == null", {"0": 5}, {"0": 5}, True, True),
    ("new.version == 4", {}, {}, True, True),
    ("new.version > version", {}, {}, True, True),
    ("new.created_at == created_at and new.id == id", {}, {}, True, True),
    ("new.created_at == created_at", {"created_at": "2027-01-01T00:00:00Z"}, {"version": 9}, True, True),
    ("new.updated_at > updated_at", {}, {}, True, True),
    ("not has(new.b)", {"b": None}, {"a": 1}, True, True),
    ("not has(new.b)", {"b": {"$unset": True}}, {"b": None}, True, True),
    ("new.b == b", {"a": 5}, {"a": 5}, True, False),
    ("new.c in ['y', 'z'] and a == 1", {"c": "y"}, {"c": "x"}, True, False),
    ("a in new.c", {"c": [1, 2]}, {"c": 1}, True, False),
    ("size(new.c) == 2", {"c": {"$append": [1, 2]}}, {"c": [1]}, True, False),
    ("new.c.d == 1 and new.c.e == null", {"c": {"d": 1, "e": None}}, {"c": {"d": 1, "e": 2}}, True, False),
    ("new.a > a", {"a": {"$inc": 1}}, {"a": 1.0}, True, False),
    ("new == b", {"a": 1}, {"a": 1}, False, False),
    ("has(new.a) and has(a)", {"a": 2}, {"a": 2}, True, True),
]


@pytest.mark.parametrize(("rule", "patch", "body", "patches_", "replaces"), EDGES)
def test_rules_over_what_is_and_what_is_to_be(
    base: Collection, rule: str, patch: dict[str, Any], body: dict[str, Any], patches_: bool, replaces: bool
) -> None:
    changed = ruled(base, update=rule, read="true")
    leave = grant(ANN, changed, "update")
    document = {"a": 1, "b": "x", "0": 5}

    def patched(once: idempotency.Once | None) -> Any:
        return records.patch(leave, "i", patch, once=once)

    def replaced(once: idempotency.Once | None) -> Any:
        return records.replace(leave, "i", body, once=once)

    for write, allowed in ((patched, patches_), (replaced, replaces)):
        assert both_ways(changed, document, write) == ("done" if allowed else "forbidden",) * 2
