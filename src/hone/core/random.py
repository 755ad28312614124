"""Counter-based randomness: every draw is a function of a purpose and a position, nothing else.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a
128-bit counter and a 64-bit key to 128 random bits. The key names the purpose; the counter names
the position, e.g. (step, problem, sample, token). So draws depend neither on batch split, nor on
the number of workers, nor on where a run was resumed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt32

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: UInt32[np.ndarray, "4 ..."], key: int) -> UInt32[np.ndarray, "4 ..."]:
    """Philox4x32 with ten rounds, elementwise over the trailing axes.

    Args:
        counter: four 32-bit words for every element.
        key: 64 bits.
    """
    c0, c1, c2, c3 = (word.astype(np.uint64) for word in counter)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        product0, product1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c2 = (product1 >> _HALF) ^ c1 ^ np.uint64(k0), (product0 >> _HALF) ^ c3 ^ np.uint64(k1)
        c1, c3 = product1 & _LOW, product0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


@dataclass(frozen=True)
class Stream:
    """Random numbers for one purpose; `child` streams are independent of it and of each other."""

    key: int

    @staticmethod
    def root(seed: int) -> "Stream":
        return Stream(0).child("root", seed)

    def child(self, *purpose: str | int) -> "Stream":
        """The stream for a narrower purpose, e.g. `stream.child("problems", step)`."""
        digest = hashlib.blake2b(repr((self.key, purpose)).encode(), digest_size=8).digest()
        return Stream(int.from_bytes(digest, "little"))

    def words(self, *position: int | np.ndarray) -> UInt32[np.ndarray, "4 ..."]:
        """128 random bits for every position, as in `uniform`: for many coins at once."""
        coordinates = (*position, *[0] * (4 - len(position)))
        counter = np.stack(np.broadcast_arrays(*coordinates)).astype(np.uint32)
        return philox(counter, self.key)

    def uniform(self, *position: int | np.ndarray) -> Float[np.ndarray, "..."]:
        """One float64 in [0, 1) for every position.

        Args:
            position: up to four non-negative integer coordinates below 2**32, broadcast together.
        """
        high, low, _, _ = self.words(*position).astype(np.uint64)
        bits = ((high << _HALF) | low) >> np.uint64(11)  # the 53 bits a float64 can hold
        return bits.astype(np.float64) * 2.0**-53

    def below(self, n: int | np.ndarray, *position: int | np.ndarray) -> Int[np.ndarray, "..."]:
        """One whole number from 0 to n - 1 for every position, as in `uniform`.

        Args:
            n: one for all positions, or one for each.
            position: of each number.
        """
        return np.floor(self.uniform(*position) * n).astype(np.int64)

    def choice(
        self, weights: Sequence[float], *position: int | np.ndarray
    ) -> Int[np.ndarray, "..."]:
        """One index of the weights for every position, each as likely as its weight says.

        Args:
            weights: sum to 1.
            position: of each index, as in `uniform`.
        """
        drawn = np.searchsorted(np.cumsum(weights), self.uniform(*position), side="right")
        return np.minimum(drawn, len(weights) - 1)  # rounding may leave the last edge below one

    def generator(self) -> np.random.Generator:
        """A NumPy generator of its own, for shuffles and the bootstrap."""
        return np.random.Generator(np.random.Philox(key=self.key))
