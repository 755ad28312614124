"""What a decoder says of given responses, with gradients: the one forward pass of all training."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hone.core.sequences import Sequences
from hone.models.decoder import Decoder
from hone.sampling.distribution import log_distribution
from hone.sampling.sampler import device_of, split_prompts


def response_hidden(
    decoder: Decoder, prompts: Sequences, prompt_rows: np.ndarray, responses: Sequences
) -> tuple[Float[Tensor, "rows time width"], Int[Tensor, "rows time"]]:
    """Hidden states from which each response token is predicted, and the tokens themselves.

    Prompts that rows share are computed once.

    Args:
        decoder: reads prompt and response.
        prompts: one row a prompt.
        prompt_rows: the prompt each response answers.
        responses: right-padded; entries beyond a row's length have no meaning.
    """
    used, rows = np.unique(prompt_rows, return_inverse=True)
    device = device_of(decoder)
    head, mask, last = split_prompts(prompts.select(used), device)
    index = torch.from_numpy(rows).to(device)
    past = decoder.prefill(head, mask).select(index)
    targets = torch.from_numpy(responses.trim().tokens).to(device)
    inputs = torch.cat([last[index][:, None], targets[:, :-1]], dim=1)
    return decoder(inputs, past=past), targets


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
    return log_probs.gather(-1, tokens[..., None])[..., 0]
