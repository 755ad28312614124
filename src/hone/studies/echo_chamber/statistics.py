"""Statistics of the study: which format a run ends in, when, and what became of variety.

A pretrained model is the unit: runs of RL from one model are not independent, and are taken
together. So `seed` is the pretraining seed in every table here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER
from hone.measures import (
    Estimate,
    accuracy,
    majority_at_k,
    over_seeds,
    pass_at_k_curve,
    slope_over_seeds,
)
from hone.measures.accuracy import CORRECT
from hone.measures.decomposition import Decomposition, decompose
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.study import Measure
from hone.tasks.word_problems.formats import FORMATS

NAMES = tuple(each.name for each in FORMATS)
FREE: dict[str, Factor] = {"experiment": "collapse", "kl": 0.0}
"""The balanced mixture without a KL penalty."""
RARE = 0.05  # share of a format below which its accuracy is not compared
COLLAPSED = 0.9  # share of a format from which a policy counts as collapsed onto it


def responses(runs: Results, stage: str) -> pl.DataFrame:
    """What the runs answered in an evaluation stage, by pretrained model."""
    return of_models(runs.select(stage=stage).rollouts(steps=(-1,)))


def of_models(table: pl.DataFrame) -> pl.DataFrame:
    """The table with the pretraining seed as its seed."""
    return table.with_columns(seed=pl.col("base"))


def over_models(runs: Results, value: Callable[[Results], float]) -> Estimate:
    """The mean over pretrained models of a number that each has."""
    models = [model for model in runs.factor("base") if isinstance(model, int)]
    return over_seeds([value(runs.select(base=model)) for model in models], models)


def shares(table: pl.DataFrame) -> dict[str, float]:
    """The share of every format in responses."""
    counts = table["strategy"].value_counts(normalize=True)
    return dict(counts.iter_rows())


def formats_of(table: pl.DataFrame) -> list[str]:
    """The formats that occur, those of the paper first and `other` last."""
    known = {name: place for place, name in enumerate((*NAMES, OTHER))}
    found = table["strategy"].unique().to_list()
    return sorted(found, key=lambda name: (name == OTHER, known.get(name, len(known)), name))


def entropy(table: pl.DataFrame) -> float:
    """Of the format, in nats."""
    found = np.array(list(shares(table).values()))
    return float(-(found * np.log(found)).sum())


def winner(table: pl.DataFrame) -> str:
    """The format of most responses."""
    found = shares(table)
    return max(found, key=found.__getitem__)


def most_accurate(table: pl.DataFrame) -> str:
    """The format whose responses are most often right."""
    given = table.group_by("strategy").agg(right=CORRECT.mean(), share=pl.len() / table.height)
    return given.filter(pl.col("share") >= RARE).sort("right")["strategy"][-1]


def each_run(runs: Results) -> list[Results]:
    """The stages of every run of RL: of one pretrained model and one repeat."""
    return [
        runs.select(arm=arm, base=base, repeat=repeat)
        for arm in runs.arms
        for base in runs.select(arm=arm).factor("base")
        for repeat in runs.select(arm=arm, base=base).factor("repeat")
    ]


def mean_over_runs(
    value: Callable[[Results], float],
    chosen: Callable[[Results], Results] = lambda results: results,
    /,
    **factors: Factor,
) -> Measure:
    """A number that every chosen run has, over the runs of a model, then over models."""

    def measure(results: Results) -> Estimate | None:
        runs = chosen(results.select(**factors))
        if not len(runs.select(stage="rl")):
            return None
        return over_models(runs, lambda own: float(np.mean([value(run) for run in each_run(own)])))

    return measure


def after(value: Callable[[pl.DataFrame], float]) -> Callable[[Results], float]:
    """A number of a run's responses after RL."""
    return lambda run: value(responses(run, "after"))


def accuracy_after(run: Results) -> float:
    """The accuracy of a run's samples after RL."""
    return float(accuracy(responses(run, "after")).value)


def largest_share(table: pl.DataFrame) -> float:
    """The share of the winner."""
    return max(shares(table).values())


@dataclass(frozen=True)
class Course:
    """Sampled responses of one run at every look: rounds, the winner's share, accuracy."""

    looks: np.ndarray
    most: np.ndarray
    right: np.ndarray

    @property
    def collapse_time(self) -> float:
        """The first look with a share of `COLLAPSED`; one look beyond the last if there is none."""
        reached = np.flatnonzero(self.most >= COLLAPSED)
        return float(
            self.looks[reached[0]] if len(reached) else 2 * self.looks[-1] - self.looks[-2]
        )

    @property
    def drawdown(self) -> float:
        """The largest fall of accuracy from an earlier look."""
        return float((np.maximum.accumulate(self.right) - self.right).max())

    @property
    def gain_by_collapse(self) -> float:
        """The part of the gain in accuracy that is there by then; NaN where nothing is gained."""
        gain = self.right[-1] - self.right[0]
        by_then = self.right[self.looks <= self.collapse_time][-1] - self.right[0]
        return float(by_then / gain) if gain > 0 else math.nan


