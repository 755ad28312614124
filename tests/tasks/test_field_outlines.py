"""Exercises of several lists: what holds of all of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.tasks.field_arithmetic.outlines import FieldOutlines
from hone.tasks.field_arithmetic.skills import EXERCISE

FIELDS = st.fixed_dictionaries(
    {
        "p": st.sampled_from([5, 11]),
        "most": st.integers(1, 5),
        "undone": st.sampled_from([0.0, 0.5, 1.0]),
        "carried": st.sampled_from([0.0, 0.5]),
    }
)


def everything(n: int) -> np.ndarray:
    return np.ones(n, dtype=bool)


@settings(max_examples=25, deadline=None)
@given(FIELDS, st.integers(0, 2**16))
def test_every_demonstration_is_right_and_fits(fields: dict[str, Any], seed: int) -> None:
    task = FieldOutlines(**fields)
    problems = task.draw("train", 20, Stream.root(seed))
    solution = task.demonstrate(problems, EXERCISE)
    reading = task.read(problems, solution, everything(20))
    assert (reading.grades == "correct").all()
    assert (reading.steps_correct == problems.difficulty).all()
    assert solution.lengths.max() <= task.max_tokens
    assert problems.prompts.lengths.max() <= task.prompt_tokens
    assert set(problems.difficulty) <= set(range(1, task.most + 1))


@settings(max_examples=25, deadline=None)
@given(FIELDS, st.integers(0, 2**16))
def test_a_list_weighs_as_a_list_by_itself(fields: dict[str, Any], seed: int) -> None:
    task = FieldOutlines(**fields)
    problems = task.draw("train", 20, Stream.root(seed))
    solution = task.demonstrate(problems, EXERCISE)
    weights = task.weights(problems, solution)
    first = task.at(problems, 0)
    alone = task.part.demonstrate(first, EXERCISE)
    expected = task.part.weights(first, alone)
    for row, n in enumerate(alone.lengths - 1):
        assert weights[row, :n].tolist() == expected[row, :n].tolist()
        assert weights[row, solution.lengths[row] - 1] == 1  # the end


@pytest.mark.parametrize("change", ["one list less", "two lists exchanged"])
def test_lists_are_all_wanted_in_their_order(change: str) -> None:
    task = FieldOutlines(most=3, low=2, high=2, carried=0.0)
    drawn = task.draw("train", 200, Stream.root(0))
    problems = drawn.select(drawn.difficulty == 3)
    length = task.part.demonstrate(task.at(problems, 0), EXERCISE).lengths[0] - 1
    rows = []
    for row in task.demonstrate(problems, EXERCISE).lists():
        first, second, rest = row[:length], row[length : 2 * length], row[2 * length :]
        rows.append([*first, *rest] if change == "one list less" else [*second, *first, *rest])
    reading = task.read(problems, pack(rows), everything(len(problems)))
    assert (reading.grades == "correct").mean() < 0.1  # where both are the same list
    assert reading.steps_correct.max() <= 3


def test_rubbish_is_read() -> None:
    task = FieldOutlines()
    problems = task.draw("train", 10, Stream.root(0))
    tokens = np.random.default_rng(0).integers(0, len(task.alphabet), size=(10, 30))
    reading = task.read(problems, Sequences(tokens, np.arange(10)), everything(10))
    assert (reading.grades == "incorrect").all()
