"""Reading solutions in words, whoever wrote them.

The strategy is told by the order in which operations are mentioned, a step by what its line says
of numbers, and neither by likeness to a demonstration.
"""

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from hone.core.contracts import Problems
from hone.core.texts import Span, TextReading
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.field_arithmetic.chains import ADD, MULTIPLY
from hone.tasks.field_arithmetic.equations import Form, equalities
from hone.tasks.field_arithmetic.text import OPENINGS, START, Path, paths
from hone.tasks.reading import reasons

_FLAGS = re.ASCII | re.IGNORECASE
_MENTION = re.compile(r"\b(add|subtract|multipl|divid)\w*\W+(?:by\W+)?(?=e(\d{1,2})\b)", _FLAGS)
_LISTED = {"add": ADD, "subtract": ADD, "multipl": MULTIPLY, "divid": MULTIPLY}
_ATTEMPT = re.compile(r"\btry\b", _FLAGS)
_UNKNOWN: Form = (1, 0)
_ANSWER = re.compile(r"\banswer\b\W*(?:is\W+)?(e(\d{1,2}))\b", _FLAGS)


@dataclass(frozen=True)
class _Mention:
    operation: tuple[int, int]  # of the prompt's list, done or undone; and its symbol's number
    start: int  # of its symbol, in the text
    said: str  # from its symbol on: the rest of the line, or up to the next mention


def read(problems: Problems, texts: Sequence[str], stopped: Bool[np.ndarray, " n"]) -> TextReading:
    """Answer, strategy and steps of responses in words.

    The answer is the last symbol that `Answer:` announces. A response is `forward` if the
    operations it mentions come in the order of the prompt's list, from the first; `backward` if in
    reverse, from the last; each attempt apart where it says `try`. A step is right if every
    equality on its line holds and the last one ends in what should come out; steps count up to the
    first that is not, and not at all where something false is said before them; the last one does
    not count where something false is said after it, or an unknown is not solved for. Of several
    attempts the last one's steps count.

    Args:
        problems: one a response.
        texts: without the end-of-sequence token.
        stopped: the response was not cut off.
    """
    found = announced(problems, texts, stopped)
    walks = zip(paths(problems, "forward"), paths(problems, "backward"), strict=True)
    walked = [_walked(text, *walk) for text, walk in zip(texts, walks, strict=True)]
    return TextReading(
        answers=found.answers,
        grades=found.grades,
        reasons=found.reasons,
        strategies=np.array([strategy for strategy, _ in walked], dtype=str),
        steps_correct=np.array([steps for _, steps in walked], dtype=np.int64),
        steps=problems.difficulty,
        spans=[_spans(text, place) for text, place in zip(texts, found.places, strict=True)],
    )


class Announced(NamedTuple):
    """The answers that responses announce, graded."""

    answers: np.ndarray  # str; "" where there is none, or the response was cut off
    grades: np.ndarray  # str, values of Grade
    reasons: np.ndarray  # str, values of Reason
    places: list[tuple[int, int] | None]  # where each stands in its text


def announced(
    problems: Problems, texts: Sequence[str], stopped: Bool[np.ndarray, " n"]
) -> Announced:
    """The last symbol that each response announces as its answer, and whether it is right."""
    p = problems.latent["symbols"].shape[1]
    answers = [_answer(text, p) for text in texts]
    complete = stopped & np.array([answer is not None for answer in answers], dtype=bool)
    said = np.array([answer[0] if answer else "" for answer in answers], dtype=str)
    right = complete & (said == problems.answers)
    return Announced(
        np.where(complete, said, ""),
        np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
        reasons(right, complete, stopped),
        [answer[1] if answer else None for answer in answers],
    )


def _answer(text: str, p: int) -> tuple[str, tuple[int, int]] | None:
    """The last symbol announced as the answer, and where it stands."""
    found = [match for match in _ANSWER.finditer(text) if int(match[2]) < p]
    return (f"e{int(found[-1][2])}", found[-1].span(1)) if found else None


