"""What a linear model is fit to, many steps at a time: fresh demonstrations, or kept rollouts.

Inputs are uniform on all of {-1, +1}^d, as the theorems have them, and not only on the training
split: a model whose predictors have at most 3d weights has nowhere to remember an input.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from hone.core.errors import UsageError
from hone.core.random import Stream

MOST_BITS = 96
"""Of an input: a draw has 128 bits, 32 of which say whether the chain is shown."""


@dataclass(frozen=True)
class Examples:
    """Inputs and outputs as signs; of every batch the first rows are long.

    Attributes:
        x: of every step, replica and row.
        y: y_1 … y_d; only y_1 where a row is short.
        longs: how many rows are long.
    """

    x: Float[np.ndarray, "steps replicas batch inputs"]
    y: Float[np.ndarray, "steps replicas batch inputs"]
    longs: Int[np.ndarray, "steps replicas"]


Source = Callable[[int, int], Examples]
"""From the first step and the one after the last to their examples, however they are asked for."""


def demonstrated(d: int, p_cot: float, batch: int, replicas: int, stream: Stream) -> Source:
    """The mixture D(p_cot) (§2), fresh for every step: each row is long with probability p_cot."""

    def examples(start: int, stop: int) -> Examples:
        place = np.ix_(np.arange(start, stop), np.arange(replicas), np.arange(batch))
        words = stream.words(*place)
        # Rows are exchangeable: the long ones may as well come first.
        longs = (words[3] < p_cot * 2.0**32).sum(axis=2)
        octets = np.ascontiguousarray(np.moveaxis(words[:3], 0, -1)).view(np.uint8)
        minus = np.unpackbits(octets, axis=-1, count=d)
        odd = np.bitwise_xor.accumulate(minus, axis=-1)
        short = np.arange(batch) >= longs[..., None]
        odd[..., 0] = np.where(short, odd[..., -1], odd[..., 0])
        return Examples(1.0 - 2.0 * minus, 1.0 - 2.0 * odd, longs)

    return examples


@dataclass(frozen=True)
class Kept:
    """Rollouts that were rewarded, as signs."""

    long_x: Float[np.ndarray, "longs inputs"]
    long_y: Float[np.ndarray, "longs inputs"]
    short_x: Float[np.ndarray, "shorts inputs"]
    short_y: Float[np.ndarray, "shorts inputs"]  # only y_1 is meant

    def __post_init__(self) -> None:
        if not len(self.long_x) + len(self.short_x):
            raise UsageError("no kept rollouts to fit; draw more samples a round")


def drawn_from(kept: Kept, batch: int, stream: Stream) -> Source:
    """Kept rollouts with replacement, each as likely as any other."""
    longs, shorts = len(kept.long_x), len(kept.short_x)

    def examples(start: int, stop: int) -> Examples:
        steps = np.arange(start, stop)[:, None]
        rows = stream.below(longs + shorts, steps, np.arange(batch))
        rows = np.sort(rows, axis=1)  # the long ones are numbered first
        x = np.concatenate([kept.long_x, kept.short_x])[rows]
        y = np.concatenate([kept.long_y, kept.short_y])[rows]
        return Examples(x[:, None], y[:, None], (rows < longs).sum(axis=1)[:, None])

    return examples
