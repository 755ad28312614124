"""Accuracy, pass@k and majority@k of rollout tables, with problems and seeds as the units.

A table holds what is to be measured and nothing else: one arm, one step, one split. Each problem
counts the same, however many scorable samples it has. Unscorable responses are in neither numerator
nor denominator; how many there were is in the estimate's note.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from scipy.linalg import toeplitz
from scipy.special import comb

from hone.core.errors import UsageError, require, unknown
from hone.core.vocabulary import Grade
from hone.measures.estimates import Estimate, Interval
from hone.measures.intervals import over_problems, over_seeds, paired_difference

Result = TypeVar("Result")

CORRECT = pl.col("grade") == Grade.CORRECT.value

_MOST_SAMPLES = 1000  # beyond, binomial coefficients leave float64


def accuracy(table: pl.DataFrame, confidence: float = 0.95) -> Estimate:
    """The share of correct responses; needs `problem_id` and `grade`.

    Args:
        table: rollouts of one or more seeds.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing.
    """
    rows, note = usable(table, "accuracy", ("problem_id", "grade"))
    return estimate(per_problem(rows, CORRECT.mean()), confidence, note)


def accuracy_change(
    after: pl.DataFrame, before: pl.DataFrame, confidence: float = 0.95
) -> Estimate:
    """Accuracy in one table minus that in another, paired by seed and problem.

    Args:
        after: rollouts; needs `seed`, `problem_id` and `grade`.
        before: others; what only one table holds is left out.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column is missing, or the two have no problem and seed in common.
    """
    keys = ("seed", "problem_id")
    rows, notes = zip(*(usable(each, "accuracy change", (*keys, "grade"))
                        for each in (after, before)), strict=True)  # fmt: skip
    one, other = (per_problem(each, CORRECT.mean()) for each in rows)
    return replace(paired_change(one, other, confidence), note=joined(*notes))


def paired_change(after: pl.DataFrame, before: pl.DataFrame, confidence: float = 0.95) -> Estimate:
    """The mean of `hits` in one table minus that in another, paired by seed and problem.

    Args:
        after: `seed`, `problem_id`, and `hits` in [0, 1]; a row each.
        before: others; what only one table holds is left out.
        confidence: e.g. 0.95.

    Raises:
        UsageError: the two have no problem and seed in common.
    """
    keys = ("seed", "problem_id")
    both = after.join(before, on=keys, suffix="_before").select(
        *keys, change=pl.col("hits") - pl.col("hits_before")
    )
    require(both.height > 0, "problems in common", both.height, "1 or more, of the same seed")
    wide = both.pivot(on="problem_id", index="seed", values="change").sort("seed")
    changes = wide.drop("seed").to_numpy().astype(np.float64)
    return paired_difference(changes, np.zeros_like(changes), wide["seed"].to_list(), confidence)


def pass_at_k(
    correct: Int[np.ndarray, " problems"], n: int | Int[np.ndarray, " problems"], k: int
) -> Float[np.ndarray, " problems"]:
    """The chance that k of a problem's n samples hold a correct one: 1 - C(n-c, k) / C(n, k).

    Unbiased for every k up to n (Chen et al., arXiv 2107.03374, eq. 1).

    Args:
        correct: correct samples of each problem.
        n: samples of each problem.
        k: samples to draw without replacement.

    Raises:
        UsageError: k exceeds the samples of a problem.
    """
    fewest = int(np.min(n))
    require(1 <= k <= fewest, "k", k, f"1 … n = {fewest}")
    drawn = np.arange(k)
    n_P1 = np.broadcast_to(n, correct.shape)[:, None]
    wrong_PK = np.maximum(n_P1 - correct[:, None] - drawn, 0)
    return 1 - np.prod(wrong_PK / (n_P1 - drawn), axis=1)


def pass_at_k_curve(
    table: pl.DataFrame, ks: Iterable[int], confidence: float = 0.95
) -> dict[int, Estimate]:
    """pass@k for several k; needs `problem_id` and `grade`.

    Args:
        table: rollouts of one or more seeds.
        ks: how many samples to draw. Problems with fewer scorable ones are left out, and counted.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing, or no problem has k samples.
    """
    counts, note = _right_of_each(table)
    credits = ((k, *_passed(counts, k, note)) for k in ks)
    return {k: estimate(found, confidence, left_out) for k, found, left_out in credits}


def pass_credits(table: pl.DataFrame, k: int) -> tuple[pl.DataFrame, str]:
    """pass@k of every problem of every seed as `hits`, and a note on what was left out.

    Raises:
        UsageError: a column it needs is missing, or no problem has k samples.
    """
    counts, note = _right_of_each(table)
    return _passed(counts, k, note)


def _right_of_each(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Right samples of every problem as `hits`, and all of them as `n`."""
    rows, note = usable(table, "pass@k", ("problem_id", "grade"))
    return per_problem(rows, CORRECT.sum(), n=pl.len().cast(pl.Int64)), note


