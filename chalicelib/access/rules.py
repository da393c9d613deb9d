"""The one decision whether a caller may do something: every way into a collection asks here.

``grant`` refuses at once what no record could change. What it gives knows the rules with everything but the record
filled in: reading evaluates them, listing reads by them, writing has them in its own condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.access.principals import ADMIN, Principal
from chalicelib.errors import Forbidden, RecordNotFound

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.record import Record
    from chalicelib.where.ast import Node, Reference
    from chalicelib.where.evaluate import Environment

Verdict: TypeAlias = "bool | Node"
"""What a rule comes to: true or false whatever the record is, or what is left to ask of it."""
NewValue: TypeAlias = "Callable[[Reference], Node]"
"""What stands for a reference to ``new``: a constant, or the property of the record that it will be equal to."""


def authorize(principal: Principal, operation: str) -> None:
    """Let an operation on the deployment itself pass, or refuse it. Only administrators get in.

    Raises:
        Forbidden: the caller may not do this (403).
    """
    if not (principal.is_admin and principal.may(operation, None)):
        raise Forbidden(f"This caller may not {operation}.")


def grant(
    principal: Principal,
    collection: Collection,
    *operations: str,
    request: Callable[[], Mapping[str, Any]] | None = None,
) -> Grant:
    """What a caller may do in a collection. Of several operations (a PUT creates or updates) one has to be possible.

    request: gives what rules know as ``request``, if they ask for it.

    Raises:
        Forbidden: none of them is possible, whatever the record is (403).
    """
    made = Grant(principal, collection, request)
    if all(made.refuses(operation) for operation in operations):
        raise made.forbidden(operations[0])
    return made


def unbounded(collection: Collection) -> Grant:
    """The leave to do everything, for what the service does by itself."""
    return Grant(_SERVICE, collection)


_SERVICE = Principal("service", "service", frozenset({ADMIN}))


def _anything(reference: Reference) -> Node:
    """A property that no record has, for one whose value can be any."""
    return reference._replace(root="record", path=("$new", *reference.path))


class Grant:
    """A caller's leave to do something in a collection, as far as its rules hold."""

    def __init__(
        self, principal: Principal, collection: Collection, request: Callable[[], Mapping[str, Any]] | None = None
    ) -> None:
        self.principal, self.collection = principal, collection
        self._request = request

    @property
    def is_unbounded(self) -> bool:
        """Whether there is nothing to ask."""
        return self.principal.is_admin and self.principal.scopes is None

    @property
    def hidden(self) -> frozenset[str]:
        """The properties that the caller may not see."""
        return frozenset() if self.principal.is_admin else self.collection.hidden

    def shown(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A record's document without what the caller may not see."""
        hidden = self.hidden
        return {name: value for name, value in document.items() if name not in hidden} if hidden else document

    def answered(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a write's answer has of the record: of one that the caller may not read, what the server has set."""
        if self.is_unbounded or self.holds("read", document):
            return self.shown(document)
        return {name: document[name] for name in ("id", "version", "created_at", "updated_at")}

    def rule(self, operation: str) -> Verdict:
        """The rule as it is written; without one only administrators get in. Scopes come before all rules."""
        if not self.principal.may(operation, self.collection.name):
            return False
        if self.principal.is_admin:
            return True
        rule = self.collection.rules.get(operation)
        return False if rule is None else rule

    def refuses(self, operation: str) -> bool:
        """Whether the operation is refused whatever the record is, and whatever is to be written."""
        rule = self.rule(operation)
        if isinstance(rule, bool):
            return not rule
        return self.over_record(operation, _anything) is False

    def over_record(self, operation: str, new: NewValue | None = None) -> Verdict:
        """The rule with all but the record's properties filled in.

        new: what stands for the record that is to be stored, where the rule may ask of it.
        """
        rule = self.rule(operation)
        if isinstance(rule, bool):
            return rule
        from chalicelib.where import ast  # noqa: PLC0415 - administrators have no rules
        from chalicelib.where.fold import fold  # noqa: PLC0415
        from chalicelib.where.substitution import substituted  # noqa: PLC0415

        if new is not None:
            rule = substituted(rule, lambda reference: new(reference) if reference.root == "new" else reference)
        folded = fold(rule, self.environment)
        return folded.value is True if isinstance(folded, ast.Constant) else folded

    def holds(self, operation: str, record: Mapping[str, Any], new: Mapping[str, Any] | None = None) -> bool:
        """Whether the rule holds for a record's document, and for the one that is to be stored in its place."""
        rule = self.rule(operation)
        if isinstance(rule, bool):
            return rule
        from chalicelib.where.evaluate import evaluate  # noqa: PLC0415 - as above

        return evaluate(rule, record, self.environment._replace(new=new))

    @cached_property
    def environment(self) -> Environment:
        """What rules know besides the record."""
        from chalicelib.collections.ids import timestamp  # noqa: PLC0415 - as above
        from chalicelib.where.evaluate import Environment  # noqa: PLC0415

        request = {} if self._request is None else self._request()
        return Environment(auth=self.principal.auth, request=request, now=timestamp())

    def check_read(self, record: Record) -> None:
        """Let a record be seen, or hide that it is there.

        Raises:
            RecordNotFound: the caller may not read it (404).
        """
        if not self.is_readable(record):
            raise RecordNotFound(self.collection.name, record.id)

    def check_write(self, old: Record | None, new: Record | None) -> None:
        """Let a record be created, updated or deleted: one of the two is None, or neither.

        Raises:
            Forbidden: the caller may not do this, and may know that the record is there (403).
            RecordNotFound: nor may it know that (404).
        """
        if self.is_unbounded:
            return
        operation = "create" if old is None else "delete" if new is None else "update"
        if self.holds(operation, {} if old is None else old.document(), None if new is None else new.document()):
            return
        if old is not None and not self.is_readable(old):
            raise RecordNotFound(self.collection.name, old.id)
        raise self.forbidden(operation)

    def is_readable(self, record: Record) -> bool:
        """Whether the caller may know of a record."""
        return self.is_unbounded or self.holds("read", record.document())

    def forbidden(self, operation: str) -> Forbidden:
        """The refusal of an operation."""
        return Forbidden(f"This caller may not {operation} this in the collection {self.collection.name!r}.")
