"""How long responses are, with the truncated share beside: a cut response hides its length.

A length counts tokens; the end-of-sequence token, there when `finish` is `stop`, is not counted.
Unscorable responses have a length like any other.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from hone.core.errors import require
from hone.core.vocabulary import Finish
from hone.measures.accuracy import estimate, joined, per_problem, seeded, usable
from hone.measures.estimates import Estimate, Interval
from hone.measures.intervals import median_over_problems, over_seeds

LENGTH = pl.col("response_ids").list.len().cast(pl.Int64) - (
    pl.col("finish") == Finish.STOP.value
).cast(pl.Int64)
"""Tokens of a response without the end."""

_TRUNCATED = pl.col("finish") == Finish.LENGTH.value


@dataclass(frozen=True)
class Lengths:
    """Mean and median length in tokens, and the share of responses that were cut off."""

    mean: Estimate
    median: Estimate
    truncated: Estimate


def lengths(table: pl.DataFrame, confidence: float = 0.95) -> Lengths:
    """Mean and median response length, and the truncated share.

    No problem is taken to have longer responses than the longest seen.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `response_ids` and `finish`.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "length", ("problem_id", "response_ids", "finish"))
    longest = float(rows.select(LENGTH.max().fill_null(0)).item())
    return Lengths(
        mean=estimate(per_problem(rows, LENGTH.mean()), confidence, note, bounds=(0.0, longest)),
        median=_median(rows, confidence, note, bounds=(0.0, longest)),
        truncated=estimate(per_problem(rows, _TRUNCATED.mean()), confidence, note),
    )


def length_histogram(table: pl.DataFrame, width: int) -> pl.DataFrame:
    """Responses by step and length.

    Args:
        table: rollouts; needs `step`, `response_ids` and `finish`.
        width: tokens a bin.

    Returns:
        `step`, `length` (where the bin starts), `responses`, `truncated` (how many of them were
        cut off), sorted; empty bins are not listed.

    Raises:
        UsageError: a column it needs is missing, or width below 1.
    """
    require(width >= 1, "width", width, "1 or more tokens")
    rows, _ = usable(table, "length histogram", ("step", "response_ids", "finish"))
    binned = rows.group_by("step", length=LENGTH // width * width)
    return binned.agg(responses=pl.len(), truncated=_TRUNCATED.sum()).sort("step", "length")


def _median(rows: pl.DataFrame, confidence: float, note: str, bounds: Interval) -> Estimate:
    """The mean of the medians of all seeds, with what seeds and problems leave uncertain.

    Seeds share their problems, so the interval over problems is the mean of theirs.
    """
    named = seeded(rows).drop_nulls("seed")
    parts = (named if named.height else seeded(rows)).sort("seed").partition_by("seed")
    if not parts:
        return Estimate(math.nan, None, confidence, "none", (), note)
    medians = [float(part.select(LENGTH.median()).item()) for part in parts]
    edges = [_median_over_problems(part, confidence, bounds) for part in parts]
    low, high = np.mean(edges, axis=0)
    floor = float(low), float(high)
    if named.is_empty():
        return Estimate(medians[0], floor, confidence, "over problems", (), note)
    seeds = [part["seed"][0] for part in parts]
    result = over_seeds(medians, seeds, confidence, floor, bounds)
    return replace(result, note=joined(note, result.note))


def _median_over_problems(rows: pl.DataFrame, confidence: float, bounds: Interval) -> Interval:
    values = rows.select(LENGTH.cast(pl.Float64)).to_series().to_numpy()
    problems = rows["problem_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    return median_over_problems(values, problems, bounds, confidence)
