"""The statistics behind the parity study's claims: functions of its finished stages."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from hone.measures import (
    Estimate,
    accuracy,
    accuracy_given,
    clopper_pearson,
    over_seeds,
    share,
)
from hone.measures.accuracy import CORRECT, estimate, joined, per_problem, usable
from hone.measures.lengths import LENGTH
from hone.runs.results import Results
from hone.studies.courses import rounds
from hone.studies.rl_after_ntp.mixture_statistics import (
    crossing_of,
    extreme,
    extreme_of,
    greedy,
    half_width,
    largest_error,
    sampled,
    undefined,
)
from hone.studies.study import Measure

LOW, HIGH = 0.28, 0.42  # p_cot that count as clearly below and clearly above 1/3
CHANCE, SOLVED, FLIPPED = 0.58, 0.95, 0.75  # greedy accuracy
HALF = 0.75  # accuracy given long of a model that has learned the chain half way
SHORT_IS_CHANCE = (0.45, 0.55)  # accuracy given short of a valid pretraining run

IS_LONG = pl.col("strategy") == "long"
EXACT = IS_LONG & (pl.col("steps_correct") == pl.col("difficulty"))
"""A chain every step of which is right; a wrong one is right by luck half of the time."""
SMALLEST_D = 11  # below, a transformer may learn the short map by brute force


def invalid_seeds(results: Results) -> list[int]:
    """Seeds of an experiment any of whose pretrained models predicts the parity directly.

    The argument for 1/3 needs short answers to be coin flips (§6), which is checked for every
    pretrained model by itself. One that never answers short has left the band on neither side.
    """
    pretrained = results.select(stage="pretrain")
    if not len(pretrained):
        return []
    table = sampled(pretrained).filter(pl.col("strategy") == "short")
    rates = table.group_by("seed", "arm").agg(rate=CORRECT.mean())
    return sorted(set(rates.filter(~pl.col("rate").is_between(*SHORT_IS_CHANCE))["seed"]))


def exact_given_long(table: pl.DataFrame) -> Estimate:
    """The share of long answers whose every step is right."""
    rows, note = usable(table, "exact chains", ("problem_id", "strategy", "steps_correct"))
    return estimate(per_problem(rows, EXACT.mean(), IS_LONG.mean()), 0.95, note)


def on(
    experiment: str, *, if_valid: bool = True, **factors: str | int | float
) -> Callable[[Measure], Measure]:
    """The measure on one experiment; None where the run has none of its stages.

    Args:
        experiment: whose stages are measured.
        if_valid: leave out seeds whose short answers are no coin flips. Not for claims about what
            pretraining alone learns: a model that predicts the parity directly refutes them. The
            estimate's note names such seeds in either case. Below d = 11 no claim is decided.
        factors: of the stages that are measured.
    """

    def restrict(measure: Measure) -> Measure:
        def measured(results: Results) -> Estimate | None:
            there = results.select(experiment=experiment)
            part = there.select(**factors)
            if not len(part):
                return None
            if min(there.rollouts(steps=(-1,))["difficulty"]) < SMALLEST_D:
                return undefined(part, f"d < {SMALLEST_D}: the short map may be brute-forced")
            lost = invalid_seeds(there)
            sound = [seed for seed in part.seeds if seed not in lost] if if_valid else part.seeds
            note = _note_on(lost, if_valid)
            if not sound:
                return undefined(part, note)
            found = measure(part.of_seeds(sound))
            return None if found is None else replace(found, note=joined(found.note, note))

        return measured

    return restrict


def _note_on(seeds: Sequence[int], dropped: bool) -> str:
    """What is said of seeds whose short answers are no coin flips."""
    if not seeds:
        return ""
    what = "left out" if dropped else "kept"
    names = ", ".join(map(str, seeds))
    return f"{what}: seed{'s' * (len(seeds) > 1)} {names}, whose short answers are no coin flips"


def _sweep(results: Results, low: float, high: float) -> Results:
    nodes = results.select(stage="pretrain")
    return nodes.where(lambda factors: low <= float(factors["p_cot"]) <= high)


@on("threshold", if_valid=False)
def below_threshold(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy at p_cot clearly below 1/3."""
    part = _sweep(results, 0.0, LOW)
    return extreme(part, "p_cot", largest=True) if len(part) else None


