"""Equalities in free text have the values that arithmetic gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.tasks.field_arithmetic.equations import Form, equalities

VALUES = [1, 5, 6, 0, 10, 4, 7, 2, 8, 9, 3]  # of e0, e1, …, e10
Written = tuple[str, Form]


def joined(pair: tuple[Written, str, Written]) -> Written:
    (left, (a, b)), sign, (right, (c, d)) = pair
    if sign == "*" and a * c % 11:  # not linear
        sign = "+"
    value = {"+": (a + c, b + d), "-": (a - c, b - d), "*": (a * d + b * c, b * d)}[sign]
    return f"({left}) {sign} ({right})", value


LEAVES = st.one_of(
    st.integers(0, 999).map(lambda n: (str(n), (0, n))),
    st.integers(0, 10).map(lambda k: (f"e{k}", (0, VALUES[k]))),
    st.integers(0, 99).map(lambda a: (f"{a}x", (a, 0))),
)
EXPRESSIONS = st.recursive(
    LEAVES, lambda part: st.tuples(part, st.sampled_from("+-*"), part).map(joined), max_leaves=8
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_sides_have_the_values_of_what_they_were_built_from(one: Written, other: Written) -> None:
    expected = [tuple(number % 11 for number in value) for _, value in (one, other)]
    assert equalities(f"So {one[0]} = {other[0]}, or not.", VALUES) == [expected]


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("2 + 3 * 4 = 14", [(0, 3), (0, 3)]),
        ("8 / 7 = 9 mod 11", [(0, 9), (0, 9)]),
        ("8 − 9 ≡ −1 (mod 11)", [(0, 10), (0, 10)]),
        ("12 / 2 / 3 = 2", [(0, 2), (0, 2)]),
        ("(7x + 6) / 7 = x + 4", [(1, 4), (1, 4)]),
        ("9 = 9 mod 12", [(0, 9), None]),
        ("5 / 0 = 1", [None, (0, 1)]),
        ("x * x = 1 / x", [None, None]),
        ("5 + = (3", [None, None]),
        ("5 5 = )", [None, None]),
        ("e11 = 2 ** 3", [None, None]),
        ("= 7", [None, (0, 7)]),
        (f"{'(' * 5000}1{')' * 5000} = {'9' * 5000}1", [None, None]),
    ],
)
def test_what_is_an_expression_and_what_is_none(text: str, sides: list[Form | None]) -> None:
    assert equalities(text, VALUES) == [sides]


def test_words_and_punctuation_separate_equalities() -> None:
    text = "e1 = 5: it is 5, so 5 + 4 = 9. Next\n2 = 2"
    assert [len(sides) for sides in equalities(text, VALUES)] == [2, 2, 2]
    assert equalities("no numbers, no equality; 5 + 4", VALUES) == []
