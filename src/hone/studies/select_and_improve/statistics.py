"""Statistics of the study: by kind of problem and route, before and after RL, over its rounds.

The route is the strategy that a response opens in, which is what forcing fixes. The task's own
reading asks for the order of operations as well: a response that loses its place on the way has
executed badly, not chosen otherwise.
"""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER, PositionClass
from hone.measures import Estimate, accuracy, accuracy_change, share
from hone.measures.accuracy import CORRECT, estimate, per_problem
from hone.measures.clocks import half_time
from hone.measures.decomposition import Decomposition, decompose
from hone.measures.estimates import Interval
from hone.measures.headroom import Headroom, Signal, headroom, signal
from hone.measures.intervals import over_seeds, slope
from hone.runs.folder import part_of_config
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.study import Measure
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

NATIVE = {EVALUATION: "forward", INVERSION: "backward"}
"""The strategy that starts from what is given, by kind of problem."""

STEPS = pl.col("difficulty")
ROUTED = pl.any_horizontal(
    (pl.col("kind") == kind) & (pl.col("strategy") == strategy) for kind, strategy in NATIVE.items()
)
"""The response uses its problem's native strategy; see `by_opening`."""

TOKENS = (PositionClass.DECIDE, PositionClass.EXECUTE, PositionClass.ANSWER, PositionClass.END)
_DECIDE, _EXECUTE = PositionClass.DECIDE.name.lower(), PositionClass.EXECUTE.name.lower()

_ARMS = 3  # the fewest of which a slope has an interval
TIMED = 0.1  # the smallest change of a share or an accuracy that is worth timing


def responses(runs: Results, stage: str, kind: str | None = None) -> pl.DataFrame:
    """What the runs answered in an evaluation stage, to one kind of problem or to all."""
    table = runs.select(stage=stage).rollouts(steps=(-1,))
    return table if kind is None else table.filter(pl.col("kind") == kind)


def forced(runs: Results, when: str) -> pl.DataFrame:
    """Responses forced into each strategy."""
    return pl.concat([responses(runs, f"{when} {strategy}") for strategy in NATIVE.values()])


def by_opening(runs: Results, table: pl.DataFrame) -> pl.DataFrame:
    """Responses of the runs with the strategy that they open in; `other` where they open in none.

    Raises:
        ValueError: the runs are not of one task.
    """
    (task,) = {part_of_config(stage.folder, "task") for stage in runs.stages}
    opening = pl.lit(OTHER)
    for strategy in NATIVE.values():
        allowed = task.constrain(strategy).allowed
        opens = pl.all_horizontal(
            pl.col("response_ids").list.get(k, null_on_oob=True).is_in(np.flatnonzero(row).tolist())
            for k, row in enumerate(allowed)
        )
        opening = pl.when(opens).then(pl.lit(strategy)).otherwise(opening)
    return table.with_columns(strategy=opening)


def accuracy_when(when: str, kind: str | None = None, **factors: Factor) -> Measure:
    """Accuracy in an evaluation stage; of all problems or of a kind."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors).select(stage=when)
        return accuracy(responses(runs, when, kind)) if len(runs) else None

    return measure


def routed_when(when: str, **factors: Factor) -> Measure:
    """The share of responses in their problem's native strategy."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors).select(stage=when)
        if not len(runs):
            return None
        asked = by_opening(runs, responses(runs, when))
        return estimate(per_problem(asked, ROUTED.mean()), 0.95)

    return measure


