"""What was logged in training, over its rounds: for figures and for statistics."""

from collections.abc import Callable

import numpy as np

from hone.report.plots import Curve
from hone.runs.plan import Factor
from hone.runs.results import Results


def rounds(results: Results, figure: str) -> tuple[np.ndarray, np.ndarray]:
    """Rounds, and a logged figure at each for every seed: (rounds,), (seeds, rounds)."""
    logged = results.metrics().drop_nulls(figure).sort("step")
    wide = logged.pivot("seed", index="step", values=figure, sort_columns=True)
    return wide["step"].to_numpy(), wide.drop("step").to_numpy().T


def course(results: Results, figure: str) -> Curve:
    """A logged figure over rounds, a row a seed."""
    steps, values = rounds(results, figure)
    return Curve(steps.astype(float), values)


def courses(
    results: Results,
    figure: str,
    by: str = "arm",
    label: Callable[[Factor], str] = str,
) -> dict[str, Curve]:
    """A logged figure over rounds for every arm, or for every value of a factor.

    Args:
        results: stages whose rounds are alike.
        figure: its name in `metrics.jsonl`.
        by: `arm`, or the name of a factor.
        label: what a curve is called, by arm or value.
    """
    values = results.arms if by == "arm" else results.factor(by)
    return {label(value): course(results.select(**{by: value}), figure) for value in values}
