"""Many token sequences of unequal length as one padded array and its lengths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int


@dataclass(frozen=True)
class Sequences:
    """Right-padded token ids; what lies beyond a row's length has no meaning."""

    tokens: Int[np.ndarray, "rows time"]
    lengths: Int[np.ndarray, " rows"]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def mask(self) -> Bool[np.ndarray, "rows time"]:
        """True where a position holds a token; from lengths, never from token ids."""
        return np.arange(self.tokens.shape[1]) < self.lengths[:, None]

    def select(self, rows: np.ndarray | slice) -> "Sequences":
        """The given rows (indices or a boolean mask), in that order."""
        return Sequences(self.tokens[rows], self.lengths[rows])

    def trim(self) -> "Sequences":
        """Without the columns that no row reaches."""
        return Sequences(self.tokens[:, : max(self.lengths, default=0)], self.lengths)

    def lists(self) -> list[list[int]]:
        """Each row's tokens without padding."""
        return [row[:n].tolist() for row, n in zip(self.tokens, self.lengths, strict=True)]


def pack(rows: Sequence[Sequence[int]], pad: int = 0) -> Sequences:
    """Rows of any lengths as one padded array."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = np.full((len(rows), max(lengths, default=0)), pad, dtype=np.int64)
    for row, values in enumerate(rows):
        tokens[row, : len(values)] = values
    return Sequences(tokens, lengths)


def concatenate(parts: Sequence[Sequences]) -> Sequences:
    """The rows of all parts, one part after the other."""
    width = max(part.tokens.shape[1] for part in parts)
    tokens = [np.pad(part.tokens, ((0, 0), (0, width - part.tokens.shape[1]))) for part in parts]
    return Sequences(np.concatenate(tokens), np.concatenate([part.lengths for part in parts]))
