"""Shares that sum to one, stacked over time, with what they come to drawn above them."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Real
from matplotlib.figure import Figure

from hone.report import style
from hone.report.plots import WIDTH, Curve


@style.styled
def stacked(
    x: Real[np.ndarray, " points"],
    shares: Mapping[str, Float[np.ndarray, " points"]],
    above: Mapping[str, Curve],
    x_label: str,
    share_label: str,
    above_label: str,
) -> Figure:
    """Stacked shares below, curves above, over one x axis.

    Args:
        x: where the shares were taken.
        shares: by label; they sum to one at every point.
        above: curves in the upper part, by label.
        x_label: with its unit.
        share_label: of the lower y axis.
        above_label: of the upper one.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.3))
    colours = [style.colour(place) for place in range(len(shares))]
    lower.stackplot(
        x, *shares.values(), labels=list(shares), colors=colours, alpha=0.75, linewidth=0
    )
    lower.set(xlabel=x_label, ylabel=share_label, ylim=(0, 1), xlim=(x[0], x[-1]))
    lower.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    for place, (label, curve) in enumerate(above.items()):
        dashes = style.dashes(len(style.PALETTE) * place)
        upper.plot(curve.x, curve.mean, color=style.INK, linestyle=dashes, label=label)
        upper.fill_between(curve.x, *curve.range, color=style.MUTED, alpha=0.12, linewidth=0)
        for edge in curve.range:  # dashed as the mean is: bands of one colour are told apart by it
            upper.plot(curve.x, edge, color=style.MUTED, linestyle=dashes, linewidth=0.7)
    upper.set(ylabel=above_label)
    upper.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
