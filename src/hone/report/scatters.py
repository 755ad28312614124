"""Points of two coordinates: in one pair of axes, or in several side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hone.measures.estimates import Estimate, Number
from hone.report import style
from hone.report.plots import GAP, WIDTH, canvas, fraction, join, spread

_LINE = 0.2  # inches, from label to label where there are many
_LETTERS = 96  # that fit on a line of a legend under panels
_BESIDE = 8  # of them, the room of a panel's own y-axis
_MARKERS = "osD^"


@dataclass(frozen=True)
class Panel:
    """What stands in one of several pairs of axes.

    Attributes:
        points: both coordinates, with their intervals, by series.
        x_label: with its unit.
        y_label: with its unit.
        equal: whether there is the line on which both coordinates are equal.
    """

    points: Mapping[str, Sequence[tuple[Estimate, Estimate]]]
    x_label: str
    y_label: str
    equal: bool = False


@style.styled
def scatter(
    points: Mapping[str, Mapping[str, tuple[Number, Number]]],
    x_label: str,
    y_label: str,
    *,
    named: bool = False,
    equal: bool = False,
) -> Figure:
    """Points by series.

    Args:
        points: x and y by name by series.
        x_label: with its unit.
        y_label: with its unit.
        named: whether the names are written, right of the axes and joined to their points;
            otherwise they are for the reader of the code alone.
        equal: whether there is the line on which both coordinates are equal.
    """
    count = sum(map(len, points.values())) if named else 0
    figure, axes = canvas(x_label, y_label, height=max(3.7, 0.6 + _LINE * count))
    for i, (series, places) in enumerate(points.items()):
        x, y = zip(*places.values(), strict=True)
        colour, marker = _look(i)
        axes.plot(x, y, marker, color=colour, label=series, alpha=0.8, mew=0)
    if equal:
        _draw_equal(axes)
    axes.legend(frameon=False, loc="best")
    if named:
        _name(axes, points)
    return figure


@style.styled
def panels(shown: Sequence[Panel]) -> Figure:
    """Several scatters side by side, with one legend: a series looks the same in all of them."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    series = list(dict.fromkeys(name for panel in shown for name in panel.points))
    letters = _LETTERS // len(shown) - _BESIDE
    for axes, panel in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axes.set(xlabel=fill(panel.x_label, letters), ylabel=panel.y_label)
        axes.tick_params(length=3)
        for name, points in panel.points.items():
            _draw_points(axes, points, series.index(name), name)
        axes.margins(0.08)
        if panel.equal:
            _draw_equal(axes)
    keys = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = min(3, max(1, _LETTERS // max(len(name) + 6 for name in series)))
    figure.legend([keys[name] for name in series], series, loc="outside lower center",
                  ncols=columns, frameon=False)  # fmt: skip
    return figure


def _draw_points(
    axes: Axes, points: Sequence[tuple[Estimate, Estimate]], i: int, label: str
) -> None:
    colour, marker = _look(i)
    x, y = zip(*((float(a.value), float(b.value)) for a, b in points), strict=True)
    for a, b in points:
        for interval, other, across in ((a.interval, b.value, True), (b.interval, a.value, False)):
            if interval is not None:
                level = (other, other)
                ends = (interval, level) if across else (level, interval)
                axes.plot(*ends, color=colour, alpha=0.35, linewidth=1)
    axes.plot(x, y, marker, color=colour, label=label, alpha=0.85, mew=0, markersize=5)


def _look(i: int) -> tuple[str, str]:
    """Colour and mark of a series: no two of twelve share both."""
    return style.colour(i), _MARKERS[i % len(_MARKERS)]


def _draw_equal(axes: Axes) -> None:
    axes.axline((0, 0), slope=1, color=style.INK, linewidth=1, linestyle=style.RULE)


def _name(axes: Axes, points: Mapping[str, Mapping[str, tuple[Number, Number]]]) -> None:
    """Write every point's name right of the axes, within their height, in its series' colour."""
    axes.autoscale_view()
    ends = [
        (name, fraction(axes, *place), style.colour(i))
        for i, places in enumerate(points.values())
        for name, place in places.items()
    ]
    gap = min(GAP, 1 / len(ends))
    join(axes, ends, spread(np.array([y for _, (_, y), _ in ends]), gap, most=1))
