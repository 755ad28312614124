"""Decoding with a static cache, a CUDA graph a position: what a GPU does without Python's share.

The cache has all of its columns from the start and no row is ever dropped, so that every position
is the same kernels on the same memory each time. Off a GPU the same steps run one by one.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hone.models.cache import Cache
from hone.models.decoder import Decoder
from hone.sampling.distribution import inverted, log_distribution


class StaticSampler:
    """Draws full-length responses to batches of one shape, at temperature 1."""

    @torch.inference_mode()
    def __init__(
        self, decoder: Decoder, prompts: Int[Tensor, "prompts given"], group: int, tokens: int
    ) -> None:
        """Captures the steps; `prompts` fix the shape (all of equal length), not what is asked."""
        self._decoder, device = decoder, prompts.device
        self._rows = torch.arange(len(prompts), device=device).repeat_interleave(group)
        rows = len(self._rows)
        self._cache = Cache.from_prefix(decoder.prefill(prompts[:, :-1]), self._rows, tokens)
        self._cache.room(tokens)
        self._start = prompts.shape[1] - 1
        self._current = torch.zeros(rows, dtype=torch.int64, device=device)
        self._uniforms = torch.zeros(tokens, rows, dtype=torch.float64, device=device)
        self._drawn = torch.zeros(tokens, rows, dtype=torch.int64, device=device)
        self._steps = [captured(partial(self._step, position), device.type)
                       for position in range(tokens)]  # fmt: skip

    @torch.inference_mode()
    def draw(
        self, prompts: Int[Tensor, "prompts given"], uniforms: Float[np.ndarray, "time rows"]
    ) -> Int[Tensor, "rows time"]:
        """Responses to prompts of the shape captured, each token by its uniform."""
        prefix = self._decoder.prefill(prompts[:, :-1])
        for held, new in zip(
            (*self._cache.keys, *self._cache.values), (*prefix.keys, *prefix.values), strict=True
        ):
            held[:, :, : self._start] = new.index_select(0, self._rows)
        self._current.copy_(prompts[self._rows, -1])
        self._uniforms.copy_(torch.from_numpy(uniforms))
        for step in self._steps:
            step()
        return self._drawn.T.clone()

    def _step(self, position: int) -> None:
        self._cache.length = self._start + position
        hidden = self._decoder(self._current[:, None], past=self._cache)[:, 0]
        distribution = log_distribution(self._decoder.logits(hidden), 1.0)
        drawn = inverted(distribution, self._uniforms[position])
        self._drawn[position] = drawn
        self._current.copy_(drawn)


def captured(step: Callable[[], None], device: str) -> Callable[[], None]:
    """The step as a CUDA graph, or as it is."""
    if device != "cuda":
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # kernels choose their work space before they are captured
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
