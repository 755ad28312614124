"""The statistics behind the parity study's claims: functions of its finished stages."""

from collections.abc import Callable
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
from hone.runs.results import Results
from hone.studies.study import Measure

LOW, HIGH = 0.28, 0.42  # p_cot that count as clearly below and clearly above 1/3
CHANCE, SOLVED, FLIPPED = 0.58, 0.95, 0.75  # greedy accuracy
SHORT_IS_CHANCE = (0.45, 0.55)  # accuracy given short of a valid pretraining run

_CORRECT = pl.col("grade") == "correct"
LENGTH = pl.col("response_ids").list.len() - (pl.col("finish") == "stop").cast(pl.UInt32)


def greedy(results: Results) -> pl.DataFrame:
    """Greedy responses of the last evaluation of every stage."""
    return results.rollouts(steps=(-1,)).filter(pl.col("temperature") == 0)


def sampled(results: Results) -> pl.DataFrame:
    """Responses at temperature 1 of the last evaluation of every stage."""
    return results.rollouts(steps=(-1,)).filter(pl.col("temperature") == 1)


def rounds(results: Results, figure: str) -> tuple[np.ndarray, np.ndarray]:
    """Rounds, and a logged figure at each for every seed: (rounds,), (seeds, rounds)."""
    logged = results.metrics().drop_nulls(figure).sort("step")
    wide = logged.pivot("seed", index="step", values=figure, sort_columns=True)
    return wide["step"].to_numpy(), wide.drop("step").to_numpy().T


def valid(results: Results) -> Results:
    """Without the seeds of an experiment whose pretrained models predict the parity directly.

    The argument for 1/3 needs short answers to be coin flips (§6). Accuracy given short is pooled
    over the experiment's pretrained models of a seed.
    """
    bases = results.select(stage="pretrain")
    if not len(bases):
        return results
    table = sampled(bases).filter(pl.col("strategy") == "short")
    rates = table.group_by("seed").agg(rate=_CORRECT.mean())
    low, high = SHORT_IS_CHANCE
    return results.of_seeds(rates.filter(pl.col("rate").is_between(low, high))["seed"].to_list())


def extreme(results: Results, by: str, largest: bool) -> Estimate:
    """Per seed, the largest (or smallest) greedy accuracy over the values of a column."""
    table = greedy(results)
    column = pl.col("accuracy").max() if largest else pl.col("accuracy").min()
    rates = table.group_by("seed", by).agg(accuracy=_CORRECT.mean())
    values = rates.group_by("seed").agg(column).sort("seed")
    problems = table["problem_id"].n_unique()
    mean = float(np.mean(values["accuracy"].to_numpy()))
    floor = clopper_pearson(mean * problems, problems)
    return over_seeds(
        values["accuracy"].to_numpy(), values["seed"].to_list(), floor=floor, bounds=(0, 1)
    )


def needs(experiment: str, **factors: str | int | float) -> Callable[[Measure], Measure]:
    """The measure on one experiment's valid seeds; None where the run has none of its stages."""

    def restrict(measure: Measure) -> Measure:
        def measured(results: Results) -> Estimate | None:
            there = results.select(experiment=experiment, **factors)
            if not len(there):
                return None
            sound = valid(there)
            lost = len(there.seeds) - len(sound.seeds)
            if not len(sound):
                nothing = "every seed's accuracy given short left [0.45, 0.55]"
                return Estimate(float("nan"), None, 0.95, "none", (), nothing)
            estimate = measure(sound)
            if estimate is None or not lost:
                return estimate
            note = f"{lost} seed(s) invalid: accuracy given short left [0.45, 0.55]"
            return replace(estimate, note="; ".join(filter(None, (estimate.note, note))))

        return measured

    return restrict


def _sweep(results: Results, low: float, high: float) -> Results:
    nodes = results.select(stage="pretrain")
    return nodes.where(lambda factors: low <= float(factors["p_cot"]) <= high)


