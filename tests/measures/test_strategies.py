import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.measures import (
    accuracy,
    accuracy_given,
    share,
    shares,
    step_accuracy,
    verified_share,
)


def study(seed: int, seeds: int = 3) -> pl.DataFrame:
    """Four samples of each of 15 problems, shared by all seeds."""
    n = seeds * 60
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "seed": np.repeat(np.arange(seeds), 60),
            "problem_id": np.tile(np.repeat(np.arange(15), 4), seeds).astype(str),
            "grade": rng.choice(["correct", "incorrect"], n),
            "strategy": rng.choice(["chain", "guess", "other"], n),
            "steps_correct": rng.integers(0, 4, n),
        }
    )


def test_shares_keep_other_and_sum_to_one():
    found = shares(study(0))
    assert list(found) == ["chain", "guess", "other"]
    assert sum(estimate.value for estimate in found.values()) == pytest.approx(1)


@given(st.integers(0, 100))
def test_accuracy_is_shares_times_accuracies(seed):
    rows = study(seed, seeds=1)
    total = sum(s.value * accuracy_given(rows, name).value for name, s in shares(rows).items())
    assert total == pytest.approx(accuracy(rows).value)


def test_order_of_rows_does_not_matter():
    rows = study(0)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
    assert shares(rows) == shares(shuffled)
    assert accuracy_given(rows, "chain") == accuracy_given(shuffled, "chain")


def test_a_strategy_that_never_occurs():
    rows = study(0)
    assert share(rows, "leap").value == 0
    assert share(rows, "leap").interval == pytest.approx((0, 1 - 0.025 ** (1 / 15)))
    unused = accuracy_given(rows, "leap")
    assert math.isnan(unused.value)
    assert unused.interval is None
    assert unused.note == "undefined in 3 of 3 seeds"


def test_unscorable_and_unread_responses_are_left_out_and_counted():
    rows = pl.DataFrame(
        {
            "problem_id": ["a", "a", "a", "a"],
            "grade": ["correct", "incorrect", "unscorable", "correct"],
            "strategy": ["chain", "guess", "chain", None],
        }
    )
    estimate = share(rows, "chain")
    assert estimate.value == 0.5
    assert estimate.note.startswith("2 of 4 responses left out")


def test_steps():
    rows = pl.DataFrame(
        {
            "problem_id": ["a", "b", "c", "d"],
            "grade": ["correct", "correct", "incorrect", "incorrect"],
            "steps_correct": [4, 1, 2, 5],
            "difficulty": [4, 4, 4, 4],
        }
    )
    assert step_accuracy(rows, pl.col("difficulty")).value == pytest.approx(
        (1 + 0.25 + 0.5 + 1) / 4
    )
    assert verified_share(rows, pl.col("difficulty")).value == 0.25
    with pytest.raises(UsageError, match="verified share needs column 'steps_correct'"):
        verified_share(rows.drop("steps_correct"), pl.lit(4))
