"""Figures in one style: safe for colour-blind readers and for print, labelled on the lines.

Every function returns a figure of its own, without pyplot's global state; `style.svg` and
`style.png` turn one into bytes.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy.optimize import isotonic_regression

from hone.measures.estimates import Estimate, Interval, Number
from hone.report import scales, style

WIDTH = 7.4  # inches
_GAP = 0.06  # of the axes' height, from label to label


@dataclass(frozen=True)
class Curve:
    """One quantity along x, a row a seed; NaN where a seed has no value."""

    x: Real[np.ndarray, " points"]
    y: Float[np.ndarray, "seeds points"]

    @property
    def mean(self) -> Float[np.ndarray, " points"]:
        """Over the seeds that have a value."""
        return np.ma.masked_invalid(self.y).mean(axis=0).filled(np.nan)

    @property
    def range(self) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
        """The lowest and the highest seed."""
        known = np.ma.masked_invalid(self.y)
        return known.min(axis=0).filled(np.nan), known.max(axis=0).filled(np.nan)


@style.styled
def curves(
    series: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    *,
    marks: Mapping[str, Number] | None = None,
    levels: Mapping[str, Number] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    y_limits: Interval | None = None,
    order: Sequence[str] = (),
    theory: Mapping[str, Curve] | None = None,
    unmeasured: Mapping[str, Curve] | None = None,
    points: Collection[str] = (),
) -> Figure:
    """Mean over seeds as a line, their range as a band, each seed as a thin line.

    A change of regime, such as the switch from next-token prediction to RL, is two series that meet
    and a mark where they do.

    Args:
        series: curves by the label written at their ends.
        x_label: with its unit.
        y_label: with its unit.
        marks: positions of vertical lines by label.
        levels: positions of horizontal lines by label.
        log_x: whether x has a logarithmic axis.
        log_y: whether y has.
        y_limits: what y shows at least.
        order: labels that have colours of their own, the same in every figure that is given them.
        theory: what is foretold of a series, by its label: dotted, in its colour.
        unmeasured: what no run stands behind, such as a known bound: dotted, with its label.
        points: labels of series that have nothing between two x: a point a seed, and no line.
    """
    figure, axes = canvas(x_label, y_label)
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    known = unmeasured or {}
    shown = _defined({**series, **known})
    places = _places(shown, order)
    for label, curve in shown.items():
        if label in known:
            _draw_known(axes, curve, places[label])
        else:
            (_draw_seeds if label in points else _draw_curve)(axes, curve, places[label])
        if theory is not None and label in theory:
            _draw_known(axes, theory[label], places[label])
    if y_limits is not None:
        axes.set_ylim(*scales.covering(y_limits, (axes.dataLim.y0, axes.dataLim.y1)))
    scales.x_ticks(axes, [curve.x for curve in shown.values()], log_x)
    if log_y:
        scales.log_y_ticks(axes)
    _mark(axes, marks or {})
    _label(axes, shown, places, levels or {})
    return figure


@style.styled
def threshold(
    p: Real[np.ndarray, " p"],
    greedy: Float[np.ndarray, "seeds p"],
    sampled: Float[np.ndarray, "seeds p"],
    *,
    mark: Number = 1 / 3,
    mark_label: str = "1/3",
    x_label: str = "share of demonstrations with a chain",
    y_label: str = "accuracy",
) -> Figure:
    """Greedy and sampled accuracy against the share of long demonstrations, a point a seed.

    The dotted line is what a calibrated model comes to when sampled: right on every chain, by
    chance otherwise, (1 + p) / 2.

    Args:
        p: shares of demonstrations with a chain, ascending.
        greedy: accuracy of the most likely response.
        sampled: accuracy at temperature 1.
        mark: where greedy accuracy is expected to jump.
        mark_label: written above the mark.
        x_label: what p is.
        y_label: what the accuracy is of.
    """
    figure, axes = canvas(x_label, y_label)
    _draw_known(axes, Curve(p, ((1 + p) / 2)[None]), 1)
    shown = _defined({"greedy": Curve(p, greedy), "sampled": Curve(p, sampled)})
    places = _places(shown)
    for label, curve in shown.items():
        _draw_points(axes, curve, places[label])
    axes.set_ylim(*scales.covering((0.4, 1), (axes.dataLim.y0, axes.dataLim.y1)))
    _mark(axes, {mark_label: mark})
    _label(axes, shown, places, {})
    return figure


@style.styled
def heat_map(
    shares: Float[np.ndarray, "lengths steps"],
    *,
    lengths: Real[np.ndarray, " lengths"],
    steps: Real[np.ndarray, " steps"],
    x_label: str = "RL round",
    y_label: str = "response length (tokens)",
    share_label: str = "share of responses",
) -> Figure:
    """How the distribution of response length moves, a column a step; empty cells are left blank.

    Args:
        shares: of the responses of each step, summing to 1 over lengths.
        lengths: the middle of each row of cells, equally spaced.
        steps: the middle of each column of cells, equally spaced.
        x_label: what a step is.
        y_label: what a length is.
        share_label: beside the colour bar.
    """
    figure, axes = canvas(x_label, y_label)
    axes.grid(visible=False)
    seen = np.ma.masked_less_equal(shares, 0)
    # Small shares matter: a new length shows at 1 %.
    scale = PowerNorm(0.5, vmin=0, vmax=float(np.nanmax(shares)))
    mesh = axes.pcolormesh(
        scales.edges(steps),
        scales.edges(lengths),
        seen,
        cmap=style.fade(),
        norm=scale,
        edgecolor=style.PAPER,
        linewidth=1,
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(scales.whole_numbers())
    bar = figure.colorbar(mesh, ax=axes, label=share_label, format=PercentFormatter(1, decimals=0))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure


@style.styled
def log_odds(
    series: Mapping[str, Curve],
    *,
    x_label: str = "RL round",
    y_label: str = "share of chains (log-odds scale)",
    gain: Number = 2,
    levels: Mapping[str, Number] | None = None,
    order: Sequence[str] = (),
) -> Figure:
    """Shares on an axis where equal factors of the odds are equal distances, a point a seed.

    The dotted line from each first point is what the odds would come to if every round multiplied
    them by `gain`. Shares of 0 and 1 have no place on this axis and are left out.

    Args:
        series: shares, by the label written at the curve's end.
        x_label: what a step is.
        y_label: what the share is of.
        gain: the factor of the dotted lines.
        levels: shares with a horizontal line, by label.
        order: labels that have colours of their own, the same in every figure that is given them.
    """
    figure, axes = canvas(x_label, y_label)
    shown = _defined(
        {name: Curve(curve.x, scales.log2_odds(curve.y)) for name, curve in series.items()}
    )
    places = _places(shown, order)
    for label, curve in shown.items():
        _draw_points(axes, curve, places[label])
    limits = axes.get_ylim()
    for label, curve in shown.items():
        start, rounds = curve.mean[0], curve.x - curve.x[0]
        _draw_known(axes, Curve(curve.x, (start + rounds * np.log2(gain))[None]), places[label])
    axes.set_ylim(limits)
    scales.x_ticks(axes, [curve.x for curve in shown.values()], log_x=False)
    scales.odds_ticks(axes)
    given = levels or {}
    placed = scales.log2_odds(np.array([*given.values()], dtype=float))
    _label(axes, shown, places, dict(zip(given, placed, strict=True)))
    return figure


@style.styled
def bars(
    groups: Mapping[str, Mapping[str, Estimate]],
    x_label: str,
    *,
    levels: Mapping[str, Number] | None = None,
    x_limits: Interval | None = None,
    order: Sequence[str] = (),
    beside: Mapping[str, str] | None = None,
) -> Figure:
    """Values as dots on bars that span their intervals, an arm a row, arms in named groups.

    An arm that stands in several groups has one colour in all of them; those that stand in one
    alone share a colour.

    Args:
        groups: estimates by arm by group, drawn from top to bottom.
        x_label: what the values are, with the unit.
        levels: vertical lines by label, e.g. chance.
        x_limits: what x shows at least.
        order: arms and groups that have colours of their own, the same in every figure that is
            given them; an arm without one has its group's.
        beside: arms that are values from elsewhere, such as a paper's, by the arm that they are
            set beside: hollow, in its colour.
    """
    rows = sum(len(arms) + 1 for arms in groups.values())
    figure, axes = canvas("", "", height=0.9 + 0.24 * rows)
    axes.set_xlabel(x_label)
    axes.grid(visible=False, axis="y")
    references = beside or {}
    y, ticks, colours = 0, {}, _colours(groups, order, references)
    for group, arms in groups.items():
        ticks[y] = group
        for j, (arm, estimate) in enumerate(arms.items(), start=y + 1):
            ticks[j] = arm
            _draw_row(axes, j, estimate, colours[group, arm], hollow=arm in references)
        y += len(arms) + 1
    _row_labels(axes, ticks, headings=_headings(groups))
    if x_limits is not None:
        axes.set_xlim(*scales.covering(x_limits, (axes.dataLim.x0, axes.dataLim.x1)))
    _mark(axes, levels or {})
    return figure


# ------------------------------------------------------------------------------------- drawing


def canvas(x_label: str, y_label: str, height: float = 3.7) -> tuple[Figure, Axes]:
    """A figure with one pair of axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.tick_params(length=3)
    return figure, axes


