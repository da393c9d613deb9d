from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal
from chalicelib.access.rules import Grant, authorize, grant, unbounded
from chalicelib.collections.definitions import Collection
from chalicelib.collections.record import Record
from chalicelib.errors import Forbidden, RecordNotFound
from chalicelib.where.ast import FALSE, Constant, Node, Reference
from chalicelib.where.printer import to_text

ADMINISTRATOR = Principal("key:a", "key", frozenset({ADMIN}))
BOUNDED = Principal("key:b", "key", frozenset({ADMIN}), frozenset({"books:read"}))
ANN = Principal("user:ann", "user", frozenset({"editor"}), claims=(("team", "red"), ("limits", {"price": 5})))
NOW = "2026-01-01T00:00:00.000Z"
DOCUMENT = {"title": "Emma", "owner": "ann", "secret": 5}


def books(*hidden: str, **rules: str) -> Collection:
    definition = {"schema": {}, "rules": rules, "hidden": list(hidden)}
    return Collection("books", 1, NOW, NOW, definition, [[0, 1]])


def record(**properties: Any) -> Record:
    return Record(partition="p", id="i", version=1, created_at=NOW, updated_at=NOW, doc={**DOCUMENT, **properties})


def may(leave: Grant, operation: str, **properties: Any) -> bool:
    return leave.holds(operation, record(**properties).document())


@pytest.mark.parametrize(
    "principal", [ANONYMOUS, Principal("key:a", "key"), Principal("key:a", "key", frozenset({"editor"})), BOUNDED]
)
def test_nobody_administers_by_default(principal: Principal) -> None:
    with pytest.raises(Forbidden, match="This caller may not administer\\."):
        authorize(principal, "administer")


def test_administrators_administer() -> None:
    authorize(ADMINISTRATOR, "administer")


@pytest.mark.parametrize("principal", [ANONYMOUS, ANN])
@pytest.mark.parametrize("operation", ["list", "read", "create", "update", "delete"])
def test_without_a_rule_only_administrators_get_in(principal: Principal, operation: str) -> None:
    with pytest.raises(Forbidden, match=f"may not {operation} this in the collection 'books'"):
        grant(principal, books(), operation)
    assert grant(ADMINISTRATOR, books(), operation).over_record(operation) is True


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ("true", False),
        ("false", True),
        ("owner == auth.id", False),
        ('"editor" in auth.roles', False),
        ('"owner" in auth.roles', True),
        ('"owner" in auth.roles and owner == auth.id', True),
        ('"owner" in auth.roles and new.owner == auth.id', True),
        ('"owner" in auth.roles or new.owner == auth.id', False),
        ("new.price <= price", False),
        ("new.price + 1 <= price and auth.team == 'blue'", True),
        ("auth.team == 'red' and new.owner == owner", False),
        ("new.a == 1 and not (auth.kind == 'user')", True),
        ("request.ip == '192.0.2.1'", True),
        ("request.ip == '192.0.2.9' and a == 1", False),
        ("now < '2020'", True),
        ("now > '2020' and has(a)", False),
        ("has(new.a) and false", True),
        ("title < 5 and title > 5", False),
    ],
)
def test_what_no_record_can_change_is_refused_at_once(rule: str, refused: bool) -> None:
    if not refused:
        assert grant(ANN, books(update=rule), "update", request=lambda: {"ip": "192.0.2.9"})
        return
    with pytest.raises(Forbidden):
        grant(ANN, books(update=rule), "update", request=lambda: {"ip": "192.0.2.9"})


def test_of_several_operations_one_has_to_be_possible() -> None:
    assert grant(ANN, books(create="true"), "update", "create")
    assert grant(ANN, books(update="true"), "update", "create")
    with pytest.raises(Forbidden, match="may not update"):
        grant(ANN, books(delete="true"), "update", "create")


@pytest.mark.parametrize(
    ("principal", "operation", "allowed"),
    [(BOUNDED, "read", True), (BOUNDED, "update", False), (BOUNDED, "list", False), (ANN, "update", True)],
)
def test_scopes_come_before_rules_and_before_administrators(
    principal: Principal, operation: str, allowed: bool
) -> None:
    leave = Grant(principal, books(read="true", update="true", list="true"))
    assert leave.over_record(operation) is allowed
    assert leave.refuses(operation) is not allowed
    narrow = Principal("user:ann", "user", scopes=frozenset({"loans:*"}))
    assert Grant(narrow, books(read="true")).refuses("read")


