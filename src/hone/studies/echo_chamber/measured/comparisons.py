"""Measures of runs by pretrained model: means, changes by RL, differences and trends.

A pretrained model is the unit: runs of RL from one model are not independent, and are taken
together. So `seed` is the pretraining seed in every table here. What every problem has a part in (a
credit) is compared problem by problem, and its interval is never narrower than that over problems.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial, reduce

import numpy as np
import polars as pl

from hone.measures import Estimate, clopper_pearson, over_seeds, slope_over_seeds, slope_weights
from hone.measures.accuracy import estimate, paired_change
from hone.measures.estimates import Interval
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.selection import each_run, models_of, responses
from hone.studies.study import Measure

Credit = Callable[[pl.DataFrame], pl.DataFrame]
"""What each problem of one run's responses is given: `seed`, `problem_id` and `hits` in [0, 1]."""
Side = tuple[str, Mapping[str, Factor]]
"""A stage, and the runs that it is of."""
CONFIDENCE = 0.95
_KEYS = ("seed", "problem_id")


def credits_of(runs: Results, stage: str, credit: Credit) -> pl.DataFrame:
    """What each problem is given, over the runs of each model."""
    return _credits(runs, stage, lambda _: credit)


def _credits(runs: Results, stage: str, credit: Callable[[Results], Credit]) -> pl.DataFrame:
    """The same where what is given depends on the run."""
    given = [credit(run)(responses(run, stage)).select(*_KEYS, "hits") for run in each_run(runs)]
    return pl.concat(given).group_by(_KEYS).agg(pl.col("hits").mean()).sort(_KEYS)


def mean_of(credit: Credit, stage: str = "after", /, **factors: Factor) -> Measure:
    """The mean credit of the chosen runs in a stage."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        return mean_credit(runs, stage, credit) if len(runs.select(stage=stage)) else None

    return measure


def mean_credit(runs: Results, stage: str, credit: Credit) -> Estimate:
    """The mean over problems and models."""
    return _estimated(credits_of(runs, stage, credit), (0.0, 1.0))


def mean_after(runs: Results, credit: Credit) -> float:
    """The mean credit of the runs after RL."""
    return mean_credit(runs, "after", credit).value


def paired(credit: Credit, one: Side, other: Side, /, **factors: Factor) -> Measure:
    """The mean credit of some runs in one stage minus that of others, problem by problem."""

    def measure(results: Results) -> Estimate | None:
        sides = [(results.select(**{**factors, **chosen}), stage) for stage, chosen in (one, other)]
        if not all(len(runs.select(stage=stage)) for runs, stage in sides):
            return None
        first, second = (credits_of(runs, stage, credit) for runs, stage in sides)
        return paired_change(first, second, CONFIDENCE)

    return measure


def change_of(credit: Credit, problems: str = "", /, **factors: Factor) -> Measure:
    """The mean credit after RL minus that before it; of other `problems`, if named."""
    after, before = (f"{problems} {when}".strip() for when in ("after", "before"))
    return paired(credit, (after, {}), (before, {}), **factors)


def change_in_each(credit: Callable[[Results], Credit], /, **factors: Factor) -> Measure:
    """`change_of` a credit that depends on the run."""
    return _change(credit, credit, factors)


def change_from(was: Credit, credit: Credit, /, **factors: Factor) -> Measure:
    """The mean credit after RL minus what another credit was before it."""
    return _change(lambda _: was, lambda _: credit, factors)


def _change(
    was: Callable[[Results], Credit],
    credit: Callable[[Results], Credit],
    factors: Mapping[str, Factor],
) -> Measure:
    """A credit after RL minus one before it, each by the run."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        if not len(runs.select(stage="after")):
            return None
        after, before = _credits(runs, "after", credit), _credits(runs, "before", was)
        return paired_change(after, before, CONFIDENCE)

    return measure


def difference(
    credit: Credit,
    one: Mapping[str, Factor],
    other: Mapping[str, Factor],
    stage: str = "after",
    /,
    **factors: Factor,
) -> Measure:
    """The mean credit after RL of some runs minus that of others."""
    return paired(credit, (stage, one), (stage, other), **factors)


def change_beyond(
    credit: Credit,
    problems: str,
    one: Mapping[str, Factor],
    other: Mapping[str, Factor],
    /,
    **factors: Factor,
) -> Measure:
    """How much more the mean credit on `problems` changes by RL in some runs than in others."""

    def measure(results: Results) -> Estimate | None:
        sides = [(results.select(**{**factors, **chosen}), f"{problems} {when}")
                 for chosen in (one, other) for when in ("after", "before")]  # fmt: skip
        if not all(len(runs.select(stage=stage)) for runs, stage in sides):
            return None
        credits = [credits_of(runs, stage, credit) for runs, stage in sides]
        return _of_sum(list(zip((1.0, -1.0, -1.0, 1.0), credits, strict=True)))

    return measure


