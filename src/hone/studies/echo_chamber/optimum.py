"""The policy that maximises reward minus β KL, and how near RL comes to it (§3.6)."""

import math
from collections.abc import Mapping

import polars as pl

from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.echo_chamber.runs import responses
from hone.studies.echo_chamber.statistics import shares

STILL_MOVING = 0.02  # of total variation in the last eighth of rounds: not converged


def optimal_shares(before: pl.DataFrame, kl: float) -> dict[str, float]:
    """Shares of formats under the policy that maximises reward minus β KL (§3.6).

    That policy is the pretrained one times exp(reward / β), normalised problem by problem. So its
    shares are those of responses before RL that weigh exp(reward / β) each.
    """
    weight = pl.when(CORRECT).then(math.exp(1 / kl)).otherwise(1.0)
    weighed = before.with_columns(weight=weight / weight.sum().over("seed", "problem_id"))
    total = weighed["weight"].sum()
    sums = weighed.group_by("strategy").agg(pl.col("weight").sum() / total)
    return dict(sums.iter_rows())


def optimum_of(run: Results) -> dict[str, float]:
    """The shares that are best under the run's own penalty."""
    (kl,) = run.select(stage="after").factor("kl")
    return optimal_shares(responses(run, "before"), float(kl))


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation between two distributions over formats."""
    names = {*one, *other}
    return sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in names) / 2


def distance_from_optimum(run: Results, when: str = "after") -> float:
    """Between measured shares and those of the optimum."""
    return distance(shares(responses(run, when)), optimum_of(run))


def way_left(run: Results) -> float:
    """The part of the way to the optimum that is left after RL; NaN where shares still move."""
    if still_moving(run) > STILL_MOVING:
        return math.nan
    return distance_from_optimum(run) / distance_from_optimum(run, "before")


def still_moving(run: Results) -> float:
    """How far shares in training went from the last quarter's first half to its second."""
    table = run.select(stage="rl").rollouts("train")
    done = table["step"] / table["step"].max()
    before, after = (table.filter((low < done) & (done <= low + 1 / 8)) for low in (6 / 8, 7 / 8))
    return distance(shares(before), shares(after))
