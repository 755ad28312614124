"""Cuts of a batch: every row once, within the limit, and never dearer than equal parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.models.kernels import ROWS
from hone.training.micro_batches import cheapest_cuts

WIDTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200).map(sorted)


def computed(widths: list[int], ends: list[int]) -> int:
    begins = [0, *ends[:-1]]
    return sum((end - begin) * widths[end - 1] for begin, end in zip(begins, ends, strict=True))


@given(WIDTHS, st.integers(1, 5000))
def test_every_row_is_in_one_pass_of_at_most_the_size(widths: list[int], size: int) -> None:
    ends = cheapest_cuts(np.array(widths), size)
    assert ends[-1] == len(widths)
    assert sorted(set(ends)) == ends
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        assert end - begin == 1 or (end - begin) * widths[end - 1] <= size


@given(WIDTHS, st.integers(ROWS * 60, 5000))
def test_passes_have_few_shapes(widths: list[int], size: int) -> None:
    assert all(end % ROWS == 0 for end in cheapest_cuts(np.array(widths), size)[:-1])


def test_long_rows_do_not_widen_short_ones() -> None:
    widths = [2] * 480 + [40] * 32
    ends = cheapest_cuts(np.array(widths), 10**6)
    assert 480 in ends
    assert computed(widths, ends) == sum(widths)


def test_alike_rows_are_not_cut_without_need() -> None:
    assert cheapest_cuts(np.array([10] * 100), 10**6) == [100]
    assert len(cheapest_cuts(np.array([10] * 64), 320)) == 2


def test_nothing_has_no_passes() -> None:
    assert cheapest_cuts(np.array([], dtype=np.int64), 100) == []