def trend_over(
    factor: str, credit: Credit, stages: tuple[str, ...] = ("after",), /, **factors: Factor
) -> Measure:
    """The slope of the mean credit on the rank of a factor's value, problem by problem.

    With two stages, of their difference.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        levels = runs.select(stage=stages[0]).factor(factor)
        if len(levels) < 3:
            return None
        weights = slope_weights(np.arange(len(levels), dtype=float))
        parts = [
            (weight if place == 0 else -weight,
             credits_of(runs.select(**{factor: level}), stage, credit))
            for weight, level in zip(weights, levels, strict=True)
            for place, stage in enumerate(stages)
        ]  # fmt: skip
        return _of_sum(parts)

    return measure


def _of_sum(parts: list[tuple[float, pl.DataFrame]]) -> Estimate:
    """The mean weighted sum of credits; where no problem's differs, as wide as it can be."""
    weights = [weight for weight, _ in parts]
    low, high = (sum(end(weight, 0.0) for weight in weights) for end in (min, max))
    return _estimated(_summed(parts), (low, high))


def _summed(parts: list[tuple[float, pl.DataFrame]]) -> pl.DataFrame:
    """The weighted sum of credits, for each problem that all of them have."""
    weighed = [credits.with_columns(pl.col("hits") * weight) for weight, credits in parts]
    return reduce(
        lambda one, other: one.join(other, on=_KEYS, suffix="_other").select(
            *_KEYS, hits=pl.col("hits") + pl.col("hits_other")
        ),
        weighed,
    )


def _estimated(credits: pl.DataFrame, bounds: tuple[float, float]) -> Estimate:
    """The mean over models and problems."""
    return estimate(credits.with_columns(uses=pl.lit(1.0)), CONFIDENCE, bounds=bounds)


Number = Callable[[Results], float]
"""What a run has one of."""


def over_models(
    runs: Results, value: Number, known_to: Number | None = None, bounds: Interval | None = None
) -> Estimate:
    """The mean over pretrained models of a number that each has.

    Args:
        runs: of RL.
        value: of all runs of a model.
        known_to: of all runs, how far off the mean may be; None where models differ more.
        bounds: what the number cannot leave.
    """
    models = models_of(runs)
    values = [value(runs.select(base=model)) for model in models]
    if known_to is None:
        return over_seeds(values, models, bounds=bounds)
    center, off = float(np.mean(values)), known_to(runs)
    return over_seeds(values, models, floor=(center - off, center + off), bounds=bounds)


def mean_over_runs(
    value: Number,
    known_to: Number | None = None,
    bounds: Interval | None = None,
    /,
    **factors: Factor,
) -> Measure:
    """A number that every chosen run has, over the runs of a model, then over models.

    Args:
        value: the number.
        known_to: how far off that of a run may be; None where models differ more.
        bounds: what the number cannot leave.
        factors: of the runs.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        if not len(runs.select(stage="rl")):
            return None
        known = None if known_to is None else partial(mean, known_to)
        return over_models(runs, partial(mean, value), known, bounds)

    return measure


def mean(value: Number, runs: Results) -> float:
    """Of a number that every run has."""
    return float(np.mean([value(run) for run in each_run(runs)]))


def minus(
    value: Number,
    one: Mapping[str, Factor],
    other: Mapping[str, Factor],
    known_to: Number | None = None,
    /,
    **factors: Factor,
) -> Measure:
    """A number of each run with some factors minus that of runs with others, model by model."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        if not all(len(runs.select(stage="rl", **each)) for each in (one, other)):
            return None

        def of_both(number: Number, own: Results) -> tuple[float, float]:
            return mean(number, own.select(**one)), mean(number, own.select(**other))

        def difference(own: Results) -> float:
            return float(np.subtract(*of_both(value, own)))

        def larger(number: Number, own: Results) -> float:
            return max(of_both(number, own))

        known = None if known_to is None else partial(larger, known_to)
        return over_models(runs, difference, known)

    return measure


def slope_of(factor: str, value: Number, /, **factors: Factor) -> Measure:
    """The slope of a number of each run on the rank of a factor's value, model by model."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        levels, models = runs.select(stage="rl").factor(factor), models_of(runs)
        if len(levels) < 3:
            return None
        values = [
            [mean(value, runs.select(base=model).select(**{factor: level})) for level in levels]
            for model in models
        ]
        return slope_over_seeds(np.arange(len(levels), dtype=float), np.array(values), models)

    return measure


def counted(holds: Callable[[Results], bool], /, **factors: Factor) -> Measure:
    """The share of pretrained models of which most runs do something.

    Runs from one model are no independent trials, models are: the exact interval is over these.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        if not len(runs.select(stage="rl")):
            return None
        models = models_of(runs)
        return share_of_models([mostly(holds, runs.select(base=each)) for each in models], models)

    return measure


def mostly(holds: Callable[[Results], bool], runs: Results) -> bool:
    """Whether most runs do something."""
    return mean(lambda run: float(holds(run)), runs) > 0.5


def share_of_models(do: Sequence[bool], models: Collection[int]) -> Estimate:
    """The share of models that do something, with the exact interval over them."""
    n = len(models)
    interval = clopper_pearson(sum(do), n, CONFIDENCE)
    method = f"Clopper-Pearson over {n} models"
    return Estimate(sum(do) / n, interval, CONFIDENCE, method, tuple(models))
