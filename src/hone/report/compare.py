"""Two runs side by side, with what differs first."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hone.measures.estimates import Interval, Number
from hone.report import claims_table
from hone.report.page import Arm, write_html

T = TypeVar("T")

# From the most to the least telling; a row that is alone in one run comes after them.
_APART = "intervals do not overlap"
_VERDICT = "another verdict"
_OVERLAP = "intervals overlap"
_VALUE = "another value"
_RANKS = (_APART, _VERDICT, _OVERLAP, _VALUE)


@dataclass(frozen=True)
class Side:
    """One of the two runs.

    Attributes:
        settings: by dotted name.
        claims: as `claims.json` holds them.
    """

    name: str
    settings: dict[str, Any]
    claims: list[dict[str, Any]]
    arms: Sequence[Arm]


@dataclass(frozen=True)
class Row:
    """One thing in both runs, as text; `difference` is empty where they agree."""

    name: str
    a: str
    b: str
    difference: str


@dataclass(frozen=True)
class Comparison:
    """Rows of settings, claims and arms, each with the most telling difference first."""

    names: tuple[str, str]
    settings: list[Row]
    claims: list[Row]
    arms: list[Row]

    @property
    def parts(self) -> dict[str, tuple[list[Row], int]]:
        """By title: the rows that differ, and how many are equal."""
        titled = {"settings": self.settings, "claims": self.claims, "arms": self.arms}
        differing = {
            title: [row for row in rows if row.difference] for title, rows in titled.items()
        }
        return {title: (rows, len(titled[title]) - len(rows)) for title, rows in differing.items()}


@dataclass(frozen=True)
class _Reading:
    """What a claim or an arm's figure came to."""

    point: Number | None
    interval: Interval | None
    verdict: str = ""
    unit: str = ""

    def __str__(self) -> str:
        figure = claims_table.value(self.point, self.interval)
        verdict = claims_table.marked(self.verdict) if self.verdict else ""
        return ", ".join(filter(None, (" ".join(filter(None, (figure, self.unit))), verdict)))


def compare(a: Side, b: Side) -> Comparison:
    """Put two runs side by side."""
    return Comparison(
        names=(a.name, b.name),
        settings=_rows(a, b, lambda side: side.settings, _value_difference),
        claims=_rows(a, b, lambda side: dict(map(_claim, side.claims)), _difference),
        arms=_rows(a, b, lambda side: dict(_figures(side.arms)), _difference),
    )


def terminal(comparison: Comparison) -> Group:
    """The differences as tables for the terminal, the equal rows as counts."""
    return Group(*(_table(comparison, title) for title in comparison.parts))


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write the comparison as one HTML file that needs no network."""
    write_html("compare.html", {"comparison": comparison}, path)


def _table(comparison: Comparison, title: str) -> Table:
    rows, equal = comparison.parts[title]
    table = Table(title=f"{title}: {len(rows)} differ, {equal} equal", title_justify="left")
    for heading in (title, *comparison.names, "difference"):
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, (row.name, row.a, row.b, row.difference)))
    return table


def _rows(
    a: Side, b: Side, read: Callable[[Side], Mapping[str, T]], difference: Callable[[T, T], str]
) -> list[Row]:
    """Everything that `read` finds in either run, ordered by how much it differs."""
    left, right = read(a), read(b)
    rows = [
        _row(name, left, right, (a.name, b.name), difference)
        for name in dict.fromkeys([*left, *right])
    ]
    return sorted(rows, key=_rank)


def _row(
    name: str,
    left: Mapping[str, T],
    right: Mapping[str, T],
    sides: tuple[str, str],
    difference: Callable[[T, T], str],
) -> Row:
    if name in left and name in right:
        words = difference(left[name], right[name])
        return Row(name, str(left[name]), str(right[name]), words)
    if name in left:
        return Row(name, str(left[name]), claims_table.NOTHING, f"only in {sides[0]}")
    return Row(name, claims_table.NOTHING, str(right[name]), f"only in {sides[1]}")


def _rank(row: Row) -> int:
    if not row.difference:
        return len(_RANKS) + 1
    return _RANKS.index(row.difference) if row.difference in _RANKS else len(_RANKS)


def _value_difference(a: object, b: object) -> str:
    return "" if a == b else _VALUE


def _difference(a: _Reading, b: _Reading) -> str:
    if a == b:
        return ""
    if (
        a.interval
        and b.interval
        and (a.interval[1] < b.interval[0] or b.interval[1] < a.interval[0])
    ):
        return _APART
    if a.verdict != b.verdict:
        return _VERDICT
    return _OVERLAP if a.interval and b.interval else _VALUE


def _claim(claim: Mapping[str, Any]) -> tuple[str, _Reading]:
    reading = _reading(claim["measured"], claim["interval"])
    name = f"{claim['id']}: {claim['statement']}"
    return name, replace(reading, verdict=claim["verdict"], unit=claim["unit"])


def _figures(arms: Sequence[Arm]) -> Iterator[tuple[str, _Reading]]:
    """By arm, also where arms share a stage: the other run may share it among other arms."""
    for arm in arms:
        for owner, (name, estimate) in product(arm.names, arm.figures.items()):
            label = " · ".join((owner, arm.stage, name))
            yield label, _reading(estimate.value, estimate.interval)


def _reading(point: Number | None, interval: Sequence[Number] | None) -> _Reading:
    """NaN becomes None, which equals itself."""
    known = None if point is None or math.isnan(point) else point
    return _Reading(known, None if interval is None else (interval[0], interval[1]))