def share_when(when: str, strategy: str, **factors: Factor) -> Measure:
    """The share of responses that open in a strategy."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**factors).select(stage=when)
        return share(by_opening(runs, responses(runs, when)), strategy) if len(runs) else None

    return measure


def accuracy_against(
    when: str,
    factors: Mapping[str, Factor],
    other_when: str,
    other: Mapping[str, Factor],
    kind: str | None = None,
) -> Measure:
    """Accuracy in one evaluation minus that in another of the same problems, pair by pair."""

    def measure(results: Results) -> Estimate | None:
        sides = [
            (results.select(**each).select(stage=stage), stage)
            for stage, each in ((when, factors), (other_when, other))
        ]
        if not all(len(runs) for runs, _ in sides):
            return None
        after, before = (responses(runs, stage, kind) for runs, stage in sides)
        return accuracy_change(after, before)

    return measure


def difference(one: Measure, other: Measure) -> Measure:
    """One statistic minus another, seed by seed where seeds are shared.

    Of each seed both have intervals over problems, or neither has; they are taken as independent,
    which is never too narrow where both go up and down together.
    """

    def measure(results: Results) -> Estimate | None:
        parts = [
            (one(results.of_seeds([seed])), other(results.of_seeds([seed])))
            for seed in results.seeds
        ]
        known = [(a, b) for a, b in parts if a is not None and b is not None]
        if not known:
            return None
        floors = [_root_sum_of_squares(a, b) for a, b in known]
        low, high = zip(*filter(None, floors), strict=True) if all(floors) else ((), ())
        return over_seeds(
            [float(a.value - b.value) for a, b in known],
            [a.seeds[0] for a, _ in known],
            floor=(float(np.mean(low)), float(np.mean(high))) if low else None,
            bounds=(-1.0, 1.0),
        )

    return measure


def decomposition(
    results: Results, kind: str | None = None, length: int | None = None, observed: bool = False
) -> Decomposition | None:
    """Of the change from before RL to after it.

    Args:
        kind: of the problems; None: both.
        length: their number of operations; None: all.
        observed: by the accuracy of responses that chose a strategy and kept to it, not of those
            forced into it.
    """
    sides = [results.select(stage=when) for when in ("before", "after")]
    if not all(map(len, sides)):
        return None
    before, after = (responses(results, when, kind) for when in ("before", "after"))
    if length is not None:
        before, after = (table.filter(length == STEPS) for table in (before, after))
    if observed:
        return decompose(before, after)
    before, after = (by_opening(*each) for each in zip(sides, (before, after), strict=True))
    return decompose(before, after, forced(results, "before"), forced(results, "after"))


def part_of_change(part: str, kind: str | None = None, **factors: Factor) -> Measure:
    """Selection, improvement or another part of the change that RL made."""

    def measure(results: Results) -> Estimate | None:
        found = decomposition(results.select(**factors), kind)
        return None if found is None else getattr(found, part)

    return measure


def timeline(runs: Results, value: pl.Expr) -> tuple[np.ndarray, np.ndarray]:
    """A mean over sampled responses at every evaluation of RL: rounds, and (seeds, rounds)."""
    runs = runs.select(stage="rl")
    table = by_opening(runs, runs.rollouts().filter(pl.col("temperature") > 0))
    return by_seed_and_step(table.group_by("seed", "step").agg(value=value))


def by_seed_and_step(table: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Of columns seed, step and value: the steps, and the values by (seeds, steps)."""
    wide = table.sort("seed", "step").pivot(on="step", index="seed", values="value")
    steps = sorted(map(int, wide.columns[1:]))
    values = wide.select(str(step) for step in steps).to_numpy()
    return np.array(steps), values.astype(float)


ROUTING = ROUTED.mean()
EXECUTION = (CORRECT & ROUTED).sum() / ROUTED.sum()
"""Accuracy of the responses that use the native strategy."""


def clock(value: pl.Expr, **factors: Factor) -> Measure:
    """The round by which half of a value's change is done."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        if not len(runs):
            return None
        steps, values = timeline(runs, value)
        return half_time(steps, values, runs.seeds, TIMED)

    return measure


def how_much_sooner(**factors: Factor) -> Measure:
    """Half-time of execution over that of routing."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        if not len(runs):
            return None
        ratios, seeds = [], []
        for one in runs:
            times = [clock(value)(one) for value in (EXECUTION, ROUTING)]
            slow, fast = (math.nan if each is None else float(each.value) for each in times)
            ratios.append(slow / fast if fast else math.nan)
            seeds.append(one.seeds[0])
        return over_seeds(ratios, seeds)

    return measure