def _defined(series: Mapping[str, Curve]) -> dict[str, Curve]:
    """Those with any value, as nothing can be drawn or labelled without one."""
    return {label: curve for label, curve in series.items() if np.isfinite(curve.y).any()}


def _places(labels: Iterable[str], order: Sequence[str] = ()) -> dict[str, int]:
    """The palette's place of every label: its own in `order`, or else the next that is free."""
    own = {label: order.index(label) for label in labels if label in order}
    free = (place for place in count() if place not in own.values())
    return {label: own[label] if label in own else next(free) for label in labels}


def _colours(
    groups: Mapping[str, Mapping[str, Estimate]], order: Sequence[str], beside: Mapping[str, str]
) -> dict[tuple[str, str], str]:
    """Of every row, by its group and arm: the arm's own, its group's, or that of its name."""
    seen = Counter(arm for arms in groups.values() for arm in arms)
    named: dict[tuple[str, str], str] = {}
    for group, arms in groups.items():
        for arm in arms:
            own = beside.get(arm, arm)
            alone = "" if seen[own] < 2 else own
            named[group, arm] = next((name for name in (own, group) if name in order), alone)
    places = _places(dict.fromkeys(named.values()), order)
    return {row: style.colour(places[name]) for row, name in named.items()}


def _draw_curve(axes: Axes, curve: Curve, i: int) -> None:
    axes.fill_between(curve.x, *curve.range, color=style.colour(i), alpha=0.16, linewidth=0)
    axes.plot(curve.x, curve.y.T, color=style.colour(i), alpha=0.4, linewidth=0.8)
    axes.plot(curve.x, curve.mean, color=style.colour(i), linestyle=style.dashes(i))


