"""Claims as a table: for the terminal and for Markdown."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from hone.measures.estimates import Number

Claim = Mapping[str, Any]
"""A claim as `claims.json` holds it."""

NOTHING = "–"
"""Printed where there is no number."""

SYMBOLS = {"reproduced": "✓", "not reproduced": "✗", "inconclusive": "?", "indicative": "○"}
"""Beside the word, so that a verdict can be told without its colour."""

MEANINGS = {
    "reproduced": "the whole interval lies in the region",
    "not reproduced": "the whole interval lies outside the region",
    "inconclusive": "the interval reaches across the region's edge, or there is none",
    "indicative": "fewer than three seeds",
}

_COLOURS = {
    "reproduced": "green",
    "not reproduced": "red",
    "inconclusive": "yellow",
    "indicative": "blue",
}


_WIDE = 110
"""Characters from which on a terminal has room for all columns."""


def claims_table(claims: Sequence[Claim], width: int) -> Table:
    """The claims as a table for a terminal of so many characters.

    A narrow one has symbols for verdicts, intervals under values, and neither regions nor seeds, so
    that there is room for what is claimed.
    """
    return _wide(claims) if width >= _WIDE else _narrow(claims)


def _narrow(claims: Sequence[Claim]) -> Table:
    found = [verdict for verdict in SYMBOLS if any(c["verdict"] == verdict for c in claims)]
    legend = ", ".join(marked(verdict) for verdict in found)
    caption = f"{legend}; regions and seeds: {_WIDE} columns, or the report" if claims else None
    table = _empty(claims, caption=caption, caption_justify="left")
    for heading in ("", "claim", "paper", "measured"):
        table.add_column(heading, overflow="fold")
    for claim in claims:
        symbol = SYMBOLS.get(claim["verdict"]) or str(claim["verdict"])
        table.add_row(
            Text(symbol, style=_COLOURS.get(claim["verdict"], "")),
            Text(_with_note(claim)),
            Text(number(claim["reported"])),
            Text("\n".join(_value_and_interval(claim))),
        )
    return table


def _value_and_interval(claim: Claim) -> Iterator[str]:
    yield " ".join(filter(None, (number(claim["measured"]), claim["unit"])))
    if claim["interval"] is not None:
        yield bounds(claim["interval"])


def _empty(claims: Sequence[Claim], **options: Any) -> Table:
    return Table(title=tally(claims), title_justify="left", show_lines=True, **options)


def _wide(claims: Sequence[Claim]) -> Table:
    table = _empty(claims)
    for heading in ("verdict", "claim", "paper", "measured", "region"):
        table.add_column(heading, overflow="fold")
    table.add_column("seeds", justify="right")
    for claim in claims:
        table.add_row(
            Text(marked(claim["verdict"]), style=_COLOURS.get(claim["verdict"], "")),
            Text(_with_note(claim)),
            Text(number(claim["reported"])),
            Text(measured(claim)),
            Text(claim["region"]),
            Text(str(len(claim["seeds"]))),
        )
    return table


def markdown_table(claims: Sequence[Claim]) -> str:
    """The claims as a Markdown table; text from elsewhere cannot break out of its cell."""
    rows = [
        (
            marked(claim["verdict"]),
            _with_note(claim),
            claim["statistic"],
            number(claim["reported"]),
            measured(claim),
            claim["region"],
            str(len(claim["seeds"])),
        )
        for claim in claims
    ]
    headings = ("verdict", "claim", "statistic", "paper", "measured", "region", "seeds")
    return markdown(headings, rows)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with every cell escaped; ends in a newline."""
    lines = [headings, ["---"] * len(headings), *[[escaped(cell) for cell in row] for row in rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line."""
    safe = re.sub(r"[\\`*|]|\](?=[(\[:])", r"\\\g<0>", text)  # a link needs what follows the ]
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        safe = safe.replace(character, entity)
    return " ".join(safe.split())


def tally(claims: Sequence[Claim]) -> str:
    """How many claims have which verdict, e.g. `3 claims: 2 reproduced, 1 inconclusive`."""
    counts = Counter(claim["verdict"] for claim in claims)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in SYMBOLS if counts[verdict])
    noun = "claim" if len(claims) == 1 else "claims"
    return f"{len(claims)} {noun}: {parts}" if parts else "no claims"


def marked(verdict: str) -> str:
    """The verdict with its symbol."""
    return f"{SYMBOLS.get(verdict, '')} {verdict}".strip()


def measured(claim: Claim) -> str:
    """The measured value, its interval and its unit."""
    return " ".join(filter(None, (value(claim["measured"], claim["interval"]), claim["unit"])))


def value(point: Number | None, interval: Sequence[Number] | None) -> str:
    """A value and its interval, e.g. `0.97 [0.95, 0.99]`."""
    return f"{number(point)} {bounds(interval)}" if interval is not None else number(point)


def bounds(interval: Sequence[Number] | None) -> str:
    """An interval in brackets."""
    return NOTHING if interval is None else f"[{number(interval[0])}, {number(interval[1])}]"


def number(figure: Number | None) -> str:
    """Three significant digits, thousands separated; `–` where there is nothing."""
    if figure is None or math.isnan(figure):
        return NOTHING
    if math.isinf(figure):
        return "∞" if figure > 0 else "-∞"
    if abs(figure) >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def _with_note(claim: Claim) -> str:
    return f"{claim['statement']} ({claim['note']})" if claim["note"] else claim["statement"]
