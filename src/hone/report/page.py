"""One page about one run: a single HTML file that needs no network and no server.

Whatever a model or a user wrote is data: the templates escape it, the browser of responses gets it
as JSON and shows it with `textContent`, and the page's policy allows no script but its own.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
import matplotlib.figure
import polars as pl
from markupsafe import Markup

from hone.core.files import write_bytes
from hone.measures.estimates import Estimate
from hone.report import claims_table, style
from hone.report.tables import TextTable

SHOWN = (
    "arm", "stage", "evaluation", "seed", "step", "split", "temperature", "problem_id",
    "prompt_text", "response_text", "strategy", "grade", "grade_reason", "steps_correct", "reward",
    "advantage", "finish",
)  # fmt: skip
"""Columns of the rollout table that the browser of responses can show."""

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)

# A figure's colours, and what they are where the page may be dark.
_THEMED = {
    style.INK: "var(--ink)",
    style.MUTED: "var(--muted)",
    style.GRID: "var(--line)",
    style.PAPER: "var(--paper)",
    style.PALETTE[0]: "var(--blue)",  # the one of the palette that is too dark on dark
}


@dataclass(frozen=True)
class FigureImage:
    """A drawn figure with the words that belong to it; `svg` is a whole document."""

    name: str
    title: str
    caption: str
    alt: str  # what it shows, for those who do not see it
    svg: str
    png: bytes

    @property
    def inline(self) -> Markup:
        """The SVG in the page's own colours."""
        pattern = re.compile("|".join(_THEMED))
        return Markup(pattern.sub(lambda match: _THEMED[match[0]], self.svg))


@dataclass(frozen=True)
class Arm:
    """What one stage of an arm came to; other arms may have it too.

    Attributes:
        names: of the arms that share the stage, the first of the plan first.
        figures: by name.
        protocol: how it was evaluated.
    """

    names: tuple[str, ...]
    stage: str
    figures: Mapping[str, Estimate]
    protocol: str = ""


@dataclass(frozen=True)
class Choices:
    """An algorithm, the arms that it trains, and all that its author was free to choose."""

    name: str
    arms: tuple[str, ...]
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """What a run came to.

    Attributes:
        claims: as `claims.json` holds them.
        rollouts: at most some thousand rows; the columns among `SHOWN` are shown. Where there is
            a column `evaluation`, the rows that have `last` there are what is shown at first.
        command: what to type to get the same again.
        settings: resolved; may be nested.
        facts: what else was fixed, as lines by name.
        algorithms: every distinct one.
    """

    title: str
    paper: str
    summary: str
    claims: list[dict[str, Any]]
    figures: list[FigureImage]
    tables: list[TextTable]
    rollouts: pl.DataFrame
    command: str
    environment: dict[str, Any]
    settings: dict[str, Any]
    arms: Sequence[Arm]
    facts: Mapping[str, Sequence[str]]
    algorithms: Sequence[Choices]


def render_figure(
    name: str, title: str, caption: str, alt: str, figure: matplotlib.figure.Figure
) -> FigureImage:
    """Draw a figure once, for pages and for publishing.

    Args:
        name: unique in the page; becomes the file name and the prefix of every id in the SVG.
        title: in a few words.
        caption: how to read it.
        alt: what it shows, for those who do not see it.
        figure: as a function of `hone.report.plots` returns it.
    """
    drawing = _accessible(style.svg(figure), name, title, alt)
    return FigureImage(name, title, caption, alt, drawing, style.png(figure))


def write_page(page: Page, path: Path) -> None:
    """Write the page as one HTML file."""
    context = {
        "page": page,
        "tally": claims_table.tally(page.claims),
        "measures": list(dict.fromkeys(name for arm in page.arms for name in arm.figures)),
        "settings": flattened(page.settings),
        "environment": flattened(page.environment),
        "responses": _columns(page.rollouts),
    }
    write_html("report.html", context, path)


def write_html(template: str, context: Mapping[str, Any], path: Path) -> None:
    """Fill a template that extends `base.html`, and replace the file in one step."""
    write_bytes(path, _templates().get_template(template).render(context).encode())


def several(names: Iterable[str], most: int = 3) -> str:
    """Names as a list that stays short, e.g. `a, b, c and 4 more`."""
    listed = list(dict.fromkeys(names))
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest


def flattened(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Values as text by dotted name, in the order given."""
    flat: dict[str, str] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = _text(value)
    return flat


@cache
def _templates() -> jinja2.Environment:
    """The templates with what every page has: filters, style and script."""
    loader = jinja2.PackageLoader("hone.report")
    templates = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    sheet, script = (loader.get_source(templates, name)[0] for name in ("page.css", "page.js"))
    templates.filters |= {
        "number": claims_table.number, "bounds": claims_table.bounds, "several": several,
    }  # fmt: skip
    templates.globals |= {
        "symbols": claims_table.SYMBOLS,
        "meanings": claims_table.MEANINGS,
        "style": Markup(sheet),
        "script": Markup(script),
        "script_hash": _hash(script),
    }
    return templates


def _text(value: object) -> str:
    if value is None:
        return claims_table.NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _columns(rollouts: pl.DataFrame) -> dict[str, list[Any]]:
    """The shown columns, as JSON can hold them; far smaller than an object a row."""
    shown = rollouts.select(name for name in SHOWN if name in rollouts.columns)
    floats = pl.selectors.float()
    finite = shown.with_columns(pl.when(floats.is_finite()).then(floats.round_sig_figs(3)))
    return finite.to_dict(as_series=False)


def _accessible(document: str, name: str, title: str, alt: str) -> str:
    """The SVG with a role, a title, a description, and ids that no other figure has."""
    root = ElementTree.fromstring(document)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    # In place of the style sheet, which would hold for the whole page.
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    root.attrib |= {"role": "img", "aria-label": alt}
    heading = ElementTree.Element(f"{{{_SVG}}}title")
    heading.text = title
    root.insert(0, heading)
    for element in root.iter():
        for key, value in element.attrib.items():
            element.set(key, _prefixed(key, value, name))
    return ElementTree.tostring(root, encoding="unicode")


def _prefixed(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{{{_XLINK}}}href":
        return re.sub("^#", f"#{name}-", value)
    return value if key == "aria-label" else value.replace("url(#", f"url(#{name}-")


def _hash(script: str) -> str:
    """What a content security policy calls the script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
