"""Curricula: shares sum to one, stages follow each other, adaptation goes to what teaches."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.objectives.curricula import Adaptive, Fixed, Staged, counts


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(1, 200))
def test_counts_sum_up_and_are_nearest(weights: list[float], total: int) -> None:
    shares = np.array(weights) / sum(weights)
    found = counts(shares, total)
    assert sum(found) == total
    assert np.abs(np.array(found) - shares * total).max() < 1


def test_a_fixed_mixture_stays() -> None:
    for step in (1, 50):
        assert Fixed((3.0, 1.0)).shares(step, 2, {}).tolist() == [0.75, 0.25]


def test_stages_follow_each_other() -> None:
    levels = [int(Staged((1, 5, 9)).shares(step, 3, {}).argmax()) for step in (1, 4, 5, 8, 9, 99)]
    assert levels == [0, 0, 1, 1, 2, 2]


def test_adaptation_goes_to_levels_that_are_solved_sometimes() -> None:
    curriculum, state = Adaptive(decay=0.0, floor=0.3), {}
    assert curriculum.shares(1, 3, state) == pytest.approx([1 / 3] * 3)
    state = curriculum.observe({0: 1.0, 1: 0.5, 2: 0.0}, 3, state)
    assert curriculum.shares(2, 3, state) == pytest.approx([0.1, 0.8, 0.1])


def test_what_is_solved_or_hopeless_everywhere_is_shared_evenly() -> None:
    state = Adaptive(decay=0.0).observe({0: 1.0, 1: 0.0}, 2, {})
    assert Adaptive().shares(2, 2, state) == pytest.approx([0.5, 0.5])


def test_rates_are_remembered_and_levels_not_drawn_keep_theirs() -> None:
    curriculum = Adaptive(decay=0.5)
    state = curriculum.observe({0: 1.0}, 2, {})
    state = curriculum.observe({0: 0.0, 1: 0.2}, 2, state)
    assert state == {"0": 0.5, "1": 0.2}
    assert curriculum.observe({}, 2, state) == state


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Fixed((0.0, 0.0)), "curriculum.weights"),
        (lambda: Fixed((1.0,)).check(2), "curriculum.weights"),
        (lambda: Staged((2, 3)), "curriculum.starts"),
        (lambda: Staged((1, 1)), "curriculum.starts"),
        (lambda: Staged((1, 3)).check(3), "curriculum.starts"),
        (lambda: Adaptive(floor=0.0), "curriculum.floor"),
        (lambda: Adaptive().check(1), "levels"),
    ],
)
def test_impossible_curricula_are_refused(make: Any, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        make()


def test_a_level_whose_responses_nobody_could_grade_keeps_its_rate() -> None:
    state = Adaptive().observe({0: 0.4, 1: 0.6}, 2, {})
    assert Adaptive().observe({0: float("nan"), 1: 0.6}, 2, state) == state