def test_an_administrator_with_scopes_is_asked_each_time() -> None:
    assert Grant(ADMINISTRATOR, books()).is_unbounded
    assert unbounded(books()).is_unbounded
    assert not Grant(BOUNDED, books()).is_unbounded
    assert not Grant(ANN, books()).is_unbounded


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("owner == auth.id", 'owner == "ann"'),
        ("owner == auth.id or public", 'owner == "ann" or public == true'),
        ('owner == auth.id or "editor" in auth.roles', True),
        ('"owner" in auth.roles and owner == auth.id', False),
        ("price <= auth.limits.price", "price <= 5"),
        ("price <= auth.limits.price * 2 + 1", "price <= 11"),
        ("auth.id in readers", '"ann" in readers'),
        ("team == auth.team and team != auth.nothing", 'team == "red"'),
        ("price <= auth.team * 2", False),
    ],
)
def test_all_but_the_record_is_filled_in(rule: str, left: str | bool) -> None:
    found = Grant(ANN, books(read=rule)).over_record("read")
    assert (found if isinstance(found, bool) else to_text(found)) == left


def test_what_stands_for_the_new_record_is_put_in_its_place() -> None:
    leave = Grant(ANN, books(update="new.owner == auth.id and new.price <= price and new.title == title"))

    def new(reference: Reference) -> Node:
        known: dict[str | int, Any] = {"owner": "ann", "price": 4}
        name = reference.path[0]
        return Constant(known[name]) if name in known else reference._replace(root="record")

    found = leave.over_record("update", new)
    assert not isinstance(found, bool)
    assert to_text(found) == "4 <= price and title == title"
    assert leave.over_record("update", lambda _: FALSE) is False


def test_rules_know_who_calls_and_how_and_when() -> None:
    rule = "owner == auth.id and auth.kind == 'user' and request.method == 'GET' and now > created_at"
    leave = Grant(ANN, books(read=rule), lambda: {"method": "GET"})
    assert may(leave, "read")
    assert not may(leave, "read", owner="bob")
    assert not may(Grant(ANN, books(read=rule)), "read")
    assert leave.environment.now is leave.environment.now  # one moment for all that a request asks


def test_what_the_request_is_takes_no_work_unless_it_is_asked() -> None:
    def request() -> dict[str, Any]:
        raise AssertionError

    assert grant(ADMINISTRATOR, books(), "read", request=request).holds("read", {})


@pytest.mark.parametrize("principal", [ANONYMOUS, ANN, ADMINISTRATOR, BOUNDED])
def test_what_is_hidden_is_shown_to_administrators(principal: Principal) -> None:
    leave = Grant(principal, books("secret", read="true"))
    shown = leave.shown(DOCUMENT)
    assert ("secret" in shown) is principal.is_admin
    assert DOCUMENT["secret"] == 5
    assert leave.hidden == (frozenset() if principal.is_admin else {"secret"})


def test_an_answer_has_of_what_may_not_be_read_only_what_the_server_has_set() -> None:
    document = record().document()
    assert Grant(ANN, books("secret", read="owner == auth.id")).answered(document) == {
        name: value for name, value in document.items() if name != "secret"
    }
    server_set = {"id": "i", "version": 1, "created_at": NOW, "updated_at": NOW}
    assert Grant(ANN, books(read="owner != auth.id")).answered(document) == server_set
    assert Grant(ANN, books()).answered(document) == server_set
    assert unbounded(books("secret")).answered(document) == document


def test_what_may_not_be_read_is_not_there() -> None:
    leave = Grant(ANN, books(read="owner == auth.id"))
    leave.check_read(record())
    with pytest.raises(RecordNotFound):
        leave.check_read(record(owner="bob"))


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [("create", None, record()), ("update", record(), record()), ("delete", record(), None)],
)
def test_a_write_is_forbidden_to_who_may_know_of_the_record(
    operation: str, old: Record | None, new: Record | None
) -> None:
    Grant(ANN, books(**{operation: "true"})).check_write(old, new)
    Grant(ADMINISTRATOR, books()).check_write(old, new)
    with pytest.raises(Forbidden, match=f"may not {operation}"):
        Grant(ANN, books(read="true", **{operation: "false"})).check_write(old, new)
    with pytest.raises(Forbidden if old is None else RecordNotFound):
        Grant(ANN, books(**{operation: "false"})).check_write(old, new)


def test_an_update_sees_what_is_and_what_is_to_be() -> None:
    leave = Grant(ANN, books(read="true", update="new.price <= price and new.owner == owner"))
    leave.check_write(record(price=5), record(price=4))
    for new in (record(price=6), record(price=4, owner="bob"), record()):
        with pytest.raises(Forbidden):
            leave.check_write(record(price=5), new)