def course(run: Results) -> Course:
    """The course of one run of RL."""
    table = run.select(stage="rl").rollouts().filter(pl.col("temperature") > 0)
    looks = sorted(table["step"].unique())
    parts = [table.filter(pl.col("step") == look) for look in looks]
    right = [part.select(CORRECT.mean()).item() for part in parts]
    return Course(np.array(looks), np.array([largest_share(part) for part in parts]),
                  np.array(right))  # fmt: skip


def change_of(
    measure: Callable[[pl.DataFrame], Estimate | float], problems: str = "", /, **factors: Factor
) -> Measure:
    """A statistic after RL minus before it, model by model; of other `problems`, if named."""

    def over(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        if not len(runs.select(stage="after")):
            return None
        return over_models(runs, lambda own: change(own, measure, problems))

    return over


def change(
    runs: Results, measure: Callable[[pl.DataFrame], Estimate | float], problems: str = ""
) -> float:
    """A statistic of all responses after RL minus the same before it."""
    stages = (f"{problems} {when}".strip() for when in ("after", "before"))
    values = (measure(responses(runs, stage)) for stage in stages)
    last, first = (float(each.value) if isinstance(each, Estimate) else each for each in values)
    return last - first


def pass_at_most(table: pl.DataFrame) -> Estimate:
    """pass@k for the largest k there is."""
    k = samples(table)
    return pass_at_k_curve(table, [k])[k]


def majority(table: pl.DataFrame) -> Estimate:
    """majority@k for the largest k there is."""
    return majority_at_k(table, samples(table))


def samples(table: pl.DataFrame) -> int:
    """Responses that every problem has, in one run."""
    most = table["sample"].max()
    assert isinstance(most, int)
    return most + 1


def trend_over(factor: str, value: Callable[[Results], float], **factors: Factor) -> Measure:
    """The slope of a number of each run on the rank of a factor's value."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        levels, models = runs.factor(factor), runs.factor("base")
        if len(levels) < 3:
            return None
        chosen = results.select(**factors)
        values = [
            [float(np.mean([value(run) for run in
                            each_run(chosen.select(base=model).select(**{factor: level}))]))
             for level in levels]
            for model in models
        ]  # fmt: skip
        ranks = np.arange(len(levels), dtype=np.float64)
        return slope_over_seeds(ranks, np.array(values), [int(model) for model in models])

    return measure


def difference(
    value: Callable[[Results], float],
    one: Mapping[str, Factor],
    other: Mapping[str, Factor],
    **factors: Factor,
) -> Measure:
    """A number of each run with some factors minus that of runs with others, model by model."""

    def of_model(runs: Results) -> float:
        found = [float(np.mean([value(run) for run in each_run(runs.select(**each))]))
                 for each in (one, other)]  # fmt: skip
        return found[0] - found[1]

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        there = all(len(runs.select(stage="rl", **each)) for each in (one, other))
        return over_models(runs, of_model) if there else None

    return measure


def decomposition(runs: Results) -> Decomposition:
    """What a change by RL is made of, formats being the strategies."""
    before, after = (responses(runs, when) for when in ("before", "after"))
    return decompose(before, after, _forced(runs, "before"), _forced(runs, "after"))


def _forced(runs: Results, when: str) -> pl.DataFrame | None:
    """Responses forced into each format; None where no stage has any."""
    stages = {each.stage for each in runs.stages if each.stage.startswith(f"{when} ")}
    tables = [responses(runs, stage) for stage in sorted(stages)]
    return pl.concat(tables) if tables else None


def difference_of_parts(one: str, other: str, **factors: Factor) -> Measure:
    """One part of the change that RL made minus another, model by model."""

    def of_model(runs: Results) -> float:
        found = decomposition(runs)
        return float(getattr(found, one).value - getattr(found, other).value)

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors)
        return over_models(runs, of_model) if len(runs.select(stage="after")) else None

    return measure


def base_logprobs(run: Results, last: bool) -> np.ndarray:
    """Mean log-probability a token under the pretrained model, of responses of one RL round.

    Problems that were drawn twice in the round are left out, as their responses cannot be told
    apart.
    """
    scores = run.select(stage="drift").rollouts("scores")
    step = scores["step"].max() if last else scores["step"].min()
    index = ["problem_id", "sample"]
    drawn = run.select(stage="rl").rollouts("train", steps=(int(str(step)),))
    once = drawn.filter(pl.len().over(index) == 1).with_columns(
        own=pl.col("logprobs").list.sum(), tokens=pl.col("logprobs").list.len()
    )
    ratio = scores.filter(pl.col("step") == step).group_by(index).agg(pl.col("k1").sum())
    joined = once.join(ratio, on=index)
    return ((joined["own"] - joined["k1"]) / joined["tokens"]).to_numpy()
