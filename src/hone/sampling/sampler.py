"""Batched decoding: the prompt once per group, one cached step a token, finished rows dropped."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hone.core.contracts import Constraint, Responses, SamplingProtocol
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models.cache import Cache
from hone.models.decoder import Decoder
from hone.sampling.distribution import choose, log_distribution, restrict


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
    alive, current = np.arange(len(rows)), last[torch.from_numpy(rows).to(device)]
    for position in range(protocol.max_tokens):
        logits = decoder.logits(decoder(current[:, None], past=cache)[:, 0])
        distribution = restrict(
            log_distribution(logits, protocol.temperature),
            _allowed(constraint, position, device),
            protocol.top_p,
        )
        greedy = protocol.temperature == 0
        uniforms = None if greedy else stream.uniform(picked[rows[alive]], samples[alive], position)
        current = choose(distribution, uniforms)
        tokens[alive, position] = chosen = current.cpu().numpy()
        logprobs[alive, position] = distribution.gather(1, current[:, None])[:, 0].cpu().numpy()
        ended = chosen == eos
        lengths[alive[ended]], stopped[alive[ended]] = position + 1, True
        if ended.any():
            going = torch.from_numpy(np.flatnonzero(~ended)).to(device)
            alive, current = alive[~ended], current[going]
            if not len(alive):
                break
            cache = cache.select(going)
    return Responses(
        Sequences(tokens, lengths).trim(),
        logprobs[:, : lengths.max()],
        stopped,
        samples=protocol.samples,
    )


def _allowed(constraint: Constraint | None, position: int, device: torch.device) -> Tensor | None:
    if constraint is None or position >= len(constraint.allowed):
        return None
    return torch.from_numpy(constraint.allowed[position]).to(device)
