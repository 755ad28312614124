"""Figures in one style: safe for colour-blind readers and for print, labelled on the lines.

Every function returns a figure of its own, without pyplot's global state. `svg` and `png` turn one
into bytes that are the same on every call.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.colors
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter
from scipy.optimize import isotonic_regression

from hone.measures.estimates import Estimate

INK, MUTED, GRID, PAPER = "#1f2328", "#656d76", "#d8dee4", "#ffffff"
"""The colours that a page exchanges for its own where it is dark."""

# Okabe and Ito's palette without black and yellow, which vanish on dark or on white paper.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("-", "--", ":", "-.")
_RULE = (0, (4, 3))  # the dashes of marks and levels

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

_WIDTH = 7.4  # inches
_GAP = 0.06  # of the axes' height, from label to label


@dataclass(frozen=True)
class Curve:
    """One quantity along x, a row a seed; NaN where a seed has no value."""

    x: Float[np.ndarray, " points"]
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


@styled
def curves(
    series: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    *,
    marks: Mapping[str, float] | None = None,
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
    y_limits: tuple[float, float] | None = None,
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
        y_limits: what y must show; from the data where None.
    """
    figure, axes = _canvas(x_label, y_label)
    if log_x:
        axes.set_xscale("log")
    for i, curve in enumerate(series.values()):
        _draw_curve(axes, curve, i)
    if y_limits is not None:
        axes.set_ylim(*_padded(*y_limits))
    _thousands(axes, [curve.x for curve in series.values()], log_x)
    _mark(axes, marks or {})
    _label(axes, series, levels or {})
    return figure


