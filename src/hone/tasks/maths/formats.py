"""The forms that responses have, told and read as in the evaluator of arXiv 2504.07912 (§2).

What has the tag is tagged code, what else has the letters `def` is a program, and what has neither
is text. Programs are run; where one gives no answer, what it says as a text is read.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from hone.tasks.maths.answers import answer_span, is_boxed_answer, written
from hone.tasks.programs import Outcome, ProgramFault, Reason, call_last, run_block
from hone.tasks.word_problems.formats import FUNCTION, TAG, UNTAG

PROGRAM, TAGGED, TEXT = "program", "tagged", "text"
WORKED, ANSWER = "worked", "answer"
OPENINGS = {PROGRAM: FUNCTION, TAGGED: TAG}
_RETURN = re.compile(r"^[ \t]+return ", re.MULTILINE)
_BLOCK = re.compile(f"{TAG}(.*?)(?:{UNTAG}|\\Z)", re.DOTALL)


class Attempt(NamedTuple):
    """What a response says.

    Attributes:
        answer: "" where there is none.
        failed: the scorer could not tell, e.g. ran out of time.
    """

    answer: str
    failed: bool = False


def format_of(text: str) -> str:
    """`program`, `tagged` or `text`."""
    if TAG in text:
        return TAGGED
    return PROGRAM if "def" in text else TEXT


def depth_of(text: str) -> str:
    """`answer` where a response is nothing but a boxed answer, else `worked`."""
    return ANSWER if is_boxed_answer(text) else WORKED


def answer_start(text: str) -> int:
    """The character where what a response says last of its answer begins."""
    returns = list(_RETURN.finditer(text))
    if format_of(text) == PROGRAM and returns:
        return returns[-1].end()
    span = answer_span(text)
    return span.start if span else len(text)


@lru_cache(maxsize=8192)  # after RL many responses to a problem are the same
def computed(text: str) -> Attempt:
    """What the code of a response gives, else what it says as a text."""
    for run, code in _programs(text):
        try:
            return Attempt(written(run(code).value))
        except ProgramFault as fault:
            if fault.reason is Reason.TIME:
                return Attempt("", failed=True)
    return stated(text)


def stated(text: str) -> Attempt:
    """What a response says as a text."""
    span = answer_span(text)
    return Attempt(text[span.start : span.end].strip() if span else "")


def _programs(text: str) -> Iterator[tuple[Callable[[str], Outcome], str]]:
    """What is to be run, in order; blocks of tagged code go on where the last one ended."""
    code = text
    if TAG in text:
        code = "\n".join(block.strip("\n") for block in _BLOCK.findall(text))
        yield run_block, code
    if "def" in code:
        yield call_last, code