def _passed(counts: pl.DataFrame, k: int, note: str) -> tuple[pl.DataFrame, str]:
    """pass@k of every problem that has k samples."""
    kept, note = _enough(counts, k, note)
    correct = kept["hits"].to_numpy().astype(np.int64)
    passed = pass_at_k(correct, kept["n"].to_numpy(), k)
    return kept.with_columns(hits=pl.Series(passed)), note


def majority_at_k(table: pl.DataFrame, k: int, confidence: float = 0.95) -> Estimate:
    """The accuracy of the most frequent answer among k samples.

    Exact expectation over all ways to draw k of a problem's samples. Answers that tie share the
    vote equally. A response without an answer has no vote; where none has, the result is wrong. An
    answer graded both ways in several responses counts as its mean grade.

    Args:
        table: rollouts of one or more seeds; needs `problem_id`, `grade` and `answer`.
        k: samples to draw. Problems with fewer scorable ones are left out, and counted.
        confidence: e.g. 0.95.

    Raises:
        UsageError: a column it needs is missing, or no problem has k samples.
    """
    credits, note = majority_credits(table, k)
    return estimate(credits, confidence, note)


def majority_credits(table: pl.DataFrame, k: int) -> tuple[pl.DataFrame, str]:
    """majority@k of every problem of every seed as `hits`, and a note on what was left out.

    Raises:
        UsageError: a column it needs is missing, or no problem has k samples.
    """
    needs(table, "majority@k", ("answer",))
    rows, note = usable(table, "majority@k", ("problem_id", "grade"))
    kept, note = _enough(_ballots(rows), k, note)
    hits = [
        majority_credit(tuple(votes), tuple(credit), n - sum(votes), k)
        for votes, credit, n in kept.select("votes", "credit", "n").iter_rows()
    ]
    return kept.with_columns(hits=pl.Series(hits, dtype=pl.Float64)), note


@lru_cache(maxsize=100_000)  # problems with the same counts are many
def majority_credit(
    votes: tuple[int, ...], credit: tuple[float, ...], silent: int, k: int
) -> float:
    """The expected credit of the majority among k samples drawn without replacement.

    Counts the draws by how many votes the winner has (`top`) and how many answers reach it, adding
    one after the other the answers that can: n samples cost at most n matrix products of size k.

    Args:
        votes: samples that give each answer.
        credit: what each answer is worth, 1 for a correct one.
        silent: samples that give none.
        k: samples to draw.

    Raises:
        UsageError: k exceeds the samples, or there are more than 1000 of them.
    """
    n = sum(votes) + silent
    require(n <= _MOST_SAMPLES, "samples of a problem", n, f"at most {_MOST_SAMPLES}")
    require(1 <= k <= n, "k", k, f"1 … n = {n}")
    most = max(votes, default=0)
    tops = range(max(1, most - (n - k)), min(k, most) + 1)  # n - k samples at most are not drawn
    return float(sum(_won_with(top, votes, credit, silent, k) for top in tops) / comb(n, k))


def by(
    table: pl.DataFrame, columns: Sequence[str], measure: Callable[[pl.DataFrame], Result]
) -> dict[tuple[object, ...], Result]:
    """A measure of each group of rows, by the values of the columns, in their order.

    Raises:
        UsageError: a column is missing.
    """
    needs(table, "grouping", columns)
    parts = table.sort(columns).partition_by(columns, as_dict=True, maintain_order=True)
    return {values: measure(part) for values, part in parts.items()}


def needs(table: pl.DataFrame, measure: str, columns: Sequence[str]) -> None:
    """Refuse a table without the columns a measure reads.

    Raises:
        UsageError: the table has no rows, or a column is missing or null in every row.
    """
    if table.is_empty():
        raise UsageError(f"{measure} has nothing to measure: the table has no rows")
    for name in columns:
        if name not in table.columns:
            raise UsageError(f"{measure} needs column {name!r}; the table has {table.columns}")
        if table[name].null_count() == table.height:
            raise UsageError(f"{measure} needs column {name!r}, which is null in every row")


def usable(table: pl.DataFrame, measure: str, columns: Sequence[str]) -> tuple[pl.DataFrame, str]:
    """The rows that a measure can use, and a note on those left out.

    Args:
        table: rollouts.
        measure: its name, for messages.
        columns: that it reads; rows with a null there are left out, and unscorable ones where
            `grade` is among them.

    Raises:
        UsageError: a column is missing, or holds a grade that does not exist.
    """
    needs(table, measure, columns)
    rows = table.drop_nulls(list(columns))
    if "grade" in columns:
        for grade in set(rows["grade"].unique()) - set(Grade):
            raise unknown("grade", grade, (known.value for known in Grade))
        rows = rows.filter(pl.col("grade") != Grade.UNSCORABLE.value)
    lost = table.height - rows.height
    why = f"unscorable or without {', '.join(columns)}"
    return rows, f"{lost} of {table.height} responses left out: {why}" if lost else ""


