"""Counter-based randomness: the published vectors, and independence of shape and order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.core.random import Stream, philox


def test_philox_gives_the_published_vectors() -> None:
    """Known answers of Random123's kat_vectors for philox4x32-10."""
    zeros = philox(np.zeros(4, dtype=np.uint32), 0)
    ones = philox(np.full(4, 0xFFFFFFFF, dtype=np.uint32), 0xFFFFFFFFFFFFFFFF)
    assert [hex(word) for word in zeros] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    assert [hex(word) for word in ones] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]


@given(st.integers(0, 2**32 - 1), st.integers(0, 500), st.integers(0, 500))
def test_a_draw_depends_on_its_position_alone(step: int, row: int, column: int) -> None:
    stream = Stream.root(7).child("purpose")
    alone = stream.uniform(step, row, np.array([column]))[0]
    among = stream.uniform(step, np.arange(501)[:, None], np.array([3, column]))
    assert alone == among[row, 1]


def test_draws_are_uniform_and_streams_unrelated() -> None:
    first = Stream.root(0).child("a").uniform(np.arange(20_000))
    second = Stream.root(0).child("b").uniform(np.arange(20_000))
    counts, _ = np.histogram(first, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-squared, 19 degrees, 0.1 %
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert first.min() >= 0
    assert first.max() < 1


def test_children_differ_by_every_word_of_their_purpose() -> None:
    root = Stream.root(0)
    purposes = [("a", 1), ("a", 2), ("a", "1"), ("a",), ("b", 1), ("a1",)]
    assert len({root.child(*purpose).key for purpose in purposes}) == len(purposes)
    assert Stream.root(1).child("a", 1) != root.child("a", 1)


def test_a_choice_comes_as_often_as_its_weight_says_and_one_of_no_weight_never() -> None:
    drawn = Stream.root(3).child("c").choice((0.5, 0.0, 0.4, 0.1), np.arange(20_000))
    counts = np.bincount(drawn, minlength=4)
    assert counts[1] == 0
    assert np.abs(counts / 20_000 - (0.5, 0.0, 0.4, 0.1)).max() < 0.015


def test_a_choice_is_of_the_last_weight_where_rounding_leaves_the_edges_below_one() -> None:
    drawn = Stream.root(3).child("c").choice((0.5, 0.4999), np.arange(100_000))
    assert drawn.max() == 1
