"""What a change of accuracy is made of: other strategies chosen, or the same ones done better.

In a cell of problems of one kind and difficulty, accuracy is Σ s·a over strategies, s a strategy's
share and a its accuracy. From before to after RL, with midpoints (bars) of the two,

    Δ Σ s·a  =  Σ Δs·ā  +  Σ s̄·Δa  =  selection + improvement,

exactly, and with opposite sign when before and after change places. Cells weigh as many problems as
they hold. With accuracies f from responses that were *forced* into a strategy, Σ s·f takes the
place of Σ s·a, and a third term says what choosing within the cell is worth: Δ Σ s·(a - f).
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl
from jaxtyping import Float

from hone.core.errors import UsageError, require
from hone.core.vocabulary import OTHER
from hone.measures.accuracy import CORRECT, estimate, usable
from hone.measures.estimates import Estimate

_CELL = ("kind", "difficulty")
_COLUMNS = ("seed", "problem_id", "grade", "strategy", *_CELL)
_BOUNDS = (-1.0, 1.0)


@dataclass(frozen=True)
class Decomposition:
    """A change of accuracy in its parts; `total` is their sum.

    Attributes:
        selection: Σ Δs·ā.
        improvement: Σ s̄·Δa.
        within: Δ Σ s·(a - f), choosing within cells; None without forced responses.
        interaction: Σ Δs·Δa, by which the parts would differ had the order been fixed.
    """

    total: Estimate
    selection: Estimate
    improvement: Estimate
    within: Estimate | None
    interaction: Estimate


def decompose(
    before: pl.DataFrame,
    after: pl.DataFrame,
    forced_before: pl.DataFrame | None = None,
    forced_after: pl.DataFrame | None = None,
    confidence: float = 0.95,
) -> Decomposition:
    """The parts of the change from `before` to `after`, over seeds and problems.

    A strategy that nobody used on one side has no accuracy there. Its forced accuracy is taken, or
    else both 0 and 1: the value is then the middle, and the interval covers both.

    Args:
        before: rollouts that were not forced, of the same problems and seeds as `after`.
        after: the same after training.
        forced_before: responses forced into each strategy; `forced` names it.
        forced_after: the same after training.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column is missing, problems or seeds differ, or only one side is forced.
    """
    forced_sides = (forced_before is not None) + (forced_after is not None)
    require(forced_sides != 1, "forced responses", forced_sides, "of both sides, or none")
    names = sorted({*before["strategy"].unique(), *after["strategy"].unique(), OTHER})
    sides = (_Side.of(before, names, forced_before), _Side.of(after, names, forced_after))
    if not sides[0].problems.equals(sides[1].problems):
        raise UsageError("before and after hold different problems or seeds; compare equal ones")
    parts = [_parts(*sides, fill) for fill in (0.0, 1.0)]

    def over(name: str) -> Estimate:
        found = (
            estimate(
                sides[0].problems.with_columns(hits=pl.Series(part[name]), uses=pl.lit(1.0)),
                confidence,
                bounds=_BOUNDS,
            )
            for part in parts
        )
        return reduce(_covering, found)

    within = over("within") if forced_before is not None else None
    return Decomposition(
        over("total"), over("selection"), over("improvement"), within, over("interaction")
    )


@dataclass(frozen=True)
class _Side:
    """One side as arrays over (seed, problem) rows and strategies, sorted alike on both sides.

    Attributes:
        problems: seed, problem and cell of each row.
        share: how often a problem's responses use the strategy.
        hits: how often they use it and are right.
        forced: how often responses forced into it are right; NaN where none were.
    """

    problems: pl.DataFrame
    share: Float[np.ndarray, "rows strategies"]
    hits: Float[np.ndarray, "rows strategies"]
    forced: Float[np.ndarray, "rows strategies"]

    @staticmethod
    def of(table: pl.DataFrame, names: list[str], forced: pl.DataFrame | None) -> "_Side":
        rows, _ = usable(table, "decomposition", _COLUMNS)
        uses = [(pl.col("strategy") == name) for name in names]
        index = ["seed", "problem_id", *_CELL]
        found = (
            rows.group_by(index)
            .agg(
                *[use.mean().alias(f"s{i}") for i, use in enumerate(uses)],
                *[(use & CORRECT).mean().alias(f"h{i}") for i, use in enumerate(uses)],
            )
            .sort(index)
        )
        problems = found.select(index)
        share, hits = (
            found.select(f"{letter}{i}" for i in range(len(names))).to_numpy() for letter in "sh"
        )
        return _Side(problems, share, hits, _forced(problems, names, forced))


def _forced(problems: pl.DataFrame, names: list[str], table: pl.DataFrame | None) -> np.ndarray:
    """Accuracy of every problem's responses that were forced into each strategy."""
    found = np.full((problems.height, len(names)), np.nan)
    if table is None:
        return found
    table, _ = usable(table, "decomposition", ("forced", "seed", "problem_id", "grade"))
    for column, name in enumerate(names):
        rows = table.filter(pl.col("forced") == name)
        means = rows.group_by("seed", "problem_id").agg(f=CORRECT.mean())
        joined = problems.join(means, on=["seed", "problem_id"], how="left", maintain_order="left")
        found[:, column] = joined["f"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return found


def _parts(before: _Side, after: _Side, fill: float) -> dict[str, Float[np.ndarray, " rows"]]:
    """Scores of each seed's problems whose mean is each part.

    A part is a smooth function of means over a cell's problems, so every problem's score is its
    linear contribution (Cochran, Sampling Techniques, 3rd ed. 1977, §6.3, for a ratio).
    """
    found = {
        name: np.zeros(before.problems.height)
        for name in ("selection", "improvement", "within", "interaction")
    }
    change = (after.hits - before.hits).sum(axis=1)
    cells = before.problems.with_row_index().group_by("seed", *_CELL, maintain_order=True)
    for index in cells.agg(pl.col("index"))["index"]:
        rows = index.to_numpy()
        scores = _in_cell(before, after, rows, fill)
        scores["within"] = change[rows] - scores["selection"] - scores["improvement"]
        for name, values in scores.items():
            found[name][rows] = values
    if np.isnan(before.forced).all():
        found["improvement"] = found["improvement"] + found["within"]  # rounding alone
    return found | {"total": change}


def _in_cell(before: _Side, after: _Side, rows: np.ndarray, fill: float) -> dict[str, np.ndarray]:
    """Contributions of a cell's problems to selection, improvement and their interaction."""
    shares = [side.share[rows] for side in (before, after)]
    means = [share.mean(axis=0) for share in shares]
    (first, first_moves), (second, second_moves) = (
        _accuracy(side, rows) for side in (before, after)
    )
    accuracies = _filled(first, second, fill)
    change_s, change_a = means[1] - means[0], accuracies[1] - accuracies[0]
    middle_s, middle_a = (means[0] + means[1]) / 2, (accuracies[0] + accuracies[1]) / 2
    own_s, own_a = shares[1] - shares[0], second_moves - first_moves
    middle_a_own = (first_moves + second_moves) / 2
    centred_s = (shares[0] + shares[1]) / 2 - middle_s
    return {
        "selection": (own_s * middle_a + change_s * middle_a_own).sum(axis=1),
        "improvement": (middle_s * (own_a + change_a) + centred_s * change_a).sum(axis=1),
        "interaction": (own_s * change_a + change_s * own_a).sum(axis=1),
    }


def _accuracy(side: _Side, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each strategy in a cell, and each problem's linear contribution to its error.

    Forced where there are forced responses; else observed, NaN where the strategy is not used.
    """
    share, hits, forced = side.share[rows], side.hits[rows], side.forced[rows]
    used = share.mean(axis=0)
    known = np.maximum(used, np.finfo(float).tiny)
    observed = np.where(used > 0, hits.mean(axis=0) / known, np.nan)
    moved = np.where(used > 0, (hits - observed * share) / known, 0.0)
    is_forced = ~np.isnan(forced).any(axis=0)
    mean = np.where(is_forced, np.where(is_forced, forced, 0.0).mean(axis=0), observed)
    moves = np.where(is_forced, np.where(is_forced, forced, 0.0) - mean, moved)
    return mean, np.nan_to_num(moves)


def _filled(before: np.ndarray, after: np.ndarray, fill: float) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies where nobody used a strategy on one side; on neither, it has no part in anything.

    `fill` before and its opposite after, as those two are the extremes of selection.
    """
    missing = np.isnan(before), np.isnan(after)
    both = missing[0] & missing[1]
    return (
        np.where(both, 0.0, np.where(missing[0], fill, before)),
        np.where(both, 0.0, np.where(missing[1], 1 - fill, after)),
    )


def _covering(one: Estimate, other: Estimate) -> Estimate:
    """The middle of two estimates with an interval that covers both."""
    if one == other:
        return one
    ends = [end for each in (one, other) if each.interval for end in each.interval]
    note = "a strategy is not used on one side: bounds over its accuracy there"
    return Estimate(
        (one.value + other.value) / 2,
        (min(ends), max(ends)) if ends else None,
        one.confidence,
        one.method,
        one.seeds,
        note,
    )
