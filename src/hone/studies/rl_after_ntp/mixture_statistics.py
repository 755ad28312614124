"""Statistics that the studies of mixtures have in common: functions of their finished stages."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Real

from hone.measures import (
    Estimate,
    accuracy_change,
    clopper_pearson,
    over_problems,
    over_seeds,
)
from hone.measures.accuracy import CORRECT
from hone.measures.estimates import Interval, Number
from hone.measures.lengths import LENGTH
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.courses import rounds
from hone.studies.study import Measure

WORKED, ANSWER = (pl.col("strategy") == form for form in ("worked", "answer"))


def greedy(results: Results) -> pl.DataFrame:
    """Greedy responses of the last evaluation of every stage."""
    return results.rollouts(steps=(-1,)).filter(pl.col("temperature") == 0)


def sampled(results: Results) -> pl.DataFrame:
    """Responses at temperature 1 of the last evaluation of every stage."""
    return results.rollouts(steps=(-1,)).filter(pl.col("temperature") == 1)


def extreme(results: Results, by: str, largest: bool) -> Estimate:
    """Per seed, the largest (or smallest) greedy accuracy over the values of a column."""
    return extreme_of(greedy(results), CORRECT, by, largest)


def extreme_of(table: pl.DataFrame, hit: pl.Expr, by: str, largest: bool) -> Estimate:
    """Per seed, the largest (or smallest) share of rows that hit, over the values of a column."""
    column = pl.col("rate").max() if largest else pl.col("rate").min()
    rates = table.group_by("seed", by).agg(rate=hit.mean())
    values = rates.group_by("seed").agg(column).sort("seed")
    problems = table["problem_id"].n_unique()
    mean = float(np.mean(values["rate"].to_numpy()))
    return over_seeds(
        values["rate"].to_numpy(),
        values["seed"].to_list(),
        floor=clopper_pearson(mean * problems, problems),
        bounds=(0.0, 1.0),
    )


def largest_error(
    table: pl.DataFrame, by: Sequence[str], hits: pl.Expr, uses: pl.Expr, target: pl.Expr
) -> Estimate:
    """Per seed, the largest distance of Σ hits / Σ uses from its target over the cells of `by`.

    The interval holds what problems drawn anew would have made of the worst cell of each seed.
    """
    of_problems = table.group_by("seed", *by, "problem_id").agg(
        hits=hits.mean(), uses=uses.mean(), target=target.first()
    )
    values, floors, seeds = [], [], sorted(table["seed"].unique())
    for seed in seeds:
        cells = of_problems.filter(pl.col("seed") == seed).sort(*by).partition_by(by)
        error, interval = max(map(_error, cells), key=lambda found: abs(found[0]))
        values.append(abs(error))
        floors.append(interval)
    return _of_worst(values, floors, seeds, (0.0, math.inf))


def crossing_of(table: pl.DataFrame, hit: pl.Expr, level: float) -> Estimate:
    """Per seed, the p_cot at which the interpolated share of rows that hit first reaches a level.

    The grid says no more than between which two values that is: the interval spans them.
    """
    rates = table.group_by("seed", "p_cot").agg(rate=hit.mean()).sort("p_cot")
    seeds = sorted(rates["seed"].unique())
    found = [_crossing(rates.filter(pl.col("seed") == seed), level) for seed in seeds]
    low, value, high = np.array(found).T
    floor = None if np.isnan(value).any() else (float(low.min()), float(high.max()))
    return over_seeds(value, seeds, floor=floor, bounds=(0.0, 1.0))


def measured_on(experiment: str, **factors: Factor) -> Callable[[Measure], Measure]:
    """The measure on one experiment; None where the run has none of its stages."""

    def restrict(measure: Measure) -> Measure:
        def measured(results: Results) -> Estimate | None:
            part = results.select(experiment=experiment, **factors)
            return measure(part) if len(part) else None

        return measured

    return restrict


def gain(after: Results, before: Results) -> Estimate:
    """How much more greedy responses of the one are right than of the other, problem by problem."""
    return accuracy_change(greedy(after), greedy(before))


def smallest_gain(after: Results, before: Results, by: str) -> Estimate:
    """Per seed, the smallest gain in greedy accuracy over the values of a factor, or over arms."""
    values = after.arms if by == "arm" else after.factor(by)
    parts = [
        gain(after.select(**{by: value}).of_seeds([seed]), before.of_seeds([seed]))
        for seed in after.seeds
        for value in values
    ]
    rows = np.reshape(np.array(parts, dtype=object), (len(after.seeds), -1))
    worst = [min(row, key=lambda each: each.value) for row in rows]
    return _of_worst([each.value for each in worst], [each.interval for each in worst],
                     after.seeds, (-1.0, 1.0))  # fmt: skip


def rounds_to_half(results: Results) -> Estimate:
    """Per seed, the share of rounds after which half of the gain in greedy accuracy is made.

    Undefined where there is no gain. A finite number of problems leaves open which round first
    came to half: the interval spans what it would be a margin below and above.
    """
    steps, values = rounds(results, "greedy_accuracy")
    half = (values[:, 0] + values[:, -1]) / 2
    margin = half_width(float(half.mean()), greedy(results)["problem_id"].n_unique())
    early, found, late = (_share_until(steps, values, half + by) for by in (-margin, 0, margin))
    gained = np.where(values[:, -1] > values[:, 0], found, np.nan)
    floor = (float(early.mean()), float(late.mean()))
    return over_seeds(gained, results.seeds, floor=floor, bounds=(0.0, 1.0))


def _share_until(
    steps: Real[np.ndarray, " rounds"],
    values: Float[np.ndarray, "seeds rounds"],
    levels: Float[np.ndarray, " seeds"],
) -> Float[np.ndarray, " seeds"]:
    """The share of rounds after which each seed's curve is at its level; all if it never is."""
    there = values >= levels[:, None]
    first = np.where(there.any(axis=1), there.argmax(axis=1), len(steps) - 1)
    return steps[first] / steps[-1]


