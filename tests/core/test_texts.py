"""Characters' classes become tokens' classes, whatever the tokens are."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.core.texts import Span, token_classes
from hone.core.vocabulary import PositionClass

DECIDE, EXECUTE, ANSWER, END = (
    PositionClass.DECIDE, PositionClass.EXECUTE, PositionClass.ANSWER, PositionClass.END
)  # fmt: skip
SPANS = [Span(0, 6, DECIDE), Span(6, 14, EXECUTE), Span(14, 16, ANSWER)]
BY_CHARACTER = [DECIDE] * 6 + [EXECUTE] * 8 + [ANSWER] * 2


@given(st.sets(st.integers(1, 15)))
def test_a_token_has_the_class_of_its_last_character(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), 16]
    offsets = np.array(list(pairwise(edges)))
    found = token_classes(SPANS, offsets)
    assert found.tolist() == [BY_CHARACTER[end - 1] for end in edges[1:]]
    assert found.dtype == np.int8


def test_a_token_without_characters_is_the_end() -> None:
    assert token_classes(SPANS, np.array([[14, 16], [0, 0]])).tolist() == [ANSWER, END]
    assert token_classes([], np.array([[0, 0]])).tolist() == [END]
