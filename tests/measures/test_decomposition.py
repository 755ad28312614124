"""The parts of a change sum to it, are antisymmetric, and name what was made to happen."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.measures import Estimate
from hone.measures.decomposition import decompose

NAMES = ("forward", "backward", "other")


def rollouts(
    seed: int, choice: dict[str, float], right: dict[str, float], seeds: int = 3, n: int = 40
) -> pl.DataFrame:
    """Eight responses to each of `n` problems; strategies and grades by chance."""
    rng, rows = np.random.default_rng(seed), seeds * n * 8
    strategy = rng.choice(list(choice), rows, p=list(choice.values()))
    correct = rng.random(rows) < np.array([right[name] for name in strategy])
    problem = np.tile(np.repeat(np.arange(n), 8), seeds)
    return pl.DataFrame(
        {
            "seed": np.repeat(np.arange(seeds), n * 8),
            "problem_id": problem.astype(str),
            "kind": np.where(problem % 2 == 0, "evaluation", "inversion"),
            "difficulty": 6 + problem % 4,
            "strategy": strategy,
            "grade": np.where(correct, "correct", "incorrect"),
        }
    )


def forced(seed: int, right: dict[str, float], seeds: int = 3) -> pl.DataFrame:
    parts = []
    for name in ("forward", "backward"):
        table = rollouts(seed, {name: 1.0}, right, seeds)
        parts.append(table.with_columns(forced=pl.lit(name)))
    return pl.concat(parts)


def by_hand(before: pl.DataFrame, after: pl.DataFrame) -> tuple[float, float]:
    """Selection and improvement by the definition, cell by cell."""
    selection = improvement = 0.0
    for seed in range(3):
        for cell in before.select("kind", "difficulty").unique().iter_rows():
            picked = [
                table.filter(
                    (pl.col("seed") == seed)
                    & (pl.col("kind") == cell[0])
                    & (pl.col("difficulty") == cell[1])
                )
                for table in (before, after)
            ]
            weight = picked[0].height / before.height
            for name in NAMES:
                used = [table.filter(pl.col("strategy") == name) for table in picked]
                s = [u.height / p.height for u, p in zip(used, picked, strict=True)]
                a = [float(np.mean((u["grade"] == "correct").to_numpy())) for u in used]
                selection += weight * (s[1] - s[0]) * (a[0] + a[1]) / 2
                improvement += weight * (a[1] - a[0]) * (s[0] + s[1]) / 2
    return selection, improvement


EVEN = {"forward": 0.4, "backward": 0.4, "other": 0.2}
TILTED = {"forward": 0.7, "backward": 0.2, "other": 0.1}
WEAK = {"forward": 0.5, "backward": 0.2, "other": 0.1}
STRONG = {"forward": 0.9, "backward": 0.3, "other": 0.1}


def test_the_parts_are_those_of_the_definition() -> None:
    before, after = rollouts(0, EVEN, WEAK), rollouts(1, TILTED, STRONG)
    found = decompose(before, after)
    selection, improvement = by_hand(before, after)
    assert found.selection.value == pytest.approx(selection)
    assert found.improvement.value == pytest.approx(improvement)
    assert found.within is None


@given(st.integers(0, 10_000), st.booleans())
def test_the_parts_sum_to_the_change_and_change_sign_with_its_direction(
    seed: int, use_forced: bool
) -> None:
    tables = rollouts(seed, EVEN, WEAK), rollouts(seed + 1, TILTED, STRONG)
    first, second = (forced(seed, WEAK), forced(seed + 1, STRONG)) if use_forced else (None, None)
    there = decompose(tables[0], tables[1], first, second)
    back = decompose(tables[1], tables[0], second, first)
    for part in ("total", "selection", "improvement"):
        assert getattr(there, part).value == pytest.approx(-getattr(back, part).value)
    assert there.interaction.value == pytest.approx(back.interaction.value)
    within = there.within.value if there.within else 0.0
    parts = there.selection.value + there.improvement.value + within
    assert parts == pytest.approx(there.total.value)


def test_a_change_of_choice_alone_is_selection() -> None:
    found = decompose(rollouts(0, EVEN, WEAK, n=400), rollouts(1, TILTED, WEAK, n=400))
    assert covers(found.improvement, 0.0)
    assert covers(found.selection, 0.3 * 0.5 - 0.2 * 0.2 - 0.1 * 0.1)


def test_a_change_of_skill_alone_is_improvement() -> None:
    found = decompose(rollouts(0, EVEN, WEAK, n=400), rollouts(1, EVEN, STRONG, n=400))
    assert covers(found.selection, 0.0)
    assert covers(found.improvement, 0.4 * 0.4 + 0.4 * 0.1)


def test_choosing_well_within_a_cell_is_neither() -> None:
    """Forced accuracies do not change; that the policy picks problems it can solve does."""
    right = {"forward": 0.5, "backward": 0.5, "other": 0.5}
    before = rollouts(0, {"forward": 0.5, "backward": 0.5}, right, n=400)
    lucky = {"forward": 0.8, "backward": 0.8}
    after = rollouts(1, {"forward": 0.5, "backward": 0.5}, lucky, n=400)
    found = decompose(
        before, after, forced(2, right).pipe(stretched), forced(3, right).pipe(stretched)
    )
    assert found.within is not None
    assert covers(found.within, 0.3)
    assert covers(found.selection, 0.0)
    assert covers(found.improvement, 0.0)


def stretched(table: pl.DataFrame) -> pl.DataFrame:
    """The same rates for all 400 problems."""
    parts = [
        table.with_columns(
            problem_id=(pl.col("problem_id").cast(pl.Int64) + 40 * i).cast(pl.String)
        )
        for i in range(10)
    ]
    return pl.concat(parts)


def test_a_strategy_that_is_new_bounds_the_parts() -> None:
    """What its accuracy was before cannot be known: from 0 to 1."""
    before = rollouts(0, {"forward": 1.0}, {"forward": 0.5})
    after = rollouts(1, {"backward": 1.0}, {"backward": 0.5})
    found = decompose(before, after)
    assert "not used" in found.selection.note
    assert found.selection.interval is not None
    low, high = found.selection.interval
    assert low < -0.4 < 0.4 < high
    assert found.total.value == pytest.approx(found.selection.value + found.improvement.value)


def test_other_problems_are_refused() -> None:
    before = rollouts(0, EVEN, WEAK)
    with pytest.raises(UsageError, match="different problems"):
        decompose(before, before.filter(pl.col("problem_id") != "3"))


def test_one_forced_side_is_refused() -> None:
    table = rollouts(0, EVEN, WEAK)
    with pytest.raises(UsageError, match="both sides"):
        decompose(table, table, forced(0, WEAK))


def test_intervals_cover() -> None:
    """In nine of ten repetitions or more, at a stated 0.95: the truth lies within."""
    truth = 0.3 * 0.7 - 0.2 * 0.25 - 0.1 * 0.1
    hits = [
        covers(
            decompose(rollouts(2 * i, EVEN, WEAK), rollouts(2 * i + 1, TILTED, STRONG)).selection,
            truth,
        )
        for i in range(100)
    ]
    assert np.mean(hits) >= 0.9


def covers(estimate: Estimate, value: float) -> bool:
    assert estimate.interval is not None
    return bool(estimate.interval[0] <= value <= estimate.interval[1])
