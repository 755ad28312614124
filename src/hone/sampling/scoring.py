"""Log-probabilities of given responses, with gradients: the one forward pass of all training."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hone.core.sequences import Sequences
from hone.models.decoder import Decoder
from hone.sampling.distribution import log_distribution
from hone.sampling.sampler import device_of, split_prompts


def response_logprobs(
    decoder: Decoder,
    prompts: Sequences,
    prompt_rows: np.ndarray,
    responses: Sequences,
    temperature: float,
) -> Float[Tensor, "rows time"]:
    """Log-probability of every response token; prompts that rows share are computed once.

    Args:
        decoder: scores the responses.
        prompts: one row a prompt.
        prompt_rows: the prompt each response answers.
        responses: right-padded; entries beyond a row's length have no meaning.
        temperature: of the distribution the responses are scored under.
    """
    used, rows = np.unique(prompt_rows, return_inverse=True)
    device = device_of(decoder)
    head, mask, last = split_prompts(prompts.select(used), device)
    index = torch.from_numpy(rows).to(device)
    past = decoder.prefill(head, mask).select(index)
    targets = torch.from_numpy(responses.trim().tokens).to(device)
    inputs = torch.cat([last[index][:, None], targets[:, :-1]], dim=1)
    hidden = decoder(inputs, past=past)
    log_probs = log_distribution(decoder.logits(hidden), temperature)
    return log_probs.gather(-1, targets[..., None])[..., 0]
