"""How figures look, and how they become bytes that are the same on every call."""

import io
from typing import Any

import matplotlib
import matplotlib.colors
import numpy as np
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1f2328", "#656d76", "#d8dee4", "#ffffff"
"""The colours that a page exchanges for its own where it is dark."""

# Okabe and Ito's palette without black and yellow, which vanish on dark or on white paper.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("-", "--", ":", "-.")
RULE = (0, (4, 3))  # the dashes of marks and levels

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same metrics everywhere
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": PAPER,
    "lines.linewidth": 2,
    "svg.fonttype": "none",  # text stays text: selectable, and in the page's own font
    "svg.hashsalt": "hone",  # element ids must not differ from run to run
}
styled = matplotlib.rc_context(_STYLE)


@styled
def svg(figure: Figure) -> str:
    """The figure as a standalone SVG document."""
    _settle(figure)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


@styled
def png(figure: Figure) -> bytes:
    """The figure as a PNG image."""
    _settle(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
    return file.getvalue()


def _settle(figure: Figure) -> None:
    """Lay out once and keep it: the engine moves things a little every time it is run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def colour(i: int) -> str:
    """Of the i-th series."""
    return PALETTE[i % len(PALETTE)]


def dashes(i: int) -> str:
    """Of the i-th series: solid until the colours begin again."""
    return _DASHES[i // len(PALETTE) % len(_DASHES)]


def fade() -> matplotlib.colors.ListedColormap:
    """From nearly transparent to full, which reads on white and on dark paper alike."""
    red, green, blue = matplotlib.colors.to_rgb(PALETTE[0])
    return matplotlib.colors.ListedColormap(
        [(red, green, blue, alpha) for alpha in np.linspace(0.08, 1, 32)]
    )
