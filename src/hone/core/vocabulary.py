"""The words of the rollout table: why a response ended, how it was graded, what a token does."""

from enum import IntEnum, StrEnum


class Finish(StrEnum):
    """Why a response ended."""

    STOP = "stop"  # the policy wrote the end-of-sequence symbol
    LENGTH = "length"  # it was cut off at the permitted number of tokens


class Grade(StrEnum):
    """What the task's verifier says of a response."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNSCORABLE = "unscorable"  # the scorer's own failure: out of gradient and denominator


class Reason(StrEnum):
    """Why a response is graded as it is."""

    RIGHT = "right"
    WRONG = "wrong"  # well-formed, but the answer is not the reference answer
    TRUNCATED = "truncated"
    MALFORMED = "malformed"  # there is no answer to compare
    SCORER = "scorer"  # the scorer failed


class PositionClass(IntEnum):
    """What the token at a position of a response does."""

    PAD = 0
    DECIDE = 1  # settles which strategy the response follows
    EXECUTE = 2  # an intermediate step
    ANSWER = 3
    END = 4


OTHER = "other"
"""The strategy label of a response that has none of the task's forms."""
