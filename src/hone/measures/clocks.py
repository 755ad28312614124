"""When RL changes something: the step at which half of it is done, how far it is by a step."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from hone.core.errors import require
from hone.measures.estimates import Estimate
from hone.measures.intervals import over_seeds


def half_time(
    steps: Int[np.ndarray, " looks"],
    values: Float[np.ndarray, "seeds looks"],
    seeds: Sequence[int],
    least: float,
    share: float = 0.5,
    confidence: float = 0.95,
) -> Estimate:
    """The step at which a share of the total change is reached for good, linear between looks.

    Where a seed changes by less than `least` there is nothing to time: it is left out, and counted
    in the note; where none is left, the time is undefined.

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
    note = f"{censored} of {len(times)} seeds change by less than {least:g}" if censored else ""
    if not kept:
        return Estimate(math.nan, None, confidence, "none", tuple(seeds), note)
    found = over_seeds(
        [time for time, _ in kept],
        [seed for _, seed in kept],
        confidence,
        bounds=(0.0, float(steps[-1])),
    )
    return Estimate(found.value, found.interval, confidence, found.method, found.seeds, note)


def change_by(
    steps: Int[np.ndarray, " looks"],
    values: Float[np.ndarray, "seeds looks"],
    seeds: Sequence[int],
    step: int,
    confidence: float = 0.95,
) -> Estimate:
    """The change of a value up to a step.

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
    return over_seeds(values[:, column] - values[:, 0], seeds, confidence)


def _reached(steps: np.ndarray, values: np.ndarray, least: float, share: float) -> float:
    """When the change first stays beyond the share of its total; NaN where it is too small."""
    total = values[-1] - values[0]
    if not np.isfinite(values).all() or abs(total) < least:
        return math.nan
    done = (values - values[0]) / total
    last = int(np.flatnonzero(done < share)[-1])  # the first look is below, the last is not
    part = (share - done[last]) / (done[last + 1] - done[last])
    return float(steps[last] + part * (steps[last + 1] - steps[last]))
