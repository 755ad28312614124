"""Measured values as a table of text, for the page and for what is published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hone.measures.estimates import Estimate, Number
from hone.report.claims_table import NOTHING, number, value

Cell = Estimate | Number | str | None
Rows = Mapping[str, Mapping[str, Cell]]
"""Cells by row and column, as a study measures them; rows may lack columns."""


@dataclass(frozen=True)
class TextTable:
    """A table with the words that belong to it; the first of a row's cells names it.

    `notes` stand under it, each behind the mark that its cells have.
    """

    name: str
    title: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def render_table(name: str, title: str, caption: str, rows: Rows) -> TextTable:
    """The cells as text, every estimate with its interval and a mark for its note."""
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    grid = {row: [cells.get(column) for column in columns] for row, cells in rows.items()}
    noted = (_note(cell) for cells in grid.values() for cell in cells)
    marks = {
        note: raised(place) for place, note in enumerate(dict.fromkeys(filter(None, noted)), 1)
    }
    written = tuple(
        (row, *(_written(cell, marks) for cell in cells)) for row, cells in grid.items()
    )
    notes = tuple(f"{mark} {note}" for note, mark in marks.items())
    return TextTable(name, title, caption, ("", *columns), written, notes)


def _note(cell: Cell) -> str:
    return cell.note if isinstance(cell, Estimate) else ""


def _written(cell: Cell, marks: Mapping[str, str]) -> str:
    if isinstance(cell, Estimate):
        return f"{value(cell.value, cell.interval)} {marks.get(cell.note, '')}".rstrip()
    if isinstance(cell, str):
        return cell
    return NOTHING if cell is None else number(cell)


_ESTIMATE = re.compile(r"(?P<value>\S+)(?: \[(?P<low>\S+), (?P<high>\S+)\])?(?: [⁰¹²³⁴-⁹]+)?")


def estimate_in(cell: str) -> Estimate | None:
    """What a cell says, to the digits it has; None where it holds no number."""
    found = _ESTIMATE.fullmatch(cell)
    if found is None or found["value"] == NOTHING:
        return None
    try:
        value, *ends = (_number(text) for text in found.groups() if text)
    except ValueError:
        return None
    return Estimate(value, (ends[0], ends[1]) if ends else None, 0.95, "as written", ())


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("∞", "inf"))


def raised(number: int) -> str:
    """A raised number, which plain text can hold."""
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
