"""When RL changes something: the step at which half of it is done, how far it is by a step."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from hone.core.errors import require
from hone.measures.estimates import Estimate
from hone.measures.intervals import over_seeds

_CELL = ("kind", "difficulty")


def timeline(
    table: pl.DataFrame, value: pl.Expr
) -> tuple[Int[np.ndarray, " looks"], Float[np.ndarray, "seeds looks"]]:
    """A value at every look, by seed.

    Every kind and difficulty weighs as many problems as it has, so that a value of some of the
    responses, such as the accuracy of those in one strategy, does not move where only their mix
    does. Those in which a seed has no value at some look are left out of all its looks; NaN where
    that leaves none.

    Args:
        table: rollouts of the same problems at every look; needs `seed`, `step`, `kind` and
            `difficulty`.
        value: an aggregate of responses, e.g. a mean.

    Returns:
        The steps of the looks, ascending, and the value at each; seeds in their order.
    """
    found = table.group_by("seed", "step", *_CELL).agg(value=value.cast(pl.Float64), n=pl.len())
    is_known = pl.col("value").is_finite().fill_null(value=False)
    is_kept = is_known.all().over("seed", *_CELL)
    cells = found.with_columns(pl.when(is_kept).then(pl.col("value", "n")).otherwise(0))
    mean = (pl.col("value") * pl.col("n")).sum() / pl.col("n").sum()
    return by_seed_and_step(cells.group_by("seed", "step").agg(value=mean))


def by_seed_and_step(
    table: pl.DataFrame,
) -> tuple[Int[np.ndarray, " looks"], Float[np.ndarray, "seeds looks"]]:
    """Of columns seed, step and value: the steps, and the values by (seeds, steps)."""
    wide = table.sort("seed", "step").pivot(on="step", index="seed", values="value")
    steps = sorted(map(int, wide.columns[1:]))
    values = wide.select(str(step) for step in steps).to_numpy()
    return np.array(steps), values.astype(float)


def half_time(
    steps: Int[np.ndarray, " looks"],
    values: Float[np.ndarray, "seeds looks"],
    seeds: Sequence[int],
    least: float,
    share: float = 0.5,
    confidence: float = 0.95,
) -> Estimate:
    """The step at which a share of the total change is reached for good, linear between looks.

    The interval is never narrower than what looks leave open, each seed's time lying anywhere
    between two of them. Where a seed changes by less than `least`, or is not defined at every look,
    there is nothing to time: it is left out, and counted in the note; where none is left, the time
    is undefined.

    Args:
        steps: of each look, ascending.
        values: what is timed.
        seeds: a row each.
        least: smallest total change, in absolute value, that is timed.
        share: of the total change, above 0 and at most 1.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a share out of range.
    """
    require(0 < share <= 1, "share", share, "above 0 and at most 1")
    times = [_reached(steps, row, least, share) for row in values]
    kept = [(time, seed) for time, seed in zip(times, seeds, strict=True) if not math.isnan(time)]
    censored = len(times) - len(kept)
    lost = f"{censored} of {len(times)} seeds change by less than {least:g}, or are not defined"
    note = f"{lost} throughout" if censored else ""
    if not kept:
        return Estimate(math.nan, None, confidence, "none", tuple(seeds), note)
    reached, timed = map(list, zip(*kept, strict=True))
    found = over_seeds(
        reached, timed, confidence, _between_looks(steps, reached), (0.0, float(steps[-1]))
    )
    return Estimate(found.value, found.interval, confidence, found.method, found.seeds, note)


def change_by(
    steps: Int[np.ndarray, " looks"],
    values: Float[np.ndarray, "seeds looks"],
    seeds: Sequence[int],
    step: int,
    confidence: float = 0.95,
) -> Estimate:
    """The change of a share up to a step.

    Args:
        steps: of each look, ascending.
        values: what changes.
        seeds: a row each.
        step: one of `steps`.
        confidence: e.g. 0.95.

    Raises:
        UsageError: no look at that step.
    """
    require(step in steps, "step", step, f"one of {steps.tolist()}")
    column = int(np.searchsorted(steps, step))
    return over_seeds(values[:, column] - values[:, 0], seeds, confidence, bounds=(-1.0, 1.0))


def _between_looks(steps: np.ndarray, times: Sequence[float]) -> tuple[float, float]:
    """The mean of the looks before the times, and of those after."""
    after = np.searchsorted(steps, times)
    before = np.maximum(after - 1, 0)
    return float(steps[before].mean()), float(steps[after].mean())


def _reached(steps: np.ndarray, values: np.ndarray, least: float, share: float) -> float:
    """When the change first stays beyond the share of its total; NaN where it is too small."""
    total = values[-1] - values[0]
    if not np.isfinite(values).all() or abs(total) < least:
        return math.nan
    done = (values - values[0]) / total
    last = int(np.flatnonzero(done < share)[-1])  # the first look is below, the last is not
    part = (share - done[last]) / (done[last + 1] - done[last])
    return float(steps[last] + part * (steps[last + 1] - steps[last]))
