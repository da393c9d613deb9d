"""Figures, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("figure", "ours", "peer", "ratio", "target", "holds")


@dataclass(frozen=True)
class Figure:
    """Something measured here and at a peer, in the same unit.

    ``at_most`` and ``at_least`` bound the ratio, ours to the peer's; a figure with neither is for information.
    """

    name: str
    ours: float
    peer: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """Ours to the peer's."""
        return self.ours / self.peer

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps to its bounds."""
        if self.at_most is not None and self.ratio > self.at_most:
            return False
        return self.at_least is None or self.ratio >= self.at_least

    def cells(self) -> tuple[str, ...]:
        """The figure's row."""
        bounds = [f"{sign} {bound:g}x" for sign, bound in (("<=", self.at_most), (">=", self.at_least)) if bound]
        verdict = ("yes" if self.holds else "NO") if bounds else "-"
        return (
            self.name,
            f"{_short(self.ours)} {self.unit}",
            f"{_short(self.peer)} {self.unit}",
            _ratio(self.ratio),
            ", ".join(bounds) or "-",
            verdict,
        )


def _ratio(value: float) -> str:
    return f"{value:.0f}x" if value >= 10 else f"{value:.2f}x" if value >= 0.1 else f"{value:.3f}x"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def render(figures: Sequence[Figure]) -> str:
    """The table, the first and the last column to the left, the numbers to the right."""
    rows = [HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers, row[-1]]).rstrip())
    return "\n".join(lines)


def report(figures: Sequence[Figure]) -> int:
    """Print the table; the exit code is 1 when something does not hold."""
    print(render(figures))
    return 0 if all(figure.holds for figure in figures) else 1
