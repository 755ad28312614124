"""Padding carries no meaning: packing, selecting and concatenating keep every row's tokens."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.core.sequences import concatenate, pack

Rows = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=8)


@given(Rows)
def test_pack_and_lists_are_inverse(rows: list[list[int]]) -> None:
    assert pack(rows).lists() == rows
    assert pack(rows, pad=4).trim().lists() == rows


@given(Rows, Rows)
def test_concatenate_keeps_rows_in_order(first: list[list[int]], second: list[list[int]]) -> None:
    assert concatenate([pack(first), pack(second)]).lists() == first + second


@given(Rows, st.integers(0, 9))
def test_mask_comes_from_lengths_and_not_from_tokens(rows: list[list[int]], pad: int) -> None:
    packed = pack(rows, pad)
    assert packed.mask.sum(axis=1).tolist() == [len(row) for row in rows]
    order = np.arange(len(rows))[::-1]
    assert packed.select(order).lists() == rows[::-1]
