"""Axes: their limits, their ticks, and the log-odds scale."""

import numpy as np
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.ticker import (
    EngFormatter,
    FixedLocator,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from hone.measures.estimates import Interval
from hone.report.tables import raised

_NAMED = range(3, 9)  # so many different x on a log axis have a tick each
_APART = 1.5  # times, from which they have room for it


def edges(middles: Real[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """The edges of equally spaced cells, one more than there are cells."""
    step = middles[1] - middles[0] if len(middles) > 1 else 1.0
    return np.append(middles - step / 2, middles[-1] + step / 2)


def covering(limits: Interval, data: Interval) -> tuple[float, float]:
    """Limits that hide no data, and a little wider, so that no edge cuts a line in half."""
    low, high = min(limits[0], data[0]), max(limits[1], data[1])
    pad = 0.02 * (high - low)
    return float(low - pad), float(high + pad)


def whole_numbers() -> MaxNLocator:
    """Ticks at whole numbers alone."""
    return MaxNLocator("auto", steps=(1, 2, 5, 10), integer=True)


def x_ticks(axes: Axes, xs: list[Real[np.ndarray, " _"]], log_x: bool) -> None:
    """Whole numbers where all x are; on a log axis the x themselves if few and apart; 20k."""
    if not log_x and all(np.all(x == np.round(x)) for x in xs):  # there is no round 2.5
        axes.xaxis.set_major_locator(whole_numbers())
    if log_x:
        axes.xaxis.set_major_locator(_log_locator(axes, xs))
        axes.xaxis.set_minor_formatter(NullFormatter())  # its labels need formula fonts
    if log_x and min((float(np.min(x)) for x in xs), default=1) < 1:
        axes.xaxis.set_major_formatter("{x:g}")
    elif log_x or max((float(np.max(x)) for x in xs), default=0) >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _log_locator(axes: Axes, xs: list[Real[np.ndarray, " _"]]) -> Locator:
    values = np.unique(np.concatenate(xs)) if xs else np.empty(0)
    if len(values) in _NAMED and (values[1:] / values[:-1]).min() >= _APART:
        axes.xaxis.set_minor_locator(NullLocator())
        return FixedLocator(values.tolist())
    return LogLocator(subs=_log_ticks(*axes.get_xlim()))


def log_y_ticks(axes: Axes) -> None:
    """Plain numbers; powers of ten where these would be long."""
    low, high = axes.get_ylim()
    plain = low >= 1e-4 and high <= 1e4
    axes.yaxis.set_major_formatter("{x:g}" if plain else _power_of_ten)


def _power_of_ten(value: float, _position: float | int | None) -> str:
    return f"10{raised(round(np.log10(value)))}"


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """What powers of ten are multiplied by; more where there are few of them."""
    return (1.0,) if high / low >= 100 else (1.0, 2.0, 5.0)


def log2_odds(share: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The logarithm of the odds; NaN where the share is 0 or 1."""
    inner = np.where((share > 0) & (share < 1), share, np.nan)
    return np.log2(inner / (1 - inner))


def odds_ticks(axes: Axes) -> None:
    """Shares as the labels of a y axis that is one of log-odds."""
    low, high = axes.get_ylim()
    shares = np.array([0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 0.95,
                       0.98, 0.99, 0.997, 0.999])  # fmt: skip
    at = log2_odds(shares)
    shown = (low <= at) & (at <= high)
    axes.set_yticks(at[shown], labels=[f"{share:.3g}" for share in shares[shown]])
