"""Why a program has no outcome."""

from enum import StrEnum


class Reason(StrEnum):
    """Kinds of faults; all but `TIME` are properties of the program alone."""

    SYNTAX = "syntax"  # not Python
    FORBIDDEN = "forbidden"  # Python, but outside the dialect
    ERROR = "error"  # what Python raises, too: a division by zero, an unknown name, …
    LIMIT = "limit"  # more steps, digits, items, characters or levels than allowed
    TIME = "time"  # the clock ran out first, which says something of this machine
    NO_RESULT = "no_result"  # it ended, but not with a finite number


class ProgramFault(Exception):
    """A program has no outcome; `message` is for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def forbidden(what: str) -> ProgramFault:
    """The fault of a program that uses what is outside the dialect."""
    return ProgramFault(Reason.FORBIDDEN, f"{what} is outside the dialect")


def too_much(what: str, limit: int) -> ProgramFault:
    """The fault of a program that exceeds a limit."""
    return ProgramFault(Reason.LIMIT, f"more than {limit} {what}")
