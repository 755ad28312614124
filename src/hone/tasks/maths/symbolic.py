"""The process that compares answers: a question and its verdict are a line of JSON each.

Started by `hone.tasks.maths.scorer`, with the seconds of computing that a comparison may take.
"""

import json
import logging
import resource
import signal
import sys
from collections.abc import Callable

from hone.tasks.maths.scorer import READY

_MEMORY = 2**31  # bytes: a power of a power of a power is a number of any length
_PATIENCE = 20  # seconds on the clock for a second of computing
_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    SyntaxError, TypeError, ValueError,
)  # fmt: skip


def comparison() -> Callable[[str, str], bool]:
    """math-verify's, of answers in LaTeX.

    Its other parser, of plain expressions, is left out: it evaluates them as Python.
    """
    from math_verify import LatexExtractionConfig, parse, verify

    logging.disable()  # of the time limits that we have instead of its own

    def parsed(answer: str) -> list:
        return parse(f"${answer}$", [LatexExtractionConfig()], parsing_timeout=0)

    def equal(reference: str, answer: str) -> bool:
        pair = parsed(reference), parsed(answer)
        return verify(*pair, timeout_seconds=0, raise_on_error=True)

    return equal


def verdict(equal: Callable[[str, str], bool], line: str) -> bool | None:
    """What is to be answered to a line; None where the comparison fails."""
    try:
        return bool(equal(*json.loads(line)))
    except _ERRORS:
        return None


def set_timers(seconds: float) -> None:
    """End this process after so much computing; 0: never. Nothing can hold these signals up."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _PATIENCE)


def serve(seconds: int) -> None:
    """Answer questions until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no verdict
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    equal = comparison()
    equal("1", "2")  # the first takes longer
    answers.write(f"{READY}\n")
    answers.flush()
    for line in sys.stdin:
        set_timers(seconds)
        found = verdict(equal, line)
        set_timers(0)
        answers.write(f"{json.dumps(found)}\n")
        answers.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
