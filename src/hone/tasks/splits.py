"""Which problems are held out: by a hash of the problem, so that no seed can move one."""

import numpy as np
from jaxtyping import Bool, UInt32

from hone.core.random import philox

_VALIDATION_SHARE = 0.25


def in_validation(
    words: UInt32[np.ndarray, "n words"], present: Bool[np.ndarray, "n words"]
) -> Bool[np.ndarray, " n"]:
    """Membership by a hash of the words that are present; padding changes nothing."""
    state = np.zeros((4, len(words)), dtype=np.uint32)
    for key in range(words.shape[1]):
        state[1] = words[:, key]
        state = np.where(present[:, key], philox(state, key=key), state)
    return state[0] < _VALIDATION_SHARE * 2.0**32
