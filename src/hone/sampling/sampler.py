"""Batched decoding: the prompt once per group, one cached step a token, finished rows dropped.

Rows are dropped many at once: copying the cache costs time, and so does every new shape.
"""

import math

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

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
    cache = Cache.from_prefix(
        decoder.prefill(head, mask), torch.from_numpy(rows).to(device), protocol.max_tokens
    )
    tokens = np.zeros((len(rows), protocol.max_tokens), dtype=np.int64)
    logprobs = np.zeros(tokens.shape, dtype=np.float32)
    lengths = np.full(len(rows), protocol.max_tokens)
    stopped = np.zeros(len(rows), dtype=bool)
    held = np.arange(len(rows))  # in the cache
    going = np.arange(len(rows))  # of these, the places of those that have not ended
    current = last[torch.from_numpy(rows).to(device)]
    for position in range(protocol.max_tokens):
        alive, places = held[going], torch.from_numpy(going).to(device)
        hidden = decoder(current[:, None], past=cache)[:, 0]
        logits = decoder.logits(hidden if len(going) == len(held) else hidden[places])
        distribution = restrict(
            log_distribution(logits, protocol.temperature),
            _allowed(constraint, position, device),
            protocol.top_p,
        )
        if distribution.amax(dim=-1).isnan().any():
            raise Diverged(
                f"the policy's probabilities are no numbers at response token {position}: its "
                "weights have diverged; a lower learning rate is the usual cure"
            )
        greedy = protocol.temperature == 0
        uniforms = None if greedy else stream.uniform(picked[rows[alive]], samples[alive], position)
        drawn = choose(distribution, uniforms)
        current = current.index_copy(0, places, drawn)
        tokens[alive, position] = chosen = drawn.cpu().numpy()
        logprobs[alive, position] = distribution.gather(1, drawn[:, None])[:, 0].cpu().numpy()
        ended = chosen == eos
        lengths[alive[ended]], stopped[alive[ended]] = position + 1, True
        going = going[~ended]
        if not len(going):
            break
        if fewer(len(going)) <= _DROP * len(held):
            kept = rows_to_keep(going, len(held))
            held, going = held[kept], np.flatnonzero(~stopped[held[kept]])
            index = torch.from_numpy(kept).to(device)
            cache, current = cache.select(index), current[index]
    return Responses(
        Sequences(tokens, lengths).trim(),
        logprobs[:, : lengths.max()],
        stopped,
        samples=protocol.samples,
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
