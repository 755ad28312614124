"""Points of two coordinates, in several pairs of axes side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hone.measures.estimates import Estimate
from hone.report import style
from hone.report.plots import WIDTH

_LETTERS = 96  # that fit on a line of a legend under panels
_BESIDE = 8  # of them, the room of a panel's own y-axis
_MARKERS = "osD^"
_LINES = (":", "-")


@dataclass(frozen=True)
class Panel:
    """What stands in one of several pairs of axes.

    Attributes:
        points: both coordinates, with their intervals, by series.
        x_label: with its unit.
        y_label: with its unit.
        equal: whether there is the line on which both coordinates are equal.
        lines: x and y of what points are held against, by name, two at most.
    """

    points: Mapping[str, Sequence[tuple[Estimate, Estimate]]]
    x_label: str
    y_label: str
    equal: bool = False
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)


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
        for i, (name, (x, y)) in enumerate(panel.lines.items()):
            axes.plot(x, y, _LINES[i], color=style.INK, linewidth=1, label=name)
        axes.margins(0.08)
        if panel.equal:
            _draw_equal(axes)
    keys = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = min(3, max(1, _LETTERS // max(len(name) + 6 for name in keys)))
    figure.legend(list(keys.values()), list(keys), loc="outside lower center", ncols=columns,
                  frameon=False)  # fmt: skip
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
    axes.plot(x, y, marker, color=colour, label=label, alpha=0.6, mew=0, markersize=5)


def _look(i: int) -> tuple[str, str]:
    """Colour and mark of a series: no two of twelve share both."""
    return style.colour(i), _MARKERS[i % len(_MARKERS)]


def _draw_equal(axes: Axes) -> None:
    axes.axline((0, 0), slope=1, color=style.INK, linewidth=1, linestyle=style.RULE)