def _draw_known(axes: Axes, curve: Curve, i: int) -> None:
    axes.plot(curve.x, curve.mean, color=style.colour(i), linestyle=":", linewidth=1.5)


def _draw_points(axes: Axes, curve: Curve, i: int) -> None:
    axes.plot(curve.x, curve.mean, color=style.colour(i), linestyle=style.dashes(i))
    _draw_seeds(axes, curve, i)


def _draw_seeds(axes: Axes, curve: Curve, i: int) -> None:
    axes.plot(curve.x, curve.y.T, "o", color=style.colour(i), alpha=0.65, markersize=5, mew=0)


def _draw_row(axes: Axes, row: int, estimate: Estimate, colour: str, *, hollow: bool) -> None:
    """A dot on a guide line: unlike a bar's length, honest wherever the axis begins."""
    axes.axhline(row, color=style.GRID, linewidth=0.7, zorder=0)
    if estimate.interval is not None:
        axes.plot(
            estimate.interval,
            (row, row),
            color=colour,
            alpha=0.4,
            linewidth=6,
            solid_capstyle="butt",
        )
    face, edge = (style.PAPER, colour) if hollow else (colour, style.PAPER)
    width = 1.5 if hollow else 1
    axes.plot(estimate.value, row, "o", color=colour, markersize=7, mfc=face, mec=edge, mew=width)


