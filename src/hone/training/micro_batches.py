"""How an optimizer batch is cut into forward passes that waste little."""

import math
from collections.abc import Iterator

import numpy as np

from hone.core.contracts import Batch


def micro_batches(batch: Batch, live: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The rows of each forward pass, at most `size` of them.

    Rows of like length side by side pad little; rows of one prompt side by side share it.
    """
    order = live[np.lexsort((batch.prompt_rows[live], batch.responses.lengths[live]))]
    if len(order):
        yield from np.array_split(order, math.ceil(len(order) / size))
