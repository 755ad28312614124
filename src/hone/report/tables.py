"""Measured values as a table of text, for the page and for what is published."""

from collections.abc import Mapping
from dataclasses import dataclass

from hone.measures.estimates import Estimate
from hone.report.claims_table import NOTHING, number, value

Cell = Estimate | float | str | None
Rows = Mapping[str, Mapping[str, Cell]]
"""Cells by row and column, as a study measures them; rows may lack columns."""


@dataclass(frozen=True)
class TextTable:
    """A table with the words that belong to it; the first of a row's cells names it."""

    name: str
    title: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render_table(name: str, title: str, caption: str, rows: Rows) -> TextTable:
    """The cells as text, every estimate with its interval."""
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    written = tuple(
        (row, *(_written(cells.get(column)) for column in columns)) for row, cells in rows.items()
    )
    return TextTable(name, title, caption, ("", *columns), written)


def _written(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        return value(cell.value, cell.interval)
    if isinstance(cell, str):
        return cell
    return NOTHING if cell is None else number(cell)
