"""Half-times of known curves, and what has no half-time."""

import math

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.measures.clocks import change_by, half_time, timeline

STEPS = np.arange(0, 101, 10)


def saturating(rate: float) -> np.ndarray:
    return 1 - np.exp(-STEPS / rate)


def test_half_of_a_line_is_in_its_middle() -> None:
    values = np.stack([STEPS / 100, 0.5 - STEPS / 200])  # rising or falling
    assert half_time(STEPS, values, (0, 1), least=0.1).value == pytest.approx(50)


def test_a_faster_change_has_a_sooner_half_time() -> None:
    fast, slow = (half_time(STEPS, saturating(rate)[None], (0,), 0.1).value for rate in (10, 40))
    assert fast < 10 < slow


def test_the_time_is_when_it_stays_beyond() -> None:
    values = np.array([[0.0, 0.9, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 1.0, 1.0, 1.0]])
    assert half_time(STEPS, values, (0,), 0.1).value == pytest.approx(55)


def test_seeds_without_change_are_left_out_and_counted() -> None:
    values = np.stack([STEPS / 100, np.full(11, 0.5)])
    found = half_time(STEPS, values, (4, 7), least=0.1)
    assert found.seeds == (4,)
    assert "1 of 2" in found.note
    nothing = half_time(STEPS, values[1:], (7,), least=0.1)
    assert math.isnan(nothing.value)
    assert nothing.interval is None


def test_a_time_is_known_to_its_looks_however_much_seeds_agree() -> None:
    found = half_time(STEPS, np.tile(saturating(10), (3, 1)), (0, 1, 2), 0.1)
    assert found.interval is not None
    assert found.interval[0] <= 0
    assert found.interval[1] >= 10


def test_a_value_of_some_responses_does_not_move_where_only_their_mix_does() -> None:
    """Right where easy, wrong where hard; from look to look more of the easy are routed."""
    rows = [
        {"seed": 3, "step": step, "kind": kind, "difficulty": 2, "routed": place < routed[step],
         "right": kind == "easy"}
        for routed, kind in (({0: 2, 10: 8}, "easy"), ({0: 8, 10: 2}, "hard"))
        for step in (0, 10)
        for place in range(10)
    ]  # fmt: skip
    table = pl.DataFrame(rows)
    right, routed = pl.col("right"), pl.col("routed")
    accuracy = (right & routed).sum() / routed.sum()
    assert table.filter(step=0).select(accuracy).item() == 0.2
    assert table.filter(step=10).select(accuracy).item() == 0.8
    steps, values = timeline(table, accuracy)
    assert steps.tolist() == [0, 10]
    assert values.tolist() == [[0.5, 0.5]]
    assert timeline(table, routed.mean())[1].tolist() == [[0.5, 0.5]]
    lost = table.filter(~(pl.col("routed") & (pl.col("kind") == "hard") & (pl.col("step") == 10)))
    assert timeline(lost, accuracy)[1].tolist() == [[1.0, 1.0]]  # of the easy alone, throughout
    steps, values = timeline(table.with_columns(routed=False), accuracy)
    assert (steps.tolist(), np.isnan(values).tolist()) == ([0, 10], [[True, True]])


def test_change_by_a_step() -> None:
    values = np.stack([STEPS / 100, STEPS / 50])
    assert change_by(STEPS, values, (0, 1), 20).value == pytest.approx(0.3)
    with pytest.raises(UsageError, match="step = 25"):
        change_by(STEPS, values, (0, 1), 25)
