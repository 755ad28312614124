"""The figures of arXiv 2510.11495 redrawn from the parity study's runs."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate
from hone.report.plots import Curve, bars, curves, log_odds, threshold
from hone.runs.results import Results
from hone.studies.courses import courses, rounds
from hone.studies.rl_after_ntp import mixture_figures as mixture
from hone.studies.rl_after_ntp.mixture_figures import ORDER, accuracies_by, label_of
from hone.studies.rl_after_ntp.parity_statistics import exact_given_long
from hone.studies.study import Figure

CHANCE = {"chance": 0.5}
FROM_CHANCE = (0.4, 1.0)  # of greedy accuracy


def accuracy_over_sequences(results: Results) -> Drawing | None:
    """Greedy accuracy against sequences seen, next-token prediction and the switch to RL."""
    more = results.select(experiment="matched", times=10, stage="more_ntp")
    return mixture.accuracy_over_sequences(results, more, CHANCE, FROM_CHANCE)


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
    return mixture.length_over_rounds(results, width=1)


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
    series = courses(runs, "share_long", label=label_of)
    levels = {"1/3: greedy flips": 1 / 3}
    return log_odds(series, x_label="RL round", levels=levels, order=ORDER)


def algorithms(results: Results) -> Drawing | None:
    """Greedy accuracy of every algorithm from one pretrained model, beside more prediction."""
    return mixture.algorithms(results, CHANCE, FROM_CHANCE)


def reward_and_temperature(results: Results) -> Drawing | None:
    """Greedy accuracy after RL for every algorithm, reward and temperature."""
    runs = results.select(experiment="reward_and_temperature", stage="rl")
    return _by(runs, "algorithm", "greedy accuracy after RL") if len(runs) else None


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
            group = groups.setdefault(label_of(str(one.factor("algorithm")[0])), {})
            group[arm] = exact_given_long(chains)
    label = "exact chains among long answers after RL"
    return bars(groups, label, x_limits=(0, 1), order=ORDER)


def early_starts(results: Results) -> Drawing | None:
    """Greedy accuracy over RL rounds from pretraining stopped ever earlier."""
    return _by_start(results, "greedy_accuracy", "greedy accuracy")


def early_lengths(results: Results) -> Drawing | None:
    """Mean sampled length over RL rounds from pretraining stopped ever earlier."""
    return _by_start(results, "sampled_length", "mean sampled length (tokens)")


def sizes(results: Results) -> Drawing | None:
    """Greedy accuracy of next-token prediction alone for every depth and width."""
    runs = results.select(experiment="capacity")
    return _by(runs, "layers", "greedy accuracy, no RL") if len(runs) else None


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


def _by(runs: Results, factor: str, label: str) -> Drawing:
    """Greedy accuracy of every arm, in groups by a factor."""
    groups = accuracies_by(runs, factor)
    return bars(groups, label, levels=CHANCE, x_limits=FROM_CHANCE, order=ORDER)


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
