"""The rendering of expressions: text with every name and value bound, within DynamoDB's limits.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from typing import Any

from chalicelib.dynamo.errors import AttributeValue, LimitExceeded
from chalicelib.dynamo.expressions import Condition, Junction, Part, Path, Value

MAX_EXPRESSION_BYTES = 4096
MAX_OPERATORS = 300


class Bindings:
    """The names and values that the expressions of one request have bound so far."""

    __slots__ = ("names", "operators", "values")

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, AttributeValue] = {}
        self.operators = 0

    def expression(self, part: Part) -> str:
        """The text of a whole expression, within DynamoDB's limits.

        Raises:
            LimitExceeded: more than 4 KB or 300 operators.
        """
        before = self.operators
        return self.checked(self.text(part), self.operators - before)

    def checked(self, text: str, operators: int) -> str:
        """The text, unless it is longer or has more operators than DynamoDB takes.

        Raises:
            LimitExceeded: more than 4 KB or 300 operators.
        """
        if len(text) > MAX_EXPRESSION_BYTES:
            raise LimitExceeded(f"The expression has {len(text)} bytes; DynamoDB takes {MAX_EXPRESSION_BYTES}.")
        if operators > MAX_OPERATORS:
            raise LimitExceeded(f"The expression has {operators} operators; DynamoDB takes {MAX_OPERATORS}.")
        return text

    def text(self, part: Part) -> str:
        """The expression text of a part, with its names and values bound here."""
        if isinstance(part, str):
            return part
        if isinstance(part, Path):
            return self._path_text(part)
        if isinstance(part, Value):
            return self.bind(part.encoded())
        self.operators += max(len(part.conditions) - 1, 1) if isinstance(part, Junction) else 1
        return "".join([self.text(inner) for inner in part.parts])

    def bind(self, value: AttributeValue) -> str:
        """The placeholder of an attribute value."""
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def _path_text(self, path: Path[Any]) -> str:
        text = ""
        for name in path.names:
            if isinstance(name, int):
                text += f"[{name}]"
            else:
                placeholder = self.names.get(name)
                if placeholder is None:
                    placeholder = self.names[name] = f"#{len(self.names)}"
                text += f".{placeholder}" if text else placeholder
        return text

    def into(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Add what was bound to a request's parameters. Returns the same dictionary."""
        if self.names:
            parameters["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self.names.items()}
        if self.values:
            parameters["ExpressionAttributeValues"] = self.values
        return parameters


def with_condition(parameters: dict[str, Any], when: Condition | None) -> dict[str, Any]:
    """Add a condition to a request that has no other expression; asks for the stored item when it fails."""
    if when is None:
        return parameters
    bindings = Bindings()
    parameters["ConditionExpression"] = bindings.expression(when)
    parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return bindings.into(parameters)
