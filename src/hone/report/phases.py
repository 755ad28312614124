"""A phase diagram: which of several outcomes prevails where, by two conditions."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hone.report import style
from hone.report.plots import WIDTH

_ROW = 0.75  # inches
Shares = Mapping[str, float]


@style.styled
def phases(cells: Mapping[tuple[str, str], Shares], order: Sequence[str], x_label: str) -> Figure:
    """A cell for every pair of conditions, filled from left to right by shares that sum to one.

    Args:
        cells: shares by (row, column); pairs that are missing stay blank.
        order: the outcomes, in the order of their colours.
        x_label: what the columns are.
    """
    rows, columns = (list(dict.fromkeys(pair[axis] for pair in cells)) for axis in (0, 1))
    figure = Figure(figsize=(WIDTH, 1.2 + _ROW * len(rows)), layout="constrained")
    axes = figure.subplots()
    for (row, column), shares in cells.items():
        _fill(axes, columns.index(column), rows.index(row), shares, order)
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0), xlabel=x_label)
    axes.set_xticks([place + 0.5 for place in range(len(columns))], columns)
    axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    keys = [Rectangle((0, 0), 1, 1, color=style.colour(place), alpha=0.75, label=outcome)
            for place, outcome in enumerate(order)]  # fmt: skip
    axes.legend(handles=keys, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _fill(axes: Axes, x: int, y: int, shares: Shares, order: Sequence[str]) -> None:
    """One cell, and the largest share in it in words."""
    left, width = x + 0.03, 0.94
    for place, outcome in enumerate(order):
        part = width * shares.get(outcome, 0.0)
        axes.add_patch(Rectangle((left, y + 0.08), part, 0.84, color=style.colour(place),
                                 alpha=0.75, linewidth=0))  # fmt: skip
        left += part
    winner = max(shares, key=shares.__getitem__)
    axes.text(x + 0.5, y + 0.5, f"{winner} {shares[winner]:.2f}", ha="center", va="center",
              color=style.INK, fontsize=9)  # fmt: skip