def growth(results: Results) -> Estimate:
    """Per seed, mean sampled length after RL over that before it, smallest over algorithms.

    The interval holds what problems drawn anew would have made of the worst algorithm.
    """
    worst = [
        min(
            (_length_ratio(results.of_seeds([seed]).select(algorithm=algorithm))
             for algorithm in results.factor("algorithm")),
            key=lambda found: found[0],
        )
        for seed in results.seeds
    ]  # fmt: skip
    values, floors = zip(*worst, strict=True)
    return _of_worst(values, floors, results.seeds, (0.0, math.inf))


def _length_ratio(run: Results) -> tuple[float, Interval]:
    """Mean sampled length of the last evaluation over that of the first, and over problems."""
    after, before = (
        run.rollouts(steps=(step,))
        .filter(pl.col("temperature") == 1)
        .group_by("problem_id")
        .agg(length=LENGTH.mean())
        for step in (-1, 0)
    )
    both = after.join(before, on="problem_id", suffix="_before")
    lengths, earlier = both["length"].to_numpy(), both["length_before"].to_numpy()
    interval = over_problems(lengths, earlier, bounds=None)
    assert interval is not None
    return float(lengths.sum() / earlier.sum()), interval


def undefined(results: Results, note: str) -> Estimate:
    """No number, for a reason."""
    return Estimate(float("nan"), None, 0.95, "none", results.seeds, note)


def half_width(share: float, problems: int) -> float:
    """Half the width of the exact interval of a share of problems."""
    low, high = clopper_pearson(share * problems, problems)
    return (high - low) / 2


def _of_worst(
    values: Sequence[Number], floors: Sequence[Interval], seeds: Sequence[int], bounds: Interval
) -> Estimate:
    """Over seeds, of the worst that each has, and of its interval over problems."""
    low, high = np.mean(floors, axis=0)
    return over_seeds(list(values), seeds, floor=(float(low), float(high)), bounds=bounds)


def _error(cell: pl.DataFrame) -> tuple[float, Interval]:
    """Σ hits / Σ uses less its target, and the interval of the distance over problems."""
    hits, uses = (cell[name].cast(pl.Float64).to_numpy() for name in ("hits", "uses"))
    target = float(cell["target"][0])
    error = float(hits.sum() / uses.sum()) - target
    interval = over_problems(hits, uses, bounds=None)
    assert interval is not None
    low, high = (edge - target for edge in interval)
    return error, (max(low, 0.0), high) if error >= 0 else (max(-high, 0.0), -low)


def _crossing(rates: pl.DataFrame, level: float) -> tuple[float, float, float]:
    """Where a piecewise linear curve first reaches the level, between its grid neighbours."""
    x, y = rates["p_cot"].to_numpy(), rates["rate"].to_numpy()
    above = np.flatnonzero(y >= level)
    if not len(above) or above[0] == 0:
        return float("nan"), float("nan"), float("nan")
    i = above[0]
    step = (level - y[i - 1]) / (y[i] - y[i - 1])
    return float(x[i - 1]), float(x[i - 1] + step * (x[i] - x[i - 1])), float(x[i])