def per_problem(
    rows: pl.DataFrame, hits: pl.Expr, uses: pl.Expr | None = None, **more: pl.Expr
) -> pl.DataFrame:
    """One row for each seed and problem, sorted, with columns `hits`, `uses` and `more`."""
    uses = pl.lit(1.0) if uses is None else uses
    groups = (
        seeded(rows)
        .group_by("seed", "problem_id")
        .agg(hits=hits.cast(pl.Float64), uses=uses.cast(pl.Float64), **more)
    )
    return groups.sort("seed", "problem_id")


def seeded(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a `seed` column, null where the table has none."""
    return rows if "seed" in rows.columns else rows.with_columns(seed=pl.lit(None, pl.Int64))


def estimate(
    problems: pl.DataFrame,
    confidence: float,
    note: str = "",
    bounds: Interval | None = (0.0, 1.0),
) -> Estimate:
    """The mean over seeds of Σ hits / Σ uses, with what seeds and problems leave uncertain.

    Args:
        problems: as `per_problem` gives them.
        confidence: e.g. 0.95.
        note: what was left out.
        bounds: of a score; None if unbounded.
    """
    shared = problems.group_by("problem_id").agg(pl.col("hits", "uses").mean()).sort("problem_id")
    floor = over_problems(shared["hits"].to_numpy(), shared["uses"].to_numpy(), confidence, bounds)
    ratio = pl.col("hits").sum() / pl.col("uses").sum()
    seeds = problems.drop_nulls("seed").group_by("seed").agg(ratio=ratio).sort("seed")
    if seeds.is_empty():
        value = float(problems.select(ratio).item()) if problems.height else math.nan
        return Estimate(value, floor, confidence, "over problems", (), note)
    result = over_seeds(
        seeds["ratio"].to_numpy(), seeds["seed"].to_list(), confidence, floor, bounds
    )
    return replace(result, note=joined(note, result.note))


def joined(*notes: str) -> str:
    """The notes that say something, as one."""
    return "; ".join(filter(None, notes))


def _enough(counts: pl.DataFrame, k: int, note: str) -> tuple[pl.DataFrame, str]:
    """The problems with at least k samples, and the note with how many have fewer."""
    most = counts["n"].max() if counts.height else 0
    kept = counts.filter(pl.col("n") >= k)
    require(k >= 1 and kept.height > 0, "k", k, f"1 … the most samples of a problem = {most}")
    few = counts.height - kept.height
    lost = f"{few} of {counts.height} problems have fewer than {k} samples" if few else ""
    return kept, joined(note, lost)


def _ballots(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each seed and problem: samples `n`, and `votes` and `credit` of its answers."""
    voiced = pl.col("answer").fill_null("") != ""
    answers = (
        seeded(rows)
        .group_by("seed", "problem_id", "answer")
        .agg(votes=pl.len().cast(pl.Int64), credit=CORRECT.mean())
        .sort("votes", "credit")  # equal profiles become equal keys of the cache
    )
    return per_problem(
        answers,
        pl.lit(0.0),
        n=pl.col("votes").sum(),
        votes=pl.col("votes").filter(voiced),
        credit=pl.col("credit").filter(voiced),
    )


def _won_with(
    top: int, votes: tuple[int, ...], credit: tuple[float, ...], silent: int, k: int
) -> float:
    """Credit summed over the draws of k whose winners have `top` votes, shared among winners.

    Answers that cannot reach `top` are drawn like silence (Vandermonde's identity).
    """
    rivals = [(m, worth) for m, worth in zip(votes, credit, strict=True) if m >= top]
    others = silent + sum(m for m in votes if m < top)
    ways = np.zeros((k + 1, k // top + 1))  # draws, by samples drawn and answers that reach top
    ways[0, 0] = 1
    earned = np.zeros_like(ways)  # the credit of the answers that reach top, summed over the draws
    for m, worth in rivals:
        below, reach = _draws(m, top - 1, k), comb(m, top)
        won = worth * ways + earned
        ways, before = below @ ways, ways
        earned = below @ earned
        ways[top:, 1:] += reach * before[:-top, :-1]
        earned[top:, 1:] += reach * won[:-top, :-1]
    complete = (_draws(others, k, k) @ earned)[k]
    return float(sum(complete[1:] / np.arange(1, len(complete))))


def _draws(m: int, most: int, k: int) -> Float[np.ndarray, "after before"]:
    """Ways to add at most `most` of m samples to those already drawn, up to k in all."""
    added = np.arange(k + 1)
    return toeplitz(np.where(added <= most, comb(m, added), 0.0), np.zeros(k + 1))