def mean_over_rounds(**factors: Factor) -> Measure:
    """Sampled accuracy on hard problems, averaged over RL's evaluations: fast and far counts."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        if not len(runs):
            return None
        _, values = timeline(runs, CORRECT.mean())
        return over_seeds(values.mean(axis=1), runs.seeds, bounds=(0.0, 1.0))

    return measure


def drift_by_token(runs: Results, kind: str | None = None) -> pl.DataFrame:
    """KL to the policy before RL: a row for each seed, round and kind of token.

    Of one kind of problem, or of all.

    Column `kl`, the sum over all responses, and `tokens`. By k1, the mean log-ratio: of these
    policies k3 is mostly the few tokens that RL made rare, and a single one may outweigh the rest.
    """
    table = runs.select(stage="drift").rollouts("scores")
    asked = table if kind is None else table.filter(pl.col("kind") == kind)
    return (
        asked.group_by("seed", "step", "token")
        .agg(kl=pl.col("k1").sum(), tokens=pl.col("tokens").sum())
        .sort("seed", "step", "token")
    )


LATE = 0.75  # of the rounds, from which KL is looked at together


def drift_at_the_end(runs: Results, kind: str | None = None) -> pl.DataFrame:
    """`drift_by_token` of the last quarter of the rounds: a row a seed, `kl` of each kind of token.

    And `each`, of one token of the kind.
    """
    late = drift_by_token(runs, kind).filter(pl.col("step") >= LATE * pl.col("step").max())
    sums = late.group_by("seed", "token").agg(pl.col("kl", "tokens").sum())
    sums = sums.with_columns(each=pl.col("kl") / pl.col("tokens"))
    return sums.pivot(on="token", index="seed", values=["kl", "each"]).sort("seed")


def concentration(**factors: Factor) -> Measure:
    """Late in RL, KL of a strategy-deciding token over KL of an execution token, in powers of 10.

    Its logarithm, as both span orders of magnitude; undefined where an estimate is not positive.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="drift", **factors)
        if not len(runs):
            return None
        ends = drift_at_the_end(runs)
        with np.errstate(invalid="ignore", divide="ignore"):
            powers = np.log10((ends[f"each_{_DECIDE}"] / ends[f"each_{_EXECUTE}"]).to_numpy())
        return over_seeds(powers, ends["seed"].to_list())

    return measure


def deciding_share(kind: str, **factors: Factor) -> Measure:
    """Late in RL, the part of a response's KL that lies on the token that decides its strategy.

    Of responses to one kind of problem: where a strategy does not suit the other kind, what RL does
    there is neither selection nor improvement.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="drift", **factors)
        if not len(runs):
            return None
        ends = drift_at_the_end(runs, kind)
        whole = sum(ends[f"kl_{kind.name.lower()}"] for kind in TOKENS)
        assert isinstance(whole, pl.Series)
        parts = (ends[f"kl_{_DECIDE}"] / whole).to_numpy()
        return over_seeds(parts, ends["seed"].to_list(), bounds=(0.0, 1.0))

    return measure


def predicted(runs: Results) -> Headroom | None:
    """What was left to gain before RL, by step-verified responses."""
    before = runs.select(stage="before")
    if not len(before):
        return None
    table = forced(runs, "before")
    most = table["sample"].max()
    assert isinstance(most, int)
    return headroom(responses(runs, "before"), table, STEPS, k=(most + 1) // 2)


def told_and_gained(runs: Results) -> dict[str, dict[str, tuple[float, float]]]:
    """By arm of RL and part of its gain: what was told before, and what came."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for arm in runs.select(stage="rl").arms:
        own = runs.select(arm=arm)
        gained, room = decomposition(own), predicted(own)
        if gained is None or room is None:
            continue
        found[arm] = {
            "selection": (room.selection, float(gained.selection.value)),
            "improvement": (room.improvement, float(gained.improvement.value)),
            "signal": (float(first_signal(own).verified.value), float(gained.total.value)),
        }
    return found


def slope_of_gain(part: str) -> Measure:
    """Of what RL gained in a part on what was told of it, over all arms."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(experiment="foretold")
        points = [found[part] for found in told_and_gained(runs).values()]
        if len(points) < _ARMS:
            return None
        x, y = np.array(points).T
        return slope(x, y, runs.seeds) if np.ptp(x) else None

    return measure


def first_signal(runs: Results) -> Signal:
    """What the groups of RL's first round told, before anything was learned from them."""
    return signal(runs.select(stage="rl").rollouts("train", steps=(1,)), STEPS)


def _root_sum_of_squares(one: Estimate | None, other: Estimate | None) -> Interval | None:
    """An interval over problems for a difference of two estimates."""
    if one is None or other is None or one.interval is None or other.interval is None:
        return None
    value = one.value - other.value
    low = math.hypot(one.value - one.interval[0], other.interval[1] - other.value)
    high = math.hypot(one.interval[1] - one.value, other.value - other.interval[0])
    return value - low, value + high
