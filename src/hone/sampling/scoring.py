"""What a decoder says of given responses, with gradients: the one forward pass of all training."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hone.core.sequences import Sequences
from hone.models.decoder import Decoder
from hone.sampling.distribution import log_distribution
from hone.sampling.sampler import device_of, split_prompts

_SHARERS = 2  # rows a prompt, on average, from which computing it apart pays
SCORED_AT_ONCE = 512  # rows; bounds the memory of a forward pass without gradients


def in_parts(
    responses: Sequences, score: Callable[[np.ndarray, Sequences], Float[Tensor, "part time"]]
) -> Float[np.ndarray, "rows time"]:
    """A number for every response token, worked out without gradients, a part of the rows a time.

    Args:
        responses: rows of any length.
        score: from rows and their trimmed responses to a number for each token.
    """
    scores = np.zeros(responses.tokens.shape)
    parts = math.ceil(len(responses) / SCORED_AT_ONCE)
    for rows in np.array_split(np.arange(len(responses)), parts):
        part = responses.select(rows).trim()
        with torch.inference_mode():
            found = score(rows, part)
        scores[rows, : found.shape[1]] = found.double().cpu().numpy() * part.mask
    return scores


def prompts_are_shared(prompts: int, rows: int) -> bool:
    """Whether so many prompts of so many rows are computed apart from them, once each."""
    return _SHARERS * prompts <= rows


def response_hidden(
    decoder: Decoder, prompts: Sequences, prompt_rows: np.ndarray, responses: Sequences
) -> tuple[Float[Tensor, "rows time width"], Int[Tensor, "rows time"]]:
    """Hidden states from which each response token is predicted, and the tokens themselves.

    Prompts are computed once where rows share them, and together with the responses, in one pass
    instead of two, where few do.

    Args:
        decoder: reads prompt and response.
        prompts: one row a prompt.
        prompt_rows: the prompt each response answers.
        responses: right-padded; entries beyond a row's length have no meaning.
    """
    used, rows = np.unique(prompt_rows, return_inverse=True)
    shared = prompts_are_shared(len(used), len(rows))
    device = device_of(decoder)
    head, mask, last = split_prompts(prompts.select(used if shared else prompt_rows), device)
    targets = torch.from_numpy(responses.trim().tokens).to(device)
    if shared:
        index = torch.from_numpy(rows).to(device)
        inputs = torch.cat([last[index][:, None], targets[:, :-1]], dim=1)
        return decoder(inputs, past=decoder.prefill(head, mask).select(index)), targets
    inputs = torch.cat([head, last[:, None], targets[:, :-1]], dim=1)
    if mask is not None:
        mask = torch.cat([mask, mask.new_ones(targets.shape)], dim=1)
    return decoder(inputs, mask, skip=head.shape[1]), targets


def response_distributions(
    decoder: Decoder,
    prompts: Sequences,
    prompt_rows: np.ndarray,
    responses: Sequences,
    temperature: float,
) -> tuple[Float[Tensor, "rows time vocab"], Int[Tensor, "rows time"]]:
    """Log-probabilities of the whole vocabulary before each response token, and the tokens."""
    hidden, targets = response_hidden(decoder, prompts, prompt_rows, responses)
    return log_distribution(decoder.logits(hidden), temperature), targets


def response_logprobs(
    decoder: Decoder,
    prompts: Sequences,
    prompt_rows: np.ndarray,
    responses: Sequences,
    temperature: float,
) -> Float[Tensor, "rows time"]:
    """Log-probability of every response token under the sampling distribution."""
    log_probs, targets = response_distributions(
        decoder, prompts, prompt_rows, responses, temperature
    )
    return taken(log_probs, targets)


def taken(
    log_probs: Float[Tensor, "rows time vocab"], tokens: Int[Tensor, "rows time"]
) -> Float[Tensor, "rows time"]:
    """The entries of the given tokens."""
    flat = log_probs.flatten(0, -2)  # nll_loss is this gather with a fast backward pass
    return -F.nll_loss(flat, tokens.flatten(), reduction="none").view(tokens.shape)