@on("threshold", if_valid=False)
def above_threshold(results: Results) -> Estimate | None:
    """Per seed, the smallest greedy accuracy at p_cot clearly above 1/3."""
    part = _sweep(results, HIGH, 1.0)
    return extreme(part, "p_cot", largest=False) if len(part) else None


@on("threshold", if_valid=False)
def crossing(results: Results) -> Estimate | None:
    """Per seed, the p_cot at which interpolated greedy accuracy reaches 0.75."""
    return crossing_of(greedy(results.select(stage="pretrain")), CORRECT, FLIPPED)


@on("threshold", if_valid=False)
def share_error(results: Results) -> Estimate | None:
    """Per seed, the largest distance between the sampled long share and p_cot."""
    table = results.select(stage="calibration").rollouts()
    return largest_error(table, ("p_cot",), IS_LONG, pl.lit(1), pl.col("p_cot"))


@on("threshold", if_valid=False)
def right_when_short(results: Results) -> Estimate | None:
    """Accuracy given short of the pretrained models."""
    return accuracy_given(results.select(stage="calibration").rollouts(), "short")


@on("threshold", if_valid=False)
def right_when_long(results: Results) -> Estimate | None:
    """Exact chains among long answers of the pretrained models."""
    return exact_given_long(results.select(stage="calibration").rollouts())


def solved_by(algorithm: str) -> Measure:
    """Greedy accuracy after RL by one algorithm."""

    @on("algorithms", algorithm=algorithm)
    def measure(results: Results) -> Estimate | None:
        return accuracy(greedy(results))

    return measure


@on("matched", if_valid=False)
def more_prediction(results: Results) -> Estimate | None:
    """Per seed, the larger greedy accuracy of the two continued pretrainings."""
    return extreme(results.select(stage="more_ntp"), "times", largest=True)


@on("algorithms")
def length_before(results: Results) -> Estimate | None:
    """Greedy answers of the pretrained model that are one token long."""
    rows = greedy(results.select(stage="pretrain"))
    return estimate(per_problem(rows, (LENGTH == 1).mean()), 0.95)


@on("algorithms")
def length_after(results: Results) -> Estimate | None:
    """Per seed, greedy answers after RL that are as long as the chain, fewest over algorithms."""
    rows = greedy(results.select(stage="rl")).with_columns(full=pl.col("difficulty") == LENGTH)
    return extreme_of(rows, pl.col("full"), "algorithm", largest=False)


@on("algorithms")
def length_formula(results: Results) -> Estimate | None:
    """Per seed, the largest relative gap of mean sampled length to 1 + (d - 1)p over rounds."""
    table = results.select(stage="rl").rollouts().filter(pl.col("temperature") == 1)
    predicted = 1 + (pl.col("difficulty") - 1) * IS_LONG
    return largest_error(table, ("algorithm", "step"), LENGTH, predicted, pl.lit(1))


def chain_accuracy(
    results: Results, algorithm: str, reward: str, temperature: float
) -> pl.DataFrame:
    """Share of exact chains among long answers at temperature 1 after RL, by seed; 0 without."""
    part = results.select(stage="rl", algorithm=algorithm, reward=reward, temperature=temperature)
    if not len(part):
        return pl.DataFrame({"seed": [], "chain": []})
    counts = sampled(part).group_by("seed").agg(right=EXACT.sum(), long=IS_LONG.sum())
    return counts.select("seed", chain=pl.col("right") / pl.col("long").clip(1)).sort("seed")


