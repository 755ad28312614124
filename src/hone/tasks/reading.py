"""What tasks have in common when they read a response."""

import numpy as np
from jaxtyping import Bool, Shaped

from hone.core.vocabulary import Grade, Reason


def reasons(
    right: Bool[np.ndarray, " n"], complete: Bool[np.ndarray, " n"], stopped: Bool[np.ndarray, " n"]
) -> Shaped[np.ndarray, " n"]:
    """Why each response is graded as it is.

    Args:
        right: the answer is the reference answer.
        complete: there is an answer to compare.
        stopped: the response was not cut off.
    """
    found = np.where(complete, Reason.WRONG.value, Reason.MALFORMED.value)
    found = np.where(stopped, found, Reason.TRUNCATED.value)
    return np.where(right, Reason.RIGHT.value, found)


def graded(
    right: Bool[np.ndarray, " n"],
    complete: Bool[np.ndarray, " n"],
    stopped: Bool[np.ndarray, " n"],
    failed: Bool[np.ndarray, " n"],
) -> tuple[Shaped[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
    """Every response's grade and reason, where a scorer may fail.

    Args:
        right: the answer is the reference answer.
        complete: there is an answer to compare.
        stopped: the response was not cut off.
        failed: the scorer could not tell.
    """
    grades = np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value)
    why = reasons(right, complete, stopped)
    return (
        np.where(failed, Grade.UNSCORABLE.value, grades),
        np.where(failed, Reason.SCORER.value, why),
    )
