"""The answer of a text, and whether it is the reference answer."""

import re
from fractions import Fraction
from typing import NamedTuple

from hone.tasks.maths.scorer import symbolically_equal

MARK = "####"  # before the answer, in GSM8K
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is none
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])[-−]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:/\d+)?%?")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?")
_WORDS = re.compile(r"\\(?:text|textbf|textit|mathrm)\{[A-Za-z][A-Za-z ,'-]+\}")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm)\s*\{([^{}]*)\}")
_SPACING = re.compile(r"\\[!,;: ]|\\(?:left|right)(?![a-z])")
_LONGEST_NUMBER = 400  # digits of the largest float, and some
_ROUNDING = Fraction(1, 10**9)


class Span(NamedTuple):
    """The characters `start … end - 1` of a text."""

    start: int
    end: int


def answer_span(text: str) -> Span | None:
    """Where a text has its answer: in its last box, after its last `####`, or its last number."""
    return marked_span(text) or _last_number(text)


def marked_span(text: str) -> Span | None:
    """Where a text says that an answer stands."""
    return boxed_span(text) or _hashed_span(text)


def boxed_span(text: str) -> Span | None:
    """What the last box holds: `\\boxed{72}`, or `$\\boxed 72$`; one that is not closed is none."""
    for box in reversed(list(_BOX.finditer(text))):
        start = box.end()
        if text[start : start + 1] != "{":
            return Span(start, start + len(re.split(r"[$\n]", text[start:], maxsplit=1)[0]))
        closing = _closing(text, start)
        if closing is not None:
            return Span(start + 1, closing)
    return None


def is_boxed_answer(text: str) -> bool:
    """Whether a text is nothing but an answer in a box."""
    bare = text.strip(" \n$.")
    box = _BOX.match(bare)
    return box is not None and boxed_span(bare) == Span(box.end() + 1, len(bare) - 1)


def same(reference: str, answer: str) -> bool | None:
    """Whether an answer is the reference answer; None where the scorer cannot tell.

    Compared as strings, then as numbers, then by math-verify. Units are not compared.
    """
    one, other = plain(reference), plain(answer)
    if one == other:
        return True
    if _WORDS.fullmatch(reference.strip()):  # math-verify takes words for products of letters
        return one.casefold() == other.casefold()
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        if abs(left - right) < _ROUNDING:
            return True
        if ("%" in one) == ("%" in other):
            return False
    return symbolically_equal(reference.strip(" $"), answer.strip(" $"))


def plain(answer: str) -> str:
    """An answer without what only says how it is set."""
    text = _WRAPPED.sub(r"\1", _SPACING.sub("", answer.replace("−", "-")))
    return " ".join(text.strip(" $").rstrip(".").split())


def written(value: int | float) -> str:
    """A number that a program gives, as answers are written; floats to ten decimals."""
    if value == int(value):
        return str(int(value))
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _number(text: str) -> Fraction | None:
    """The number that a text is, dollar, percent and brackets aside."""
    digits = text.replace("\\$", "").replace("\\%", "").strip("$% ()")
    found = _NUMBER.fullmatch(digits) if len(digits) <= _LONGEST_NUMBER else None
    if found is None or not re.search(r"\d", digits):
        return None
    return Fraction(digits.replace(",", "").rstrip("."))


def _closing(text: str, opening: int) -> int | None:
    """Where the brace that is opened at a place is closed."""
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth <= 0:
            return brace.start() if brace[0] == "}" else None
    return None


def _hashed_span(text: str) -> Span | None:
    place = text.rfind(MARK)
    if place < 0:
        return None
    end = text.find("\n", place)
    return Span(place + len(MARK), len(text) if end < 0 else end)


def _last_number(text: str) -> Span | None:
    found = list(_NUMBER_IN_TEXT.finditer(text))
    return Span(*found[-1].span()) if found else None
