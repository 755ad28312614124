"""The policy that maximises reward minus β KL, and how near RL comes to it (§3.6)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import polars as pl

from hone.measures import Estimate
from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.comparisons import mean_over_runs
from hone.studies.echo_chamber.measured.formats import shares
from hone.studies.echo_chamber.measured.likelihood import with_divergence
from hone.studies.echo_chamber.measured.selection import each_run, responses
from hone.studies.study import Measure

STILL_MOVING = 0.03  # of total variation from the third quarter of rounds to the last


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


def mixed_shares(before: pl.DataFrame, kl: float) -> dict[str, float]:
    """The same among policies that choose between formats only: share × exp(accuracy / β)."""
    weights = _mixed_weights(before, kl)
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _mixed_weights(before: pl.DataFrame, kl: float) -> dict[str, float]:
    weight = pl.len() / before.height * (CORRECT.mean() / kl).exp()
    return dict(before.group_by("strategy").agg(weight).sort("strategy").iter_rows())


def optimum_of(run: Results) -> dict[str, float]:
    """The shares that are best under the run's own penalty."""
    return optimal_shares(responses(run, "before"), _penalty(run))


def mixed_optimum_of(run: Results) -> dict[str, float]:
    """The same among policies that choose between formats only."""
    return mixed_shares(responses(run, "before"), _penalty(run))


def _penalty(run: Results) -> float:
    """The run's KL coefficient."""
    (kl,) = run.select(stage="after").factor("kl")
    return float(kl)


def worth_before(run: Results) -> float:
    """Reward minus β KL before RL: accuracy, as there is no KL yet."""
    return float(responses(run, "before").select(CORRECT.mean()).item())


def worth_after(run: Results) -> float:
    """Reward minus β KL in RL's last round."""
    return float(_worths(run)["worth"].to_numpy().mean())


def worth_in_formats(runs: Results) -> dict[str, float]:
    """The same of the responses in each format, of all runs together.

    Where policies can gain no more by their choice, these are equal.
    """
    rows = pl.concat([_worths(run) for run in each_run(runs)])
    return dict(rows.group_by("strategy").agg(pl.col("worth").mean()).iter_rows())


def _worths(run: Results) -> pl.DataFrame:
    worth = CORRECT - _penalty(run) * pl.col("k1")
    return with_divergence(run, last=True).select("strategy", worth=worth)


def worth_of_optimum(run: Results) -> float:
    """The most that reward minus β KL can be: β log mean exp(reward / β), problem by problem."""
    kl = _penalty(run)
    mean = (CORRECT / kl).exp().mean().log()
    found = (
        responses(run, "before").group_by("problem_id", maintain_order=True).agg(mean.alias("log"))
    )
    return kl * float(found.select(pl.col("log").mean()).item())


def worth_of_mixed(run: Results) -> float:
    """The most that a policy has that chooses between formats only."""
    kl = _penalty(run)
    return kl * math.log(sum(_mixed_weights(responses(run, "before"), kl).values()))


def share_in(
    found: Callable[[Results], Mapping[str, float]], name: str
) -> Callable[[Results], float]:
    """A format's share among those that are found of a run."""
    return lambda run: found(run).get(name, 0.0)


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation between two distributions over formats."""
    names = sorted({*one, *other})
    return sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in names) / 2


def way_left_under(kl: float, rate: float) -> Measure:
    """`way_left` at a part of RL's learning rate; a note says how many runs had not settled."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(experiment="optimum", kl=kl, rate=rate)
        found = mean_over_runs(way_left)(runs)
        moving = sum(still_moving(run) > STILL_MOVING for run in each_run(runs))
        return replace(found, note=f"runs still moving: {moving}") if found and moving else found

    return measure


def way_left(run: Results) -> float:
    """The part of the way to the optimum that is left late in RL; NaN where there is none to go."""
    best = optimum_of(run)
    way = distance(shares(responses(run, "before")), best)
    return distance(late_shares(run), best) / way if way else math.nan


def late_shares(run: Results) -> dict[str, float]:
    """Shares of formats in training, over the last quarter of the rounds.

    A single round's swing about where they stay.
    """
    return _shares_in_training(run, 3 / 4, 1.0)


def still_moving(run: Results) -> float:
    """How far shares in training went from the third quarter of the rounds to the last.

    NaN where a quarter holds no round.
    """
    third = _shares_in_training(run, 2 / 4, 3 / 4)
    return distance(third, late_shares(run)) if third else math.nan


@lru_cache(maxsize=1024)
def _shares_in_training(run: Results, low: float, high: float) -> dict[str, float]:
    """Of responses that RL drew in a part of its rounds."""
    rl = run.select(stage="rl")
    rounds = rl.steps("train")
    chosen = [step for step in rounds if low < step / rounds[-1] <= high]
    return shares(rl.rollouts("train", chosen)) if chosen else {}