def _walked(text: str, forward: Path, backward: Path) -> tuple[str, int]:
    """The strategy of a response and its leading right steps."""
    attempts = _attempts(text)
    listed = [
        (operation, forward.symbols[operand])
        for operation, operand in zip(forward.operations, forward.operands, strict=True)
    ]
    for path, order in ((forward, listed), (backward, listed[::-1])):
        if attempts and all(_in_order(attempt, order) for attempt in attempts):
            return path.strategy, _leading(text, attempts, path, order)
    return OTHER, 0


def _attempts(text: str) -> list[list[_Mention]]:
    """The operations mentioned, those of every attempt apart."""
    found = list(_MENTION.finditer(text))
    ends = [*(match.start() for match in found), len(text)][1:]
    mentions = [
        _Mention(
            (_LISTED[match[1].lower()], int(match[2])),
            match.end(),
            text[match.end() : end].partition("\n")[0],
        )
        for match, end in zip(found, ends, strict=True)
    ]
    tries = [match.start() for match in _ATTEMPT.finditer(text)]
    return [list(group) for _, group in groupby(mentions, lambda each: bisect(tries, each.start))]


def _in_order(attempt: list[_Mention], order: list[tuple[int, int]]) -> bool:
    """The first operation comes first and none comes back; one may be named twice in a row."""
    place = 0
    for mention in attempt:
        while place < len(order) and order[place] != mention.operation:
            place += 1
        if place == len(order) or attempt[0].operation != order[0]:
            return False
    return True


def _leading(
    text: str, attempts: list[list[_Mention]], path: Path, order: list[tuple[int, int]]
) -> int:
    values, last = np.argsort(path.symbols).tolist(), attempts[-1]
    if not all(map(_holds, equalities(text[: last[0].start], values))):
        return 0
    tried = len(attempts) > 1 or _ATTEMPT.search(text[: last[0].start]) is not None
    numbers: list[Form] = [(0, element) for element in path.walk(path.start)]
    states = numbers if path.known or tried else path.forms
    right = (
        mention.operation == operation and _leads_to(state, equalities(mention.said, values))
        for mention, operation, state in zip(last, order, states[1:], strict=False)
    )
    steps = sum(takewhile(bool, right))
    rest = equalities(text[last[-1].start + len(last[-1].said) :], values)
    is_solved = path.known or tried or any(_UNKNOWN in sides for sides in rest)
    is_whole = is_solved and all(_holds(_at(path.start, sides, len(values))) for sides in rest)
    return steps if is_whole else min(steps, len(order) - 1)


def _at(x: int, sides: list[Form | None], p: int) -> list[Form | None]:
    """The sides of an equality where the unknown is known."""
    return [side and (0, (side[0] * x + side[1]) % p) for side in sides]


def _leads_to(state: Form, said: list[list[Form | None]]) -> bool:
    return bool(said) and all(map(_holds, said)) and said[-1][-1] == state


def _holds(sides: list[Form | None]) -> bool:
    return None not in sides and len(set(sides)) == 1


def _spans(text: str, answer: tuple[int, int] | None) -> list[Span]:
    """The word in which openings differ decides, the answer's symbol answers, the rest carries out.

    A response that opens in no strategy's words is decided by its first line.
    """
    start, end = answer or (len(text), len(text))
    said = next((each for each in OPENINGS.values() if text.startswith(each)), None)
    first = 0 if said is None else len(START)
    opening = min(text.find("\n") + 1 or len(text) if said is None else len(said), start)
    spans = (
        Span(0, first, PositionClass.EXECUTE),
        Span(first, opening, PositionClass.DECIDE),
        Span(opening, start, PositionClass.EXECUTE),
        Span(start, end, PositionClass.ANSWER),
        Span(end, len(text), PositionClass.EXECUTE),
    )
    return [span for span in spans if span.end > span.start]
