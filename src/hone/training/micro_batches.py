"""How an optimizer batch is cut into forward passes that waste little."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

from hone.core.contracts import Batch
from hone.models.kernels import ROWS
from hone.sampling.scoring import prompts_are_shared

_PASS = 256  # tokens that could be computed in the time that a forward pass takes besides


def micro_batches(batch: Batch, live: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The rows of each forward pass, which computes at most `size` tokens, or else a single row.

    Rows of like length side by side pad little; rows of one prompt side by side share it.
    """
    order = live[np.lexsort((batch.prompt_rows[live], batch.responses.lengths[live]))]
    shared = prompts_are_shared(len(np.unique(batch.prompt_rows[order])), len(order))
    prompt = 0 if shared else int(batch.prompts.lengths.max(initial=0))
    widths = prompt + batch.responses.lengths[order]
    start = 0
    for end in cheapest_cuts(widths, size):
        yield order[start:end]
        start = end


def cheapest_cuts(widths: Int[np.ndarray, " rows"], size: int) -> list[int]:
    """Where to end the passes over rows of ascending width so that least is computed.

    A pass computes all its rows to the width of its widest. Passes have whole numbers of `ROWS`
    rows but for the last, so that few shapes occur.
    """
    if not len(widths):
        return []
    unit = min(ROWS, max(1, size // int(widths[-1])))
    ends = [*range(unit, len(widths), unit), len(widths)]
    best: list[tuple[int, int]] = [(0, 0)]  # cost of all before an end, and where its pass begins
    for i, end in enumerate(ends):
        width = int(widths[end - 1])
        begins = range(max(0, i + 1 - max(1, size // (unit * width))), i + 1)
        tokens = [(end - (ends[j - 1] if j else 0)) * width for j in begins]
        best.append(min((best[j][0] + _PASS + n, j) for j, n in zip(begins, tokens, strict=True)))
    return _path(ends, [begin for _, begin in best])


def _path(ends: list[int], begins: list[int]) -> list[int]:
    """The chosen ends, read from the last one backwards."""
    chosen: list[int] = []
    i = len(ends)
    while i:
        chosen.append(ends[i - 1])
        i = begins[i]
    return chosen[::-1]