@styled
def threshold(
    p: Float[np.ndarray, " p"],
    greedy: Float[np.ndarray, "seeds p"],
    sampled: Float[np.ndarray, "seeds p"],
    *,
    mark: float = 1 / 3,
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
    figure, axes = _canvas(x_label, y_label)
    axes.plot(p, (1 + p) / 2, color=_colour(1), linestyle=":", linewidth=1.5)
    shown = {"greedy": Curve(p, greedy), "sampled": Curve(p, sampled)}
    for i, curve in enumerate(shown.values()):
        _draw_points(axes, curve, i)
    axes.set_ylim(*_padded(min(0.4, float(np.nanmin([greedy, sampled]))), 1))
    _mark(axes, {mark_label: mark})
    _label(axes, shown, {})
    return figure


@styled
def heat_map(
    shares: Float[np.ndarray, "lengths steps"],
    *,
    lengths: Float[np.ndarray, " lengths"],
    steps: Float[np.ndarray, " steps"],
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
    figure, axes = _canvas(x_label, y_label)
    axes.grid(visible=False)
    seen = np.ma.masked_less_equal(shares, 0)
    # Small shares matter: a new length shows at 1 %.
    scale = matplotlib.colors.PowerNorm(0.5, vmin=0, vmax=float(np.nanmax(shares)))
    mesh = axes.pcolormesh(
        _edges(steps), _edges(lengths), seen, cmap=_fade(), norm=scale, edgecolor=PAPER, linewidth=1
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    bar = figure.colorbar(mesh, ax=axes, label=share_label, format=PercentFormatter(1, decimals=0))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure


@styled
def log_odds(
    series: Mapping[str, Curve],
    *,
    x_label: str = "RL round",
    y_label: str = "share of chains (log-odds scale)",
    gain: float = 2.0,
    levels: Mapping[str, float] | None = None,
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
    """
    figure, axes = _canvas(x_label, y_label)
    shown = {name: Curve(curve.x, _log2_odds(curve.y)) for name, curve in series.items()}
    for i, curve in enumerate(shown.values()):
        _draw_points(axes, curve, i)
    limits = axes.get_ylim()
    for i, curve in enumerate(shown.values()):
        start, rounds = curve.mean[0], curve.x - curve.x[0]
        line = start + rounds * np.log2(gain)
        axes.plot(curve.x, line, color=_colour(i), linestyle=":", linewidth=1.5)
    axes.set_ylim(limits)
    _odds_ticks(axes)
    placed = {name: float(_log2_odds(np.array(share))) for name, share in (levels or {}).items()}
    _label(axes, shown, placed)
    return figure


@styled
def bars(
    groups: Mapping[str, Mapping[str, Estimate]],
    x_label: str,
    *,
    levels: Mapping[str, float] | None = None,
    x_limits: tuple[float, float] | None = None,
) -> Figure:
    """Values with their intervals side by side, an arm a row, arms in named groups.

    Args:
        groups: estimates by arm by group, drawn from top to bottom.
        x_label: what the values are, with the unit.
        levels: vertical lines by label, e.g. chance.
        x_limits: what x must show; from the data where None.
    """
    rows = sum(len(arms) + 1 for arms in groups.values())
    figure, axes = _canvas("", "", height=0.9 + 0.24 * rows)
    axes.set_xlabel(x_label)
    axes.grid(visible=False, axis="y")
    y, ticks = 0, {}
    for i, (group, arms) in enumerate(groups.items()):
        ticks[y] = group
        for j, (arm, estimate) in enumerate(arms.items(), start=y + 1):
            ticks[j] = arm
            _draw_bar(axes, j, estimate, _colour(i))
        y += len(arms) + 1
    _row_labels(axes, ticks, headings=_headings(groups))
    if x_limits is not None:
        axes.set_xlim(*_padded(*x_limits))
    _mark(axes, levels or {})
    return figure


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


# ------------------------------------------------------------------------------------- drawing


def _canvas(x_label: str, y_label: str, height: float = 3.7) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.tick_params(length=3)
    return figure, axes


def _draw_curve(axes: Axes, curve: Curve, i: int) -> None:
    axes.fill_between(curve.x, *curve.range, color=_colour(i), alpha=0.16, linewidth=0)
    axes.plot(curve.x, curve.y.T, color=_colour(i), alpha=0.4, linewidth=0.8)
    axes.plot(curve.x, curve.mean, color=_colour(i), linestyle=_dashes(i))


def _draw_points(axes: Axes, curve: Curve, i: int) -> None:
    axes.plot(curve.x, curve.mean, color=_colour(i), linestyle=_dashes(i))
    axes.plot(curve.x, curve.y.T, "o", color=_colour(i), alpha=0.65, markersize=5, mew=0)


def _draw_bar(axes: Axes, row: int, estimate: Estimate, colour: str) -> None:
    axes.barh(row, estimate.value, height=0.62, color=colour, alpha=0.3)
    if estimate.interval is not None:
        axes.plot(estimate.interval, (row, row), color=colour, solid_capstyle="butt", linewidth=2.5)
    axes.plot(estimate.value, row, "o", color=colour, markersize=6, mec=PAPER, mew=1)


def _mark(axes: Axes, marks: Mapping[str, float]) -> None:
    """Vertical lines with their labels above the axes, where no data is."""
    for label, x in marks.items():
        axes.axvline(x, color=INK, linewidth=1, linestyle=_RULE)
        axes.annotate(
            label, (x, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom",
        )  # fmt: skip


def _label(axes: Axes, series: Mapping[str, Curve], levels: Mapping[str, float]) -> None:
    """Write labels right of the axes, each joined to its line's end and clear of the others.

    Args:
        axes: with its final limits.
        series: what has been drawn, in the order of its colours.
        levels: horizontal lines to draw, by label.
    """
    for y in levels.values():
        axes.axhline(y, color=INK, linewidth=1, linestyle=_RULE)
    ends = [_end(axes, curve) for curve in series.values()]
    ends += [_fraction(axes, axes.get_xlim()[1], y) for y in levels.values()]
    colours = [_colour(i) for i in range(len(series))] + [INK] * len(levels)
    heights = _spread(np.array([y for _, y in ends]), _GAP)
    labels = [*series, *levels]
    for label, end, to, colour in zip(labels, ends, heights, colours, strict=True):
        axes.annotate(
            label, end, (1.035, to), xycoords="axes fraction", textcoords="axes fraction",
            va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1, "shrinkA": 1,
                        "shrinkB": 2, "relpos": (0, 0.5)},
        )  # fmt: skip


def _end(axes: Axes, curve: Curve) -> tuple[float, float]:
    last = np.flatnonzero(np.isfinite(curve.mean))[-1]
    return _fraction(axes, float(curve.x[last]), float(curve.mean[last]))


def _fraction(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """A point of the data as fractions of the axes' width and height."""
    pixel = axes.transData.transform((x, y))
    across, up = axes.transAxes.inverted().transform(pixel)
    return float(across), float(up)


def _spread(wanted: Float[np.ndarray, " n"], gap: float) -> Float[np.ndarray, " n"]:
    """Positions in the same order, at least a gap apart, nearest to the wanted ones in all."""
    order = np.argsort(wanted, kind="stable")
    offsets = gap * np.arange(len(wanted))
    placed = np.empty_like(wanted)
    placed[order] = isotonic_regression(wanted[order] - offsets).x + offsets
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


# ------------------------------------------------------------------------------- colours, scales


def _colour(i: int) -> str:
    return PALETTE[i % len(PALETTE)]


def _dashes(i: int) -> str:
    return _DASHES[i // len(PALETTE) % len(_DASHES)]


def _fade() -> matplotlib.colors.ListedColormap:
    """From nearly transparent to full, which reads on white and on dark paper alike."""
    red, green, blue = matplotlib.colors.to_rgb(PALETTE[0])
    return matplotlib.colors.ListedColormap(
        [(red, green, blue, alpha) for alpha in np.linspace(0.08, 1, 32)]
    )


def _edges(middles: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    step = middles[1] - middles[0] if len(middles) > 1 else 1.0
    return np.append(middles - step / 2, middles[-1] + step / 2)


def _padded(low: float, high: float) -> tuple[float, float]:
    """Limits a little wider, so that a line along an edge is not cut in half."""
    pad = 0.02 * (high - low)
    return low - pad, high + pad


def _thousands(axes: Axes, xs: list[Float[np.ndarray, " _"]], log_x: bool) -> None:
    """Ticks such as 20k; also on a logarithmic axis, whose own labels need formula fonts."""
    if log_x or max((float(np.max(x)) for x in xs), default=0) >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _log2_odds(share: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    inner = np.where((share > 0) & (share < 1), share, np.nan)
    return np.log2(inner / (1 - inner))


def _odds_ticks(axes: Axes) -> None:
    low, high = axes.get_ylim()
    shares = np.array([0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 0.95,
                       0.98, 0.99, 0.997, 0.999])  # fmt: skip
    at = _log2_odds(shares)
    shown = (low <= at) & (at <= high)
    axes.set_yticks(at[shown], labels=[f"{share:.3g}" for share in shares[shown]])
