"""Statistics of the study: by kind of problem and route, before and after RL, over its rounds.

The route is the strategy that a response opens in, which is what forcing fixes. The task's own
reading asks for the order of operations as well: a response that loses its place on the way has
executed badly, not chosen otherwise.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from hone.measures import Estimate, accuracy, accuracy_change, drift, share, strategies
from hone.measures.accuracy import CORRECT, estimate, per_problem
from hone.measures.clocks import half_time, timeline
from hone.measures.decomposition import Decomposition, decompose
from hone.measures.estimates import Interval
from hone.measures.headroom import Headroom, Signal, headroom, signal
from hone.measures.intervals import over_seeds, slope_weights
from hone.runs.folder import part_of_config
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.study import Measure
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

NATIVE = {EVALUATION: "forward", INVERSION: "backward"}
"""The strategy that starts from what is given, by kind of problem."""

STEPS = pl.col("difficulty")


def _natively(column: str) -> pl.Expr:
    return pl.any_horizontal(
        (pl.col("kind") == kind) & (pl.col(column) == strategy) for kind, strategy in NATIVE.items()
    )


ROUTED = _natively("strategy")
"""The response uses its problem's native strategy; see `by_opening`."""
FORCED_NATIVELY = _natively("forced")

TIMED = 0.1  # the smallest change of a share or an accuracy that is worth timing


def responses(runs: Results, stage: str, kind: str | None = None) -> pl.DataFrame:
    """What the runs answered in an evaluation stage, to one kind of problem or to all."""
    table = runs.select(stage=stage).rollouts(steps=(-1,))
    return table if kind is None else table.filter(pl.col("kind") == kind)


def forced(runs: Results, when: str) -> pl.DataFrame:
    """Responses forced into each strategy."""
    return pl.concat([responses(runs, f"{when} {strategy}") for strategy in NATIVE.values()])


def by_opening(runs: Results, table: pl.DataFrame) -> pl.DataFrame:
    """Responses of the runs, with the strategy that they open in.

    Raises:
        ValueError: the runs are not of one task.
    """
    (task,) = {part_of_config(stage.folder, "task") for stage in runs.stages}
    return strategies.by_opening(table, task, tuple(NATIVE.values()))


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


def course(runs: Results, value: pl.Expr, kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A value of sampled responses at every evaluation of RL: rounds, and (seeds, rounds)."""
    runs = runs.select(stage="rl")
    sampled = by_opening(runs, runs.rollouts().filter(pl.col("temperature") > 0))
    return timeline(sampled if kind is None else sampled.filter(pl.col("kind") == kind), value)


ROUTING = ROUTED.mean()
EXECUTION = (CORRECT & ROUTED).sum() / ROUTED.sum()
"""Accuracy of the responses that use the native strategy."""
CLOCKS = {"routing": ROUTING, "execution": EXECUTION, "accuracy": CORRECT.mean()}


def clock(value: pl.Expr, **factors: Factor) -> Measure:
    """The round by which half of a value's change is done."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        return half_time(*course(runs, value), runs.seeds, TIMED) if len(runs) else None

    return measure


def how_much_sooner(later: str, **factors: Factor) -> Measure:
    """Half-time of execution, or of accuracy, over that of routing: the geometric mean of seeds."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        if not len(runs):
            return None
        powers = [_half_time(one, later) - _half_time(one, "routing") for one in runs]
        found = over_seeds(powers, [one.seeds[0] for one in runs])
        ends = found.interval and (math.exp(found.interval[0]), math.exp(found.interval[1]))
        return replace(found, value=math.exp(found.value), interval=ends)

    return measure


def _half_time(run: Results, name: str) -> float:
    """The logarithm of one run's; NaN where there is nothing to time."""
    found = clock(CLOCKS[name])(run)
    return math.nan if found is None else math.log(found.value)


def mean_over_rounds(**factors: Factor) -> Measure:
    """Sampled accuracy on hard problems, averaged over RL's evaluations: fast and far counts."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(stage="rl", **factors)
        if not len(runs):
            return None
        return accuracy(runs.rollouts().filter(pl.col("temperature") > 0))

    return measure


def scores(runs: Results, kind: str | None = None) -> pl.DataFrame:
    """Of RL's responses under the policy before it, to one kind of problem or to all."""
    table = runs.select(stage="drift").rollouts("scores")
    return table if kind is None else table.filter(pl.col("kind") == kind)


def late_in_rl(
    measure: Callable[[pl.DataFrame], Estimate], kind: str | None = None, **factors: Factor
) -> Measure:
    """A measure of where RL acts, over its last quarter, on one kind of problem or on all.

    On one kind alone where a strategy does not suit the other: what RL does there is neither
    selection nor improvement.
    """

    def late(results: Results) -> Estimate | None:
        runs = results.select(stage="drift", **factors)
        return measure(drift.late(scores(runs, kind))) if len(runs) else None

    return late


def predicted(runs: Results) -> Headroom | None:
    """What was left to gain before RL, by step-verified responses."""
    before = runs.select(stage="before")
    if not len(before):
        return None
    table = forced(runs, "before")
    most = table["sample"].max()
    assert isinstance(most, int)
    return headroom(responses(runs, "before"), table, STEPS, k=(most + 1) // 2)


ToldAndGained = dict[str, tuple[Estimate, Estimate]]
"""By part of a gain: what was told before RL, and what came."""


def told_and_gained(runs: Results) -> dict[str, ToldAndGained]:
    """By arm of RL."""
    found: dict[str, ToldAndGained] = {}
    for arm in runs.select(stage="rl").arms:
        own = runs.select(arm=arm)
        gained, room = decomposition(own), predicted(own)
        if gained is None or room is None:
            continue
        found[arm] = {
            "selection": (room.selection, gained.selection),
            "improvement": (room.improvement, gained.improvement),
            "signal": (first_signal(own).verified, gained.total),
        }
    return found


def slope_of_gain(part: str) -> Measure:
    """Of what RL gained in a part on what was told of it, over the arms of Table 1.

    Seed by seed, as the arms of a seed share the models that they begin with.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(experiment="main")
        slopes = [_slope(part, runs.of_seeds([seed])) for seed in runs.seeds]
        return over_seeds(slopes, runs.seeds) if slopes else None

    return measure


def _slope(part: str, runs: Results) -> float:
    """Of a seed's arms; NaN where they do not differ in what was told."""
    points = [found[part] for found in told_and_gained(runs).values()]
    told, gained = (np.array([point[axis].value for point in points]) for axis in (0, 1))
    return float(slope_weights(told) @ gained) if np.ptp(told) else math.nan


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
