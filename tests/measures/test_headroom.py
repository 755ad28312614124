"""Headroom is told by step-verified responses, and not flattered by choosing on what it scores."""

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.measures.headroom import guessing_pass_at_k, headroom, signal

STEPS = pl.col("difficulty")


def forced(
    rates: dict[str, float], problems: int = 200, samples: int = 8, seed: int = 0
) -> pl.DataFrame:
    """Responses forced into strategies of given verified accuracy."""
    rng, parts = np.random.default_rng(seed), []
    for name, rate in rates.items():
        correct = rng.random(problems * samples) < rate
        parts.append(
            pl.DataFrame(
                {
                    "seed": 0,
                    "problem_id": np.repeat(np.arange(problems), samples).astype(str),
                    "sample": np.tile(np.arange(samples), problems),
                    "kind": "inversion",
                    "difficulty": 6,
                    "forced": name,
                    "grade": np.where(correct, "correct", "incorrect"),
                    "steps_correct": np.where(correct, 6, 2),
                }
            )
        )
    return pl.concat(parts)


def test_what_is_left_is_the_best_strategy_and_its_best_of_k() -> None:
    free = forced({"mixed": 0.25})
    found = headroom(free, forced({"good": 0.5, "bad": 0.0}), STEPS, k=4)
    assert found.present.value == pytest.approx(0.25, abs=0.03)
    assert found.selection.value == pytest.approx(0.25, abs=0.05)
    assert found.improvement.value == pytest.approx(1 - 0.5**4 - 0.5, abs=0.03)


def test_among_equal_strategies_none_looks_better_than_it_is() -> None:
    """With one problem a cell, choosing on the scored samples would promise the larger of two."""
    values = []
    for seed in range(200):
        table = forced({"one": 0.5, "two": 0.5}, problems=1, samples=4, seed=seed)
        values.append(float(headroom(table, table, STEPS, k=1).routed.value))
    assert np.mean(values) == pytest.approx(0.5, abs=0.07)


def test_a_guess_is_not_headroom() -> None:
    lucky = forced({"good": 1.0}).with_columns(steps_correct=pl.lit(2))
    assert headroom(lucky, lucky, STEPS, k=2).routed.value == 0


def test_more_samples_than_half_are_refused() -> None:
    table = forced({"good": 0.5})
    with pytest.raises(UsageError, match="k = 5"):
        headroom(table, table, STEPS, k=5)


def test_signal_is_told_from_luck() -> None:
    right = {"solved": (1, 1), "mixed": (1, 0), "lucky": (1, 0), "lost": (0, 0)}
    rows = [
        {
            "seed": 0,
            "problem_id": name,
            "grade": "correct" if grade else "incorrect",
            "steps_correct": 6 if grade and name != "lucky" else 1,
            "difficulty": 6,
            "reward": float(grade),
        }
        for name, grades in right.items()
        for grade in grades
    ]
    table = pl.DataFrame(rows)
    found = signal(table, STEPS)
    assert (found.verified.value, found.lucky.value) == (0.25, 0.25)
    same = signal(table.with_columns(reward=pl.lit(1.0)), STEPS)
    assert (same.verified.value, same.lucky.value) == (0.0, 0.0)
    against = signal(table.with_columns(reward=1 - pl.col("reward")), STEPS)
    assert (against.verified.value, against.lucky.value) == (0.0, 0.5)


def test_guessing_is_strong_where_answers_are_few() -> None:
    """The two figures that the design quotes."""
    assert guessing_pass_at_k(11, 16) == pytest.approx(0.78, abs=0.005)
    assert guessing_pass_at_k(2, 16) == pytest.approx(1.0, abs=1e-4)
