"""Half-times of known curves, and what has no half-time."""

import math

import numpy as np
import pytest

from hone.core.errors import UsageError
from hone.measures.clocks import change_by, half_time

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


def test_change_by_a_step() -> None:
    values = np.stack([STEPS / 100, STEPS / 50])
    assert change_by(STEPS, values, (0, 1), 20).value == pytest.approx(0.3)
    with pytest.raises(UsageError, match="step = 25"):
        change_by(STEPS, values, (0, 1), 25)
