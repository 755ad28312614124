"""The figures of arXiv 2510.11495 redrawn from the parity study's runs."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate, accuracy
from hone.report.plots import Curve, bars, curves, heat_map, log_odds, threshold
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.courses import courses, rounds
from hone.studies.rl_after_ntp.parity_statistics import LENGTH, exact_given_long, greedy
from hone.studies.study import Figure

_PREDICTION, _MORE = "next-token prediction", "more next-token prediction"
_ALGORITHMS = {"star": "STaR", "reinforce": "REINFORCE", "grpo": "GRPO"}
_ORDER = (_PREDICTION, _MORE, *_ALGORITHMS.values())  # whose colours are the same in every figure


def accuracy_over_sequences(results: Results) -> Drawing | None:
    """Greedy accuracy against sequences seen, next-token prediction and the switch to RL."""
    arms = results.select(experiment="algorithms")
    more = results.select(experiment="matched", times=10)
    if not len(arms):
        return None
    base = arms.select(stage="pretrain", arm=arms.arms[0])
    steps, values = _sequences(base)
    series = {_PREDICTION: Curve(steps, values)}
    if len(more):
        further, values = _sequences(more.select(stage="more_ntp"))
        series[_MORE] = Curve(steps[-1] + further, values)
    for arm in arms.arms:
        drawn = arms.select(arm=arm, stage="rl")
        numbers, values = rounds(drawn, "greedy_accuracy")
        size = int(drawn.metrics()["drawn"].drop_nulls()[0])
        series[_label(arm)] = Curve(steps[-1] + numbers * size, values)
    return curves(
        series,
        "sequences seen or drawn",
        "greedy accuracy",
        marks={"RL begins": float(steps[-1])},
        levels={"chance": 0.5},
        y_limits=(0.4, 1.0),
        order=_ORDER,
    )


def accuracy_against_p_cot(results: Results) -> Drawing | None:
    """Greedy and sampled accuracy of pretrained models over the sweep."""
    sweep = results.select(experiment="threshold", stage="pretrain")
    if not len(sweep):
        return None
    shares = np.array(sweep.factor("p_cot"), dtype=float)
    table = sweep.rollouts(steps=(-1,)).group_by("seed", "p_cot", pl.col("temperature") == 0)
    rates = table.agg(accuracy=(pl.col("grade") == "correct").mean()).sort("seed", "p_cot")
    by_protocol = [
        rates.filter(pl.col("temperature") == is_greedy)["accuracy"].to_numpy()
        for is_greedy in (True, False)
    ]
    chosen, drawn = (values.reshape(-1, len(shares)) for values in by_protocol)
    return threshold(shares, chosen, drawn)


def length_over_rounds(results: Results) -> Drawing | None:
    """Distribution of sampled response length over RL rounds, GRPO, all seeds together."""
    arm = results.select(experiment="algorithms", stage="rl", algorithm="grpo")
    if not len(arm):
        return None
    table = arm.rollouts().filter(pl.col("temperature") == 1).with_columns(length=LENGTH)
    steps = np.array(arm.steps(), dtype=float)
    lengths = np.arange(0, int(table["length"].to_numpy().max()) + 1)
    shares = np.zeros((len(lengths), len(steps)))
    for column, step in enumerate(steps):
        found = table.filter(pl.col("step") == int(step))["length"].to_numpy()
        shares[:, column] = np.bincount(found, minlength=len(lengths)) / len(found)
    return heat_map(shares, lengths=lengths.astype(float), steps=steps)


def odds_over_rounds(results: Results) -> Drawing | None:
    """Long share per STaR round on a log-odds axis, from every starting p_cot."""
    runs = results.select(stage="rl").where(
        lambda factors: factors["experiment"] in ("rounds", "rarest")
    )
    if not len(runs):
        return None
    series = {}
    for p_cot in reversed(runs.factor("p_cot")):
        steps, values = rounds(runs.select(p_cot=p_cot), "share_long")
        if np.count_nonzero(values.mean(axis=0)) > 1:  # else there is no course to draw
            series[f"p = {p_cot:g}"] = Curve(steps.astype(float), values)
    if not series:
        return None
    return log_odds(series, x_label="STaR round", levels={"1/3: greedy flips": 1 / 3})


def chains_take_over(results: Results) -> Drawing | None:
    """Long share per RL round on a log-odds axis, for every algorithm from one pretrained model."""
    runs = results.select(experiment="algorithms", stage="rl")
    if not len(runs):
        return None
    series = courses(runs, "share_long", label=_label)
    levels = {"1/3: greedy flips": 1 / 3}
    return log_odds(series, x_label="RL round", levels=levels, order=_ORDER)


def algorithms(results: Results) -> Drawing | None:
    """Greedy accuracy of every algorithm from one pretrained model, beside more prediction."""
    runs = results.select(experiment="algorithms")
    if not len(runs):
        return None
    before = runs.select(stage="pretrain", arm=runs.arms[0])
    groups = {"before": {_PREDICTION: accuracy(greedy(before))}}
    more = results.select(experiment="matched", stage="more_ntp")
    if len(more):
        groups[_MORE] = {arm: accuracy(greedy(more.select(arm=arm))) for arm in more.arms}
    after = runs.select(stage="rl")
    groups["RL"] = {_label(arm): accuracy(greedy(after.select(arm=arm))) for arm in after.arms}
    return _accuracy_bars(groups, "greedy accuracy")


def reward_and_temperature(results: Results) -> Drawing | None:
    """Greedy accuracy after RL for every algorithm, reward and temperature."""
    runs = results.select(experiment="reward_and_temperature", stage="rl")
    return _bars_by(runs, "algorithm", "greedy accuracy after RL") if len(runs) else None


def chains_after_rl(results: Results) -> Drawing | None:
    """Chain accuracy after RL for every algorithm, reward and temperature."""
    runs = results.select(experiment="reward_and_temperature", stage="rl")
    if not len(runs):
        return None
    groups: dict[str, dict[str, Estimate]] = {}
    for arm in runs.arms:
        one = runs.select(arm=arm)
        table = one.rollouts(steps=(-1,))
        chains = table.filter((pl.col("temperature") == 1) & (pl.col("strategy") == "long"))
        if chains.height:
            group = groups.setdefault(_label(str(one.factor("algorithm")[0])), {})
            group[arm] = exact_given_long(chains)
    label = "exact chains among long answers after RL"
    return bars(groups, label, x_limits=(0, 1), order=_ORDER)


def early_starts(results: Results) -> Drawing | None:
    """Greedy accuracy over RL rounds from pretraining stopped ever earlier."""
    return _by_start(results, "greedy_accuracy", "greedy accuracy")


def early_lengths(results: Results) -> Drawing | None:
    """Mean sampled length over RL rounds from pretraining stopped ever earlier."""
    return _by_start(results, "sampled_length", "mean sampled length (tokens)")


def sizes(results: Results) -> Drawing | None:
    """Greedy accuracy of next-token prediction alone for every depth and width."""
    runs = results.select(experiment="capacity")
    return _bars_by(runs, "layers", "greedy accuracy, no RL") if len(runs) else None


def denominators(results: Results) -> Drawing | None:
    """GRPO with the token mean and with the sequence mean, over rounds."""
    runs = results.select(experiment="denominators", stage="rl")
    if not len(runs):
        return None
    series = courses(runs, "greedy_accuracy")
    return curves(series, "RL round", "greedy accuracy", y_limits=(0.4, 1.0))


def _by_start(results: Results, figure: str, label: str) -> Drawing | None:
    runs = results.select(experiment="early", stage="rl")
    if not len(runs):
        return None
    series = courses(runs, figure, by="start", label="after {} steps".format)
    return curves(series, "RL round", label)


def _bars_by(runs: Results, factor: str, label: str) -> Drawing:
    """Greedy accuracy of every arm, in groups by a factor."""
    groups: dict[str, dict[str, Estimate]] = {}
    for value in runs.factor(factor):
        part = runs.select(**{factor: value})
        name = _label(value) if isinstance(value, str) else f"{value} {factor}"
        groups[name] = {arm: accuracy(greedy(part.select(arm=arm))) for arm in part.arms}
    return _accuracy_bars(groups, label)


def _accuracy_bars(groups: Mapping[str, Mapping[str, Estimate]], label: str) -> Drawing:
    return bars(groups, label, levels={"chance": 0.5}, x_limits=(0.4, 1.0), order=_ORDER)


def _sequences(runs: Results) -> tuple[np.ndarray, np.ndarray]:
    """Sequences seen at each evaluation, and greedy accuracy for every seed."""
    steps, values = rounds(runs, "greedy_accuracy")
    last = runs.metrics().drop_nulls("sequences").sort("step").tail(1)
    return steps * (float(last["sequences"][0]) / float(last["step"][0])), values


def _label(name: Factor) -> str:
    return _ALGORITHMS.get(str(name), str(name))


FIGURES: tuple[Figure, ...] = (
    Figure(
        "accuracy_over_sequences",
        "Greedy accuracy before and after the switch to RL",
        "Greedy accuracy against sequences seen (next-token prediction) or drawn (RL). "
        "Mean and range over seeds; RL starts from the same pretrained models.",
        "Curves of greedy accuracy over sequences: next-token prediction, more of it, and each RL "
        "algorithm after the switch, with a line at one half.",
        accuracy_over_sequences,
    ),
    Figure(
        "accuracy_against_p_cot",
        "The threshold at 1/3",
        "Accuracy of pretrained models against the share of long demonstrations, greedy and at "
        "temperature 1; the dotted line is (1 + p)/2.",
        "Greedy and sampled accuracy over the share of long demonstrations, with one third marked.",
        accuracy_against_p_cot,
    ),
    Figure(
        "length_over_rounds",
        "Response length over the rounds of RL",
        "Share of sampled responses of each length after every round of GRPO, all seeds.",
        "Heat map of the share of responses of each length over the rounds.",
        length_over_rounds,
    ),
    Figure(
        "odds_over_rounds",
        "The odds of a chain, STaR round by round",
        "Share of chains at temperature 1 after every STaR round that fits its kept pairs; the "
        "dotted lines double the odds each round. Shares of 0 have no place on this axis.",
        "Points of the share of chains on a log-odds axis over rounds, one line for each starting "
        "share, each with a dotted line that doubles the odds.",
        odds_over_rounds,
    ),
    Figure(
        "chains_take_over",
        "The odds of a chain over the rounds of RL",
        "Share of chains at temperature 1 after every round; the dotted lines double the odds each "
        "round. The learning rate sets the pace of a policy gradient, the kept answers that of "
        "STaR.",
        "Shares of chains on a log-odds axis over the rounds, one curve for each algorithm.",
        chains_take_over,
    ),
    Figure(
        "algorithms",
        "Algorithms side by side",
        "Greedy accuracy of the same pretrained models before and after: more next-token "
        "prediction (×1 and ×10 the sequences that RL drew), and RL by three algorithms. 95 % "
        "intervals over seeds and problems.",
        "Greedy accuracy with intervals: before, after more prediction, after each algorithm.",
        algorithms,
    ),
    Figure(
        "reward_and_temperature",
        "Algorithms, rewards and temperatures",
        "Greedy accuracy after RL for three algorithms, two rewards and three temperatures, with "
        "95 % intervals over seeds and problems.",
        "Bars of greedy accuracy for every combination of algorithm, reward and temperature.",
        reward_and_temperature,
    ),
    Figure(
        "chains_after_rl",
        "Chains after RL, by reward and temperature",
        "Long responses at temperature 1 whose every step is right, with 95 % intervals.",
        "Bars of chain accuracy for every combination of algorithm, reward and temperature.",
        chains_after_rl,
    ),
    Figure(
        "early_starts",
        "RL from pretraining stopped early: accuracy",
        "Greedy accuracy over rounds of GRPO, by pretraining steps before RL.",
        "Curves of greedy accuracy over rounds, one for each starting checkpoint.",
        early_starts,
    ),
    Figure(
        "early_lengths",
        "RL from pretraining stopped early: length",
        "Mean sampled length over rounds of GRPO, by pretraining steps before RL.",
        "Curves of mean sampled length over rounds, one for each starting checkpoint.",
        early_lengths,
    ),
    Figure(
        "sizes",
        "Next-token prediction by depth and width",
        "Greedy accuracy of pretrained models, with 95 % intervals.",
        "Greedy accuracy with intervals for every depth and width, with a line at one half.",
        sizes,
    ),
    Figure(
        "denominators",
        "GRPO's two denominators",
        "Greedy accuracy over rounds of GRPO with the loss averaged over tokens, and as first "
        "published, averaged within each response.",
        "Curves of greedy accuracy over rounds for the two denominators.",
        denominators,
    ),
)