def _mark(axes: Axes, marks: Mapping[str, Number]) -> None:
    """Vertical lines with their labels above the axes, where no data is."""
    for label, x in marks.items():
        axes.axvline(x, color=style.INK, linewidth=1, linestyle=style.RULE)
        axes.annotate(
            label, (x, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom",
        )  # fmt: skip


def _label(
    axes: Axes,
    series: Mapping[str, Curve],
    places: Mapping[str, int],
    levels: Mapping[str, Number],
) -> None:
    """Write labels right of the axes, each joined to its line's end and clear of the others.

    Args:
        axes: with everything else drawn.
        series: what has been drawn.
        places: of its colours in the palette.
        levels: horizontal lines to draw, by label.
    """
    axes.autoscale_view()  # limits are otherwise not known before drawing
    for y in levels.values():
        axes.axhline(y, color=style.INK, linewidth=1, linestyle=style.RULE)
    ends = [
        (label, _end(axes, curve), style.colour(places[label])) for label, curve in series.items()
    ]
    edge = axes.get_xlim()[1]
    ends += [(label, _fraction(axes, edge, y), style.INK) for label, y in levels.items()]
    _join(axes, ends, spread(np.array([y for _, (_, y), _ in ends]), _GAP))


def _join(
    axes: Axes,
    ends: Sequence[tuple[str, tuple[float, float], str]],
    heights: Float[np.ndarray, " n"],
) -> None:
    """Labels right of the axes at given heights, each joined to its end.

    Args:
        axes: whose limits are settled.
        ends: label, point as fractions of the axes, and colour.
        heights: as fractions of the axes'.
    """
    for (label, end, colour), to in zip(ends, heights, strict=True):
        axes.annotate(
            label, end, (1.035, to), xycoords="axes fraction", textcoords="axes fraction",
            va="center", annotation_clip=False, color=colour,
            arrowprops={"arrowstyle": "-", "color": style.INK, "alpha": 0.5, "linewidth": 0.7,
                        "linestyle": ":", "shrinkA": 1, "shrinkB": 2, "relpos": (0, 0.5)},
        )  # fmt: skip


def _end(axes: Axes, curve: Curve) -> tuple[float, float]:
    last = np.flatnonzero(np.isfinite(curve.mean))[-1]
    return _fraction(axes, float(curve.x[last]), float(curve.mean[last]))


def _fraction(axes: Axes, x: Number, y: Number) -> tuple[float, float]:
    """A point of the data as fractions of the axes' width and height."""
    pixel = axes.transData.transform((x, y))
    across, up = axes.transAxes.inverted().transform(pixel)
    return float(across), float(up)


def spread(wanted: Float[np.ndarray, " n"], gap: float) -> Float[np.ndarray, " n"]:
    """Positions in the same order, at least a gap apart, nearest to the wanted ones in all."""
    order = np.argsort(wanted, kind="stable")
    offsets = gap * np.arange(len(wanted))
    free = isotonic_regression(wanted[order] - offsets).x
    placed = np.empty_like(wanted)
    placed[order] = free + offsets
    return placed


def _row_labels(axes: Axes, ticks: Mapping[int, str], headings: set[int]) -> None:
    axes.set_yticks(list(ticks), labels=list(ticks.values()))
    axes.set_ylim(max(ticks) + 0.6, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for row, label in zip(ticks, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if row in headings else "normal")


def _headings(groups: Mapping[str, Mapping[str, Estimate]]) -> set[int]:
    sizes = [len(arms) + 1 for arms in groups.values()]
    return {int(row) for row in np.cumsum([0, *sizes[:-1]])}
