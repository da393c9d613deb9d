"""What is wrong with an expression, and where.

::

    InvalidExpression
    ├── InvalidText     the offset into the text, drawn with a caret
    ├── InvalidForm     the JSON Pointer into the JSON form
    └── UnboundParameter
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.errors import pointer

_WIDTH = 80


class InvalidExpression(ValueError):
    """An expression says nothing that the language has. ``detail`` is one sentence without a full stop."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidText(InvalidExpression):
    """A text is not an expression.

    ``offset`` counts characters from 0; ``line`` and ``column`` from 1. ``expected`` says what could have been there,
    where the grammar knows.
    """

    def __init__(self, detail: str, text: str, offset: int, *, expected: str | None = None) -> None:
        super().__init__(detail)
        self.text = text
        self.offset = offset
        self.expected = expected
        self._line_start = text.rfind("\n", 0, offset) + 1
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - self._line_start + 1

    @property
    def excerpt(self) -> str:
        """The text around the place, and below it a line with a caret under the place."""
        first = max(self._line_start, self.offset - _WIDTH // 2)
        shown = self.text[first : first + _WIDTH].split("\n", maxsplit=1)[0]
        drawn = "".join(character if character.isprintable() else " " for character in shown)
        return f"{drawn}\n{' ' * (self.offset - first)}^"

    def __str__(self) -> str:
        drawn = self.excerpt.replace("\n", "\n  ")
        return f"line {self.line}, column {self.column}: {self.detail}\n  {drawn}"


class InvalidForm(InvalidExpression):
    """A JSON value is not the JSON form of an expression. ``pointer`` (RFC 6901) leads to the part that is wrong."""

    def __init__(self, detail: str, path: Sequence[str | int]) -> None:
        super().__init__(detail)
        self.pointer = pointer(path)

    def __str__(self) -> str:
        return f"{self.pointer or 'the expression'}: {self.detail}"


class UnboundParameter(InvalidExpression):
    """A parameter of the expression was given no value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the parameter ${name} has no value")
        self.name = name