@needs("threshold")
def below_threshold(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy at p_cot clearly below 1/3."""
    part = _sweep(results, 0, LOW)
    return extreme(part, "p_cot", largest=True) if len(part) else None


@needs("threshold")
def above_threshold(results: Results) -> Estimate | None:
    """Per seed, the smallest greedy accuracy at p_cot clearly above 1/3."""
    part = _sweep(results, HIGH, 1)
    return extreme(part, "p_cot", largest=False) if len(part) else None


@needs("threshold")
def crossing(results: Results) -> Estimate | None:
    """Per seed, the p_cot at which interpolated greedy accuracy reaches 0.75."""
    rates = greedy(results.select(stage="pretrain")).group_by("seed", "p_cot")
    wide = rates.agg(accuracy=_CORRECT.mean()).sort("p_cot")
    values = [_first_crossing(*_columns(wide, seed)) for seed in results.seeds]
    return over_seeds(values, results.seeds)


@needs("threshold")
def share_error(results: Results) -> Estimate | None:
    """Per seed, the largest distance between the sampled long share and p_cot."""
    table = results.select(stage="calibration").rollouts()
    shares = table.group_by("seed", "p_cot").agg(long=(pl.col("strategy") == "long").mean())
    errors = shares.with_columns(error=(pl.col("long") - pl.col("p_cot")).abs())
    worst = errors.group_by("seed").agg(pl.col("error").max()).sort("seed")
    return over_seeds(worst["error"].to_numpy(), worst["seed"].to_list())


@needs("threshold")
def right_when_short(results: Results) -> Estimate | None:
    """Accuracy given short of the pretrained models."""
    return accuracy_given(results.select(stage="calibration").rollouts(), "short")


@needs("threshold")
def right_when_long(results: Results) -> Estimate | None:
    """Accuracy given long of the pretrained models."""
    return accuracy_given(results.select(stage="calibration").rollouts(), "long")


def after(experiment: str, stage: str, **factors: str | int | float) -> Measure:
    """Greedy accuracy at the end of one arm."""

    @needs(experiment, **factors)
    def measure(results: Results) -> Estimate | None:
        part = results.select(stage=stage)
        return accuracy(greedy(part)) if len(part) else None

    return measure


def solved_by(algorithm: str) -> Measure:
    """Greedy accuracy after RL by one algorithm."""
    return after("algorithms", "rl", algorithm=algorithm)


@needs("matched")
def more_prediction(results: Results) -> Estimate | None:
    """Per seed, the larger greedy accuracy of the two continued pretrainings."""
    return extreme(results.select(stage="more_ntp"), "times", largest=True)


@needs("algorithms")
def length_before(results: Results) -> Estimate | None:
    """Per seed, the median greedy length of the pretrained model, in tokens."""
    return _median_length(greedy(results.select(stage="pretrain")))


@needs("algorithms")
def length_after(results: Results) -> Estimate | None:
    """Per seed, the smallest median greedy length after RL over algorithms, as a share of d."""
    table = greedy(results.select(stage="rl"))
    medians = table.group_by("seed", "algorithm", "difficulty").agg(length=LENGTH.median())
    shares = medians.with_columns(share=pl.col("length") / pl.col("difficulty"))
    worst = shares.group_by("seed").agg(pl.col("share").min()).sort("seed")
    return over_seeds(worst["share"].to_numpy(), worst["seed"].to_list())


@needs("algorithms")
def length_formula(results: Results) -> Estimate | None:
    """Per seed, the largest relative gap of mean sampled length to 1 + (d - 1)p over rounds."""
    table = results.select(stage="rl").rollouts().filter(pl.col("temperature") == 1)
    each = table.group_by("seed", "algorithm", "step").agg(
        length=LENGTH.mean(),
        long=(pl.col("strategy") == "long").mean(),
        d=pl.col("difficulty").first(),
    )
    predicted = 1 + (pl.col("d") - 1) * pl.col("long")
    worst = each.group_by("seed").agg(gap=(pl.col("length") / predicted - 1).abs().max())
    return over_seeds(worst.sort("seed")["gap"].to_numpy(), worst.sort("seed")["seed"].to_list())


@needs("rounds")
def flip_slope(results: Results) -> Estimate | None:
    """Per seed, the slope of the flip round on log2((1 - p)/p) over starting p_cot."""
    if len(results.factor("p_cot")) < 2:
        return None
    values = []
    for seed in results.seeds:
        x, y = _flips(results.of_seeds([seed]).select(stage="rl"))
        values.append(float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan"))
    return over_seeds(values, results.seeds)


@needs("rounds")
def flip_distance(results: Results) -> Estimate | None:
    """Per seed, the largest distance of a flip round from floor(log2((1 - p)/p))."""
    values = []
    for seed in results.seeds:
        x, y = _flips(results.of_seeds([seed]).select(stage="rl"))
        values.append(float(np.abs(y - np.floor(x + 1e-9)).max()))
    return over_seeds(values, results.seeds)


@needs("rounds")
def odds_slope(results: Results) -> Estimate | None:
    """Per seed, the slope of logit(long share) on rounds minus ln(2c), averaged over p_cot.

    Rounds up to a share of 0.95: beyond, a handful of short answers decides the log-odds.
    """
    values = [
        float(np.mean([_excess_slope(run) for run in results.of_seeds([seed]).select(stage="rl")]))
        for seed in results.seeds
    ]
    return over_seeds(values, results.seeds)


def chain_accuracy(
    results: Results, algorithm: str, reward: str, temperature: float
) -> pl.DataFrame:
    """Accuracy given long at temperature 1 after RL, by seed; 0 where chains are gone."""
    part = results.select(stage="rl", algorithm=algorithm, reward=reward, temperature=temperature)
    if not len(part):
        return pl.DataFrame({"seed": [], "chain": []})
    long = pl.col("strategy") == "long"
    table = sampled(part)
    counts = table.group_by("seed").agg(right=(long & _CORRECT).sum(), long=long.sum())
    return counts.select("seed", chain=pl.col("right") / pl.col("long").clip(1)).sort("seed")


def reward_gap(temperature: float) -> Measure:
    """Chain accuracy after STaR under the chain reward minus under the end-to-end reward."""

    @needs("reward_and_temperature")
    def measure(results: Results) -> Estimate | None:
        cot, e2e = (chain_accuracy(results, "star", r, temperature) for r in ("cot", "e2e"))
        if not len(cot) or not len(e2e):
            return None
        gaps = cot["chain"].to_numpy() - e2e["chain"].to_numpy()
        return over_seeds(gaps, cot["seed"].to_list(), bounds=(-1, 1))

    return measure


@needs("reward_and_temperature")
def grpo_hot(results: Results) -> Estimate | None:
    """Chain accuracy after hot GRPO with the end-to-end reward."""
    chain = chain_accuracy(results, "grpo", "e2e", 1.5)
    if not len(chain):
        return None
    return over_seeds(chain["chain"].to_numpy(), chain["seed"].to_list(), bounds=(0, 1))


def hotter_share(reward: str) -> Measure:
    """Long share at temperature 1 after STaR that was sampled hotter than the paper's."""

    @needs("hotter", reward=reward)
    def measure(results: Results) -> Estimate | None:
        return share(sampled(results.select(stage="rl")), "long")

    return measure


@needs("reward_and_temperature")
def all_others(results: Results) -> Estimate | None:
    """Per seed, the worst greedy accuracy over arms, hot STaR with the end-to-end reward aside."""
    rest = results.select(stage="rl").where(
        lambda f: (f["algorithm"], f["reward"]) != ("star", "e2e") or float(f["temperature"]) <= 1
    )
    return extreme(rest, "arm", largest=False)


def too_early(figure: str) -> Measure:
    """From the earliest checkpoint: greedy accuracy after RL, or the growth of sampled length."""

    @needs("early")
    def measure(results: Results) -> Estimate | None:
        first = results.select(stage="rl", start=results.factor("start")[0])
        if figure == "accuracy":
            return accuracy(greedy(first))
        _, lengths = rounds(first, "sampled_length")
        return over_seeds(lengths[:, -1] / lengths[:, 0], results.seeds)

    return measure


@needs("capacity")
def larger_models(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy over depths and widths."""
    return extreme(results, "arm", largest=True)


@needs("without_chains")
def nothing_to_amplify(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy after RL without chains."""
    return extreme(results.select(stage="rl"), "arm", largest=True)


@needs("without_chains")
def chains_from_nothing(results: Results) -> Estimate | None:
    """Long share after RL without chains."""
    return share(sampled(results.select(stage="rl")), "long")


@needs("leap")
def partial_chains(results: Results) -> Estimate | None:
    """Per seed, the largest greedy accuracy over the partial-chain sweep."""
    return extreme(results.select(stage="pretrain"), "p_cot", largest=True)


def _columns(table: pl.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rows = table.filter(pl.col("seed") == seed)
    return rows["p_cot"].to_numpy(), rows["accuracy"].to_numpy()


def _first_crossing(x: np.ndarray, y: np.ndarray) -> float:
    """Where a piecewise linear curve first reaches FLIPPED; NaN where it never does."""
    above = np.flatnonzero(y >= FLIPPED)
    if not len(above):
        return float("nan")
    i = above[0]
    if i == 0:
        return float(x[0])
    return float(x[i - 1] + (FLIPPED - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1]))


def _flips(results: Results) -> tuple[np.ndarray, np.ndarray]:
    """log2((1 - p)/p) and the first round whose greedy accuracy is flipped, for one seed.

    A run that never flips counts as flipping one round after its last.
    """
    x, y = [], []
    for run in results:
        p_cot = float(run.factor("p_cot")[0])
        steps, values = rounds(run, "greedy_accuracy")
        flipped = np.flatnonzero(values[0] >= FLIPPED)
        x.append(np.log2((1 - p_cot) / p_cot))
        y.append(steps[flipped[0]] if len(flipped) else steps[-1] + 1)
    return np.array(x), np.array(y, dtype=float)


def _excess_slope(run: Results) -> float:
    """Slope of the log-odds of the long share on the round, minus ln(2c), for one run."""
    steps, shares = rounds(run, "share_long")
    upto = int(np.argmax(shares[0] > SOLVED)) or len(steps)
    odds = np.clip(shares[0, :upto], 1e-3, 1 - 1e-3)
    slope = np.polyfit(steps[:upto], np.log(odds / (1 - odds)), 1)[0]
    table = run.rollouts().filter((pl.col("temperature") == 1) & (pl.col("strategy") == "long"))
    correct = float(table.select(_CORRECT.mean()).item())
    return float(slope - np.log(2 * correct))


def _median_length(table: pl.DataFrame) -> Estimate:
    medians = table.group_by("seed").agg(length=LENGTH.median()).sort("seed")
    return over_seeds(medians["length"].to_numpy(), medians["seed"].to_list())
