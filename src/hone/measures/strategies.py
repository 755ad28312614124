"""How often each strategy is used, and how well it works when it is.

Forced responses say nothing of choice: give `share` a table without them. With equal samples a
problem, accuracy = Σ over strategies of share × accuracy given the strategy, exactly.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from hone.core.contracts import Task
from hone.core.vocabulary import OTHER
from hone.measures.accuracy import CORRECT, estimate, per_problem, usable
from hone.measures.estimates import Estimate

_COLUMNS = ("problem_id", "grade", "strategy")


def shares(table: pl.DataFrame, confidence: float = 0.95) -> dict[str, Estimate]:
    """The share of each strategy that occurs in scorable responses, `other` included.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `strategy`.
        confidence: e.g. 0.95, of each share by itself.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, _ = usable(table, "strategy shares", _COLUMNS)
    return {name: share(table, name, confidence) for name in sorted(rows["strategy"].unique())}


def share(table: pl.DataFrame, strategy: str, confidence: float = 0.95) -> Estimate:
    """The share of one strategy; 0 where it never occurs.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `strategy`.
        strategy: its name.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "strategy share", _COLUMNS)
    return estimate(per_problem(rows, _uses(strategy).mean()), confidence, note)


def accuracy_given(table: pl.DataFrame, strategy: str, confidence: float = 0.95) -> Estimate:
    """The accuracy of the responses that use a strategy; undefined where a seed never does.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `strategy`.
        strategy: its name.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "accuracy given a strategy", _COLUMNS)
    uses = _uses(strategy)
    return estimate(per_problem(rows, (uses & CORRECT).mean(), uses.mean()), confidence, note)


def step_accuracy(table: pl.DataFrame, steps: pl.Expr, confidence: float = 0.95) -> Estimate:
    """The mean share of steps that are correct before the first wrong one.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `steps_correct`.
        steps: how many steps a whole solution has, e.g. `pl.col("difficulty")`.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "step accuracy", ("problem_id", "grade", "steps_correct"))
    correct = (pl.col("steps_correct") / steps).clip(0, 1)
    return estimate(per_problem(rows, correct.mean()), confidence, note)


def verified_share(table: pl.DataFrame, steps: pl.Expr, confidence: float = 0.95) -> Estimate:
    """The share of responses that are correct at every step; the other correct ones were lucky.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `steps_correct`.
        steps: how many steps a whole solution has, e.g. `pl.col("difficulty")`.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "verified share", ("problem_id", "grade", "steps_correct"))
    verified = CORRECT & (pl.col("steps_correct") >= steps)
    return estimate(per_problem(rows, verified.mean()), confidence, note)


def by_opening(table: pl.DataFrame, task: Task, strategies: Sequence[str]) -> pl.DataFrame:
    """The responses with the strategy that they open in, `other` where they open in none.

    An opening is what forcing fixes (`Task.constrain`), so shares of openings go with the accuracy
    of forced responses. A task's own reading may ask for more: a response that loses its place
    later has executed badly, not chosen otherwise.

    Args:
        table: rollouts; needs `response_ids`.
        task: whose responses they are.
        strategies: that a response may open in.
    """
    opening = pl.lit(OTHER)
    for strategy in strategies:
        allowed = task.constrain(strategy).allowed
        opens = pl.all_horizontal(
            pl.col("response_ids").list.get(k, null_on_oob=True).is_in(np.flatnonzero(row).tolist())
            for k, row in enumerate(allowed)
        )
        opening = pl.when(opens).then(pl.lit(strategy)).otherwise(opening)
    return table.with_columns(strategy=opening)


def _uses(strategy: str) -> pl.Expr:
    return pl.col("strategy") == strategy