def reward_gap(temperature: float) -> Measure:
    """Chain accuracy after STaR under the chain reward minus under the end-to-end reward."""

    @on("reward_and_temperature")
    def measure(results: Results) -> Estimate | None:
        cot, e2e = (chain_accuracy(results, "star", r, temperature) for r in ("cot", "e2e"))
        if not len(cot) or not len(e2e):
            return None
        gaps = cot["chain"].to_numpy() - e2e["chain"].to_numpy()
        problems = results.rollouts(steps=(-1,))["problem_id"].n_unique()
        widths = [
            half_width(float(np.mean(one["chain"].to_numpy())), problems) for one in (cot, e2e)
        ]
        mean, width = float(np.mean(gaps)), math.hypot(*widths)
        floor = (mean - width, mean + width)
        return over_seeds(gaps, cot["seed"].to_list(), floor=floor, bounds=(-1.0, 1.0))

    return measure


@on("reward_and_temperature")
def grpo_hot(results: Results) -> Estimate | None:
    """Chain accuracy after hot GRPO with the end-to-end reward."""
    chain = chain_accuracy(results, "grpo", "e2e", 1.5)
    if not len(chain):
        return None
    values = chain["chain"].to_numpy()
    problems = results.rollouts(steps=(-1,))["problem_id"].n_unique()
    floor = clopper_pearson(float(np.mean(values)) * problems, problems)
    return over_seeds(values, chain["seed"].to_list(), floor=floor, bounds=(0.0, 1.0))


def hotter_share(reward: str) -> Measure:
    """Long share at temperature 1 after STaR that was sampled hotter than the paper's."""

    @on("hotter", reward=reward)
    def measure(results: Results) -> Estimate | None:
        return share(sampled(results.select(stage="rl")), "long")

    return measure


@on("reward_and_temperature")
def all_others(results: Results) -> Estimate | None:
    """Per seed, the worst greedy accuracy over arms, hot STaR with the end-to-end reward aside."""
    rest = results.select(stage="rl").where(
        lambda f: (f["algorithm"], f["reward"]) != ("star", "e2e") or float(f["temperature"]) <= 1
    )
    return extreme(rest, "arm", largest=False)


def too_early(figure: str) -> Measure:
    """From the earliest checkpoint: greedy accuracy after RL, or the growth of sampled length."""

    @on("early")
    def measure(results: Results) -> Estimate | None:
        first = results.select(stage="rl", start=results.factor("start")[0])
        if figure == "accuracy":
            return accuracy(greedy(first))
        _, lengths = rounds(first, "sampled_length")
        return over_seeds(lengths[:, -1] / lengths[:, 0], results.seeds)

    return measure


@on("capacity", if_valid=False)
def larger_models(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy over depths and widths."""
    return extreme(results, "arm", largest=True)


@on("without_chains")
def nothing_to_amplify(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy after RL without chains."""
    return extreme(results.select(stage="rl"), "arm", largest=True)


@on("without_chains")
def chains_from_nothing(results: Results) -> Estimate | None:
    """Long share after RL without chains."""
    return share(sampled(results.select(stage="rl")), "long")


@on("leap")
def partial_chains(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy over the partial-chain sweep.

    Undefined where no model has learned the chain: it could then generalise at no p_cot.
    """
    part = results.select(stage="pretrain")
    learned = share_of_learned(sampled(part))
    if learned < HALF:
        return undefined(part, f"the chain was not learned: {learned:.0%} of long answers right")
    return extreme(part, "p_cot", largest=True)


def share_of_learned(table: pl.DataFrame) -> float:
    """Accuracy given long of the best model of a sweep; by luck alone it is one half."""
    rates = table.filter(IS_LONG).group_by("seed", "p_cot").agg(rate=CORRECT.mean())
    return float(np.max(rates["rate"].to_numpy(), initial=0.0))
