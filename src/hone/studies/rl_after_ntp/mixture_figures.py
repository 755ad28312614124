"""Figures that the studies of mixtures have in common."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate, accuracy, length_histogram
from hone.measures.accuracy import CORRECT
from hone.measures.estimates import Interval, Number
from hone.report.plots import Curve, bars, curves, heat_map
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.courses import course, courses, rounds
from hone.studies.rl_after_ntp.mixture_statistics import greedy, sampled
from hone.studies.study import Figure

PREDICTION, MORE = "next-token prediction", "more next-token prediction"
ALGORITHMS = {"star": "STaR", "reinforce": "REINFORCE", "grpo": "GRPO"}
SAMPLED = "the same, sampled"
ORDER = (PREDICTION, MORE, *ALGORITHMS.values(), SAMPLED)  # whose colours are always the same

Levels = Mapping[str, Number]
_WHOLE = (0.0, 1.0)


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


def over_p_cot(results: Results) -> Drawing | None:
    """Accuracy of pretrained models, greedy and sampled, and after RL, over p_cot."""
    runs = results.select(experiment="rarity")
    if not len(runs):
        return None
    x = np.array(runs.factor("p_cot"), dtype=float)
    before, after = runs.select(stage="pretrain"), runs.select(stage="rl")
    series = {
        PREDICTION: Curve(x, _rates(greedy(before))),
        SAMPLED: Curve(x, _rates(sampled(before))),
        "GRPO": Curve(x, _rates(greedy(after))),
    }
    x_label = "share of worked solutions in the data (p_cot)"
    return curves(series, x_label, "accuracy", y_limits=_WHOLE, order=ORDER)


def worked_over_rounds(results: Results) -> Drawing | None:
    """Share of sampled responses that are worked out, over the rounds of each algorithm."""
    return _over_rounds(results, "share_worked", "share of worked responses, temperature 1")


def accuracy_over_rounds(results: Results) -> Drawing | None:
    """Greedy and sampled accuracy over the rounds of GRPO."""
    runs = results.select(experiment="algorithms", stage="rl", algorithm="grpo")
    if not len(runs):
        return None
    series = {name: course(runs, f"{name}_accuracy") for name in ("greedy", "sampled")}
    return curves(series, "RL round", "accuracy", y_limits=_WHOLE)


def by_temperature(results: Results) -> Drawing | None:
    """Greedy accuracy after RL for every algorithm and sampling temperature."""
    runs = results.select(experiment="temperatures", stage="rl")
    if not len(runs):
        return None
    groups = accuracies_by(runs, "algorithm")
    return bars(groups, "greedy accuracy after RL", x_limits=_WHOLE, order=ORDER)


def figures(width: int) -> tuple[Figure, ...]:
    """What every study of a mixture shows.

    Args:
        width: tokens that a row of the map of lengths stands for.
    """
    return (
        Figure(
            "accuracy_over_sequences",
            "Greedy accuracy before and after the switch to RL",
            "Greedy accuracy against sequences seen (next-token prediction) or drawn (RL), from "
            "the same pretrained models. Mean and range over seeds.",
            "Curves of greedy accuracy over sequences: next-token prediction, ten times as many "
            "sequences of it as RL draws, and each RL algorithm after the switch.",
            lambda results: accuracy_over_sequences(
                results,
                results.select(experiment="matched", stage="more_ntp", budget="×10 samples"),
                {},
                _WHOLE,
            ),
        ),
        Figure(
            "over_p_cot",
            "How rare worked solutions may be",
            "Greedy accuracy of pretrained models, their accuracy at temperature 1, and greedy "
            "accuracy after GRPO, against the share of worked solutions in the data.",
            "Three curves of accuracy over the share of worked solutions.",
            over_p_cot,
        ),
        Figure(
            "accuracy_over_rounds",
            "Greedy and sampled accuracy over the rounds of RL",
            "Accuracy of the same models under both ways of decoding, after every round of GRPO.",
            "Two curves of accuracy over rounds, greedy and sampled.",
            accuracy_over_rounds,
        ),
        Figure(
            "worked_over_rounds",
            "Worked solutions over the rounds of RL",
            "Share of responses at temperature 1 that are worked out, after every round.",
            "Curves of the share of worked responses over rounds, one for each algorithm.",
            worked_over_rounds,
        ),
        Figure(
            "length_over_rounds",
            "Response length over the rounds of RL",
            "Share of sampled responses of each length after every round of GRPO, all seeds.",
            "Heat map of the share of responses of each length over the rounds.",
            lambda results: length_over_rounds(results, width),
        ),
        Figure(
            "algorithms",
            "Algorithms beside more next-token prediction",
            "Greedy accuracy of the same pretrained models: before, after more next-token "
            "prediction at three budgets, and after RL by three algorithms. 95 % intervals over "
            "seeds and problems.",
            "Greedy accuracy with intervals: before, after more prediction, after each algorithm.",
            lambda results: algorithms(results, {}, _WHOLE),
        ),
        Figure(
            "by_temperature",
            "Algorithms and sampling temperatures",
            "Greedy accuracy after RL by every algorithm at every sampling temperature, with 95 % "
            "intervals.",
            "Greedy accuracy with intervals for every algorithm and temperature.",
            by_temperature,
        ),
    )


def _over_rounds(results: Results, figure: str, label: str) -> Drawing | None:
    runs = results.select(experiment="algorithms", stage="rl")
    if not len(runs):
        return None
    series = courses(runs, figure, by="algorithm", label=label_of)
    return curves(series, "RL round", label, y_limits=_WHOLE, order=ORDER)


def _rates(table: pl.DataFrame) -> np.ndarray:
    """Accuracy by seed (rows) and p_cot (columns)."""
    rates = table.group_by("seed", "p_cot").agg(rate=CORRECT.mean())
    wide = rates.sort("seed", "p_cot").pivot("p_cot", index="seed", values="rate")
    return wide.drop("seed").to_numpy()
