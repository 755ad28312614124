"""Batched decoding: the prompt once per group, one cached step a token, finished rows dropped.

Rows are dropped many at once: copying the cache costs time, and so does every new shape.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils import parametrize

from hone.core.contracts import Constraint, Responses, SamplingProtocol
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models.cache import Cache
from hone.models.decoder import Decoder
from hone.models.kernels import ROWS
from hone.sampling.distribution import choose, log_distribution, restrict

_DROP = 7 / 8  # of its rows that a cache must be able to shrink to; copying it costs time as well


def split_prompts(prompts: Sequences, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor]:
    """Prompts as (all but the last token, their mask if any is padded, the last token).

    The last prompt token predicts the first response token, so it travels with the response.
    """
    rows = np.arange(len(prompts))
    last = torch.from_numpy(prompts.tokens[rows, prompts.lengths - 1]).to(device)
    width = int(prompts.lengths.max()) - 1
    head = torch.from_numpy(prompts.tokens[:, :width]).to(device)
    mask = np.arange(width) < (prompts.lengths - 1)[:, None]
    return head, None if mask.all() else torch.from_numpy(mask).to(device), last


def device_of(decoder: Decoder) -> torch.device:
    """Where the decoder's weights are."""
    return next(decoder.parameters()).device


@torch.inference_mode()
@parametrize.cached()  # adapters are added to their weights once, not at every token
def sample(
    decoder: Decoder,
    prompts: Sequences,
    picked: Int[np.ndarray, " picked"],
    protocol: SamplingProtocol,
    eos: int,
    stream: Stream,
    constraint: Constraint | None = None,
) -> Responses:
    """Draw `protocol.samples` responses to each of the picked prompts.

    The uniform for a token is keyed by (prompt row, sample, position) of `stream`: it does not
    depend on which other prompts are picked or which rows have finished.

    Raises:
        Diverged: the policy's probabilities are not numbers.
    """
    device = device_of(decoder)
    head, mask, last = split_prompts(prompts.select(picked), device)
    rows = np.repeat(np.arange(len(picked)), protocol.samples)
    samples = np.tile(np.arange(protocol.samples), len(picked))
    fan_out = torch.from_numpy(rows).to(device)
    cache = Cache.from_prefix(decoder.prefill(head, mask), fan_out, protocol.max_tokens)
    current, written = last[fan_out], _Written.nothing(len(rows), protocol.max_tokens)
    for position in range(protocol.max_tokens):
        alive, places = written.alive, torch.from_numpy(written.going).to(device)
        hidden = decoder(current[:, None], past=cache)[:, 0]
        logits = decoder.logits(hidden if len(alive) == len(hidden) else hidden[places])
        distribution = _next_token(logits, protocol, constraint, position)
        greedy = protocol.temperature == 0
        uniforms = None if greedy else stream.uniform(picked[rows[alive]], samples[alive], position)
        drawn = choose(distribution, uniforms)
        current = current.index_copy(0, places, drawn)
        written.add(position, drawn, distribution.gather(1, drawn[:, None])[:, 0], eos)
        if not len(written.going):
            break
        kept = written.shrink()
        if kept is not None:
            index = torch.from_numpy(kept).to(device)
            cache, current = cache.select(index), current[index]
    return written.responses(protocol.samples)


def _next_token(
    logits: Tensor, protocol: SamplingProtocol, constraint: Constraint | None, position: int
) -> Tensor:
    """Log-probabilities that the next token is drawn from."""
    distribution = restrict(
        log_distribution(logits, protocol.temperature),
        _allowed(constraint, position, logits.device),
        protocol.top_p,
    )
    if distribution.amax(dim=-1).isnan().any():
        raise Diverged(
            f"the policy's probabilities are no numbers at response token {position}: its "
            "weights have diverged; a lower learning rate is the usual cure"
        )
    return distribution


@dataclass
class _Written:
    """What has been written of every response, and which of them go on.

    Attributes:
        lengths: tokens of each response; all there may be where it has not ended.
        stopped: whether it has ended.
        held: the responses that have a row in the cache.
        going: of these rows, those whose response has not ended.
    """

    tokens: Int[np.ndarray, "rows time"]
    logprobs: Float[np.ndarray, "rows time"]
    lengths: Int[np.ndarray, " rows"]
    stopped: Bool[np.ndarray, " rows"]
    held: Int[np.ndarray, " held"]
    going: Int[np.ndarray, " going"]

    @staticmethod
    def nothing(rows: int, max_tokens: int) -> "_Written":
        return _Written(
            np.zeros((rows, max_tokens), dtype=np.int64),
            np.zeros((rows, max_tokens), dtype=np.float32),
            np.full(rows, max_tokens),
            np.zeros(rows, dtype=bool),
            np.arange(rows),
            np.arange(rows),
        )

    @property
    def alive(self) -> Int[np.ndarray, " going"]:
        """The responses that have not ended."""
        return self.held[self.going]

    def add(self, position: int, drawn: Tensor, logprobs: Tensor, eos: int) -> None:
        """One more token of every response that has not ended."""
        alive, chosen = self.alive, drawn.cpu().numpy()
        self.tokens[alive, position] = chosen
        self.logprobs[alive, position] = logprobs.cpu().numpy()
        ended = chosen == eos
        self.lengths[alive[ended]], self.stopped[alive[ended]] = position + 1, True
        self.going = self.going[~ended]

    def shrink(self) -> Int[np.ndarray, " kept"] | None:
        """The rows that a smaller cache is to keep; None while copying it does not pay."""
        if fewer(len(self.going)) > _DROP * len(self.held):
            return None
        kept = rows_to_keep(self.going, len(self.held))
        self.held = self.held[kept]
        self.going = np.flatnonzero(~self.stopped[self.held])
        return kept

    def responses(self, samples: int) -> Responses:
        """All of them, `samples` to each prompt, no wider than the longest."""
        return Responses(
            Sequences(self.tokens, self.lengths).trim(),
            self.logprobs[:, : self.lengths.max()],
            self.stopped,
            samples=samples,
        )


def fewer(going: int) -> int:
    """How many rows a cache holds for those that go on: a whole number of `ROWS`."""
    return math.ceil(going / ROWS) * ROWS


def rows_to_keep(going: Int[np.ndarray, " going"], held: int) -> Int[np.ndarray, " kept"]:
    """Those that go on, filled up with finished ones."""
    finished = np.setdiff1d(np.arange(held), going)
    return np.sort(np.concatenate([going, finished[: fewer(len(going)) - len(going)]]))


def _allowed(constraint: Constraint | None, position: int, device: torch.device) -> Tensor | None:
    if constraint is None or position >= len(constraint.allowed):
        return None
    return torch.from_numpy(constraint.allowed[position]).to(device)
