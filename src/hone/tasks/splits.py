"""Which problems are held out: by a hash of the problem, so that no seed can move one."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, UInt32

from hone.core.random import philox

Latent = dict[str, np.ndarray]
"""A task's own arrays, a row for each problem."""

_VALIDATION_SHARE = 0.25
_ATTEMPTS = 64


def enough(
    n: int,
    candidates: Callable[[int], Latent],
    fits: Callable[[Latent], Bool[np.ndarray, " drawn"]],
) -> Latent | None:
    """The candidates that fit, `n` or more of them; None where so many are not found.

    Args:
        candidates: of an attempt, numbered from 0.
        fits: which of them are kept.
    """
    kept: list[Latent] = []
    for attempt in range(_ATTEMPTS):
        drawn = candidates(attempt)
        ok = fits(drawn)
        kept.append({name: values[ok] for name, values in drawn.items()})
        if sum(len(next(iter(each.values()))) for each in kept) >= n:
            return {name: np.concatenate([each[name] for each in kept]) for name in kept[0]}
    return None


def in_validation(
    words: UInt32[np.ndarray, "n words"], present: Bool[np.ndarray, "n words"]
) -> Bool[np.ndarray, " n"]:
    """Membership by a hash of the words that are present; padding changes nothing."""
    return place(words, present) < _VALIDATION_SHARE


def place(
    words: UInt32[np.ndarray, "n words"], present: Bool[np.ndarray, "n words"]
) -> Float[np.ndarray, " n"]:
    """Where in [0, 1) the hash of the words that are present lies."""
    state = np.zeros((4, len(words)), dtype=np.uint32)
    for key in range(words.shape[1]):
        state[1] = words[:, key]
        state = np.where(present[:, key], philox(state, key=key), state)
    return state[0] / 2.0**32
