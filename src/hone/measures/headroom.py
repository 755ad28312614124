"""What RL could still gain, told before it runs: by choosing, by executing, and from which prompts.

All from responses *forced* into each strategy before RL. Guessing is strong where answers are few,
so a response counts only where every step is right as well (`verified`).
"""

from dataclasses import dataclass

import polars as pl

from hone.core.errors import require
from hone.measures.accuracy import (
    CORRECT,
    estimate,
    paired_change,
    pass_at_k,
    per_problem,
    usable,
)
from hone.measures.estimates import Estimate

_CELL = ("kind", "difficulty")
_NEEDS = ("seed", "problem_id", "grade", "sample", "steps_correct", "forced", *_CELL)


@dataclass(frozen=True)
class Headroom:
    """What is left to gain.

    Attributes:
        present: verified accuracy as the policy chooses now.
        routed: under the best strategy of every cell.
        reachable: pass@k under it.
        selection: to be gained by choosing.
        improvement: to be gained by executing what one in k samples already does.
        k: samples of `reachable`.
    """

    present: Estimate
    routed: Estimate
    reachable: Estimate
    selection: Estimate
    improvement: Estimate
    k: int


def headroom(
    free: pl.DataFrame, forced: pl.DataFrame, steps: pl.Expr, k: int, confidence: float = 0.95
) -> Headroom:
    """How far a policy is from its own best strategies, and from its best of k samples.

    The best strategy of a cell is chosen on one half of the samples and scored on the other, both
    ways round: chosen and scored on the same ones it would look better than it is.

    Args:
        free: rollouts that were not forced.
        forced: an even number of samples a problem for every strategy, which `forced` names.
        steps: how many steps a whole solution has, e.g. `pl.col("difficulty")`.
        k: at most half of the samples.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column is missing, or there are fewer than 2k samples.
    """
    forced, _ = usable(forced, "headroom", _NEEDS)
    verified = CORRECT & (pl.col("steps_correct") >= steps)
    rows, note = usable(free, "headroom", ("problem_id", "grade", "steps_correct"))
    parts = [_scored(forced, verified, half, k) for half in (0, 1)]
    both = pl.concat(parts).group_by("seed", "problem_id").mean().sort("seed", "problem_id")
    routed, reachable = (
        both.select("seed", "problem_id", hits=name, uses=pl.lit(1.0))
        for name in ("once", "within_k")
    )
    present = per_problem(rows, verified.mean())
    return Headroom(
        estimate(present, confidence, note),
        estimate(routed, confidence),
        estimate(reachable, confidence),
        paired_change(routed, present, confidence),
        paired_change(reachable, routed, confidence),
        k,
    )


def _scored(forced: pl.DataFrame, verified: pl.Expr, half: int, k: int) -> pl.DataFrame:
    """Of every problem, on one half of the samples, under the strategy that the other one chose."""
    ours = pl.col("sample") % 2 == half
    cell = ("seed", *_CELL)
    best = (
        forced.filter(~ours)
        .group_by(*cell, "forced")
        .agg(score=verified.mean())
        .sort(*cell, "score", "forced")
        .group_by(*cell, maintain_order=True)
        .last()
        .drop("score")
    )
    counts = (
        forced.filter(ours)
        .join(best, on=[*cell, "forced"])
        .group_by("seed", "problem_id")
        .agg(n=pl.len().cast(pl.Int64), c=verified.sum().cast(pl.Int64))
    )
    fewest = counts["n"].min()
    require(isinstance(fewest, int) and k <= fewest, "k", k, f"at most half the samples ({fewest})")
    n, c = counts["n"].to_numpy(), counts["c"].to_numpy()
    return counts.select("seed", "problem_id").with_columns(
        once=pl.Series(c / n), within_k=pl.Series(pass_at_k(c, n, k))
    )


@dataclass(frozen=True)
class Signal:
    """Shares of prompts by what their group of responses tells a group-relative method.

    Attributes:
        verified: rewards differ, and a response that earned the largest is right at every step.
        lucky: rewards differ, but none that earned it is.
    """

    verified: Estimate
    lucky: Estimate


def signal(rollouts: pl.DataFrame, steps: pl.Expr, confidence: float = 0.95) -> Signal:
    """How many groups have something to say, and how many of them only luck.

    Args:
        rollouts: groups of responses; needs `seed`, `problem_id`, `grade`, `steps_correct` and
            `reward`, whatever it is for.
        steps: how many steps a whole solution has.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column is missing.
    """
    rows, note = usable(rollouts, "signal", ("problem_id", "grade", "steps_correct", "reward"))
    if "group" in rows.columns:  # a problem may have been drawn twice
        rows = rows.with_columns(problem_id=pl.format("{}#{}", "problem_id", "group"))
    best = pl.col("reward") == pl.col("reward").max()
    sound = (best & CORRECT & (pl.col("steps_correct") >= steps)).any()
    differs = pl.col("reward").min() < pl.col("reward").max()
    return Signal(
        estimate(per_problem(rows, differs & sound), confidence, note),
        estimate(per_problem(rows, differs & ~sound), confidence, note),
    )


def guessing_pass_at_k(answers: int, k: int) -> float:
    """pass@k of one who guesses among so many answers."""
    return 1 - (1 - 1 / answers) ** k
