"""Figures that the studies of mixtures have in common."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate, accuracy, length_histogram
from hone.measures.estimates import Interval, Number
from hone.report.plots import Curve, bars, curves, heat_map
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.courses import rounds
from hone.studies.rl_after_ntp.mixture_statistics import greedy

PREDICTION, MORE = "next-token prediction", "more next-token prediction"
ALGORITHMS = {"star": "STaR", "reinforce": "REINFORCE", "grpo": "GRPO"}
ORDER = (PREDICTION, MORE, *ALGORITHMS.values())  # whose colours are the same in every figure

Levels = Mapping[str, Number]


def accuracy_over_sequences(
    results: Results, more: Results, levels: Levels, limits: Interval
) -> Drawing | None:
    """Greedy accuracy against sequences seen, next-token prediction and the switch to RL.

    Args:
        results: with the experiment `algorithms`.
        more: next-token prediction in RL's place.
        levels: horizontal lines by label, e.g. chance.
        limits: of accuracy, that are shown at least.
    """
    arms = results.select(experiment="algorithms")
    if not len(arms):
        return None
    steps, values = _sequences(arms.select(stage="pretrain", arm=arms.arms[0]))
    series = {PREDICTION: Curve(steps, values)}
    if len(more):
        further, values = _sequences(more)
        series[MORE] = Curve(steps[-1] + further, values)
    for arm in arms.arms:
        drawn = arms.select(arm=arm, stage="rl")
        numbers, values = rounds(drawn, "greedy_accuracy")
        size = int(drawn.metrics()["drawn"].drop_nulls()[0])
        series[label_of(arm)] = Curve(steps[-1] + numbers * size, values)
    return curves(
        series,
        "sequences seen or drawn",
        "greedy accuracy",
        marks={"RL begins": float(steps[-1])},
        levels=levels,
        y_limits=limits,
        order=ORDER,
    )


def length_over_rounds(results: Results, width: int) -> Drawing | None:
    """Distribution of sampled response length over the rounds of GRPO, all seeds together.

    Args:
        results: with the experiment `algorithms`.
        width: tokens a row of the map.
    """
    runs = results.select(experiment="algorithms", stage="rl", algorithm="grpo")
    if not len(runs):
        return None
    counts = length_histogram(runs.rollouts().filter(pl.col("temperature") == 1), width)
    steps = np.array(runs.steps(), dtype=float)
    lengths = np.arange(0, int(counts["length"].to_numpy().max()) + 1, width)
    shares = np.zeros((len(lengths), len(steps)))
    cells = counts["length"].to_numpy() // width, np.searchsorted(steps, counts["step"].to_numpy())
    shares[cells] = counts["responses"].to_numpy()
    shares /= shares.sum(axis=0)
    return heat_map(shares, lengths=lengths + (width - 1) / 2, steps=steps)


def algorithms(results: Results, levels: Levels, limits: Interval) -> Drawing | None:
    """Greedy accuracy of every algorithm from one pretrained model, beside more prediction."""
    runs = results.select(experiment="algorithms")
    if not len(runs):
        return None
    before = runs.select(stage="pretrain", arm=runs.arms[0])
    groups = {"before": {PREDICTION: accuracy(greedy(before))}}
    more = results.select(experiment="matched", stage="more_ntp")
    if len(more):
        groups[MORE] = {arm: accuracy(greedy(more.select(arm=arm))) for arm in more.arms}
    after = runs.select(stage="rl")
    groups["RL"] = {label_of(arm): accuracy(greedy(after.select(arm=arm))) for arm in after.arms}
    return bars(groups, "greedy accuracy", levels=levels, x_limits=limits, order=ORDER)


def accuracies_by(runs: Results, factor: str) -> dict[str, dict[str, Estimate]]:
    """Greedy accuracy of every arm, in groups by a factor."""
    groups: dict[str, dict[str, Estimate]] = {}
    for value in runs.factor(factor):
        part = runs.select(**{factor: value})
        name = label_of(value) if isinstance(value, str) else f"{value} {factor}"
        groups[name] = {arm: accuracy(greedy(part.select(arm=arm))) for arm in part.arms}
    return groups


def label_of(name: Factor) -> str:
    """An algorithm's name as it is written; anything else as it is."""
    return ALGORITHMS.get(str(name), str(name))


def _sequences(runs: Results) -> tuple[np.ndarray, np.ndarray]:
    """Sequences seen at each evaluation, and greedy accuracy for every seed."""
    steps, values = rounds(runs, "greedy_accuracy")
    last = runs.metrics().drop_nulls("sequences").sort("step").tail(1)
    return steps * (float(last["sequences"][0]) / float(last["step"][0])), values
