"""The sampling distribution. Sampler, scorer and trainer all take their log-probabilities here."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def log_distribution(
    logits: Float[Tensor, "*rows vocab"], temperature: float
) -> Float[Tensor, "*rows vocab"]:
    """Log-probabilities of every token under pure temperature sampling, in float32 at least.

    Temperature 0 (greedy) has no density; it is scored at temperature 1.
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    scaled = wide if temperature in (0.0, 1.0) else wide / temperature
    return torch.log_softmax(scaled, dim=-1)


def restrict(
    log_probs: Float[Tensor, "rows vocab"],
    allowed: Bool[Tensor, " vocab"] | None,
    top_p: float,
) -> Float[Tensor, "rows vocab"]:
    """The distribution conditioned on allowed tokens and on the nucleus of mass `top_p`.

    The nucleus is the smallest set of most likely tokens whose mass reaches `top_p`
    (Holtzman et al. 2020).
    """
    if allowed is not None:
        log_probs = log_probs.masked_fill(~allowed, -torch.inf).log_softmax(dim=-1)
    if top_p < 1:
        ordered, order = log_probs.sort(dim=-1, descending=True, stable=True)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()
        outside = (before >= top_p).scatter(-1, order, before >= top_p)
        log_probs = log_probs.masked_fill(outside, -torch.inf).log_softmax(dim=-1)
    return log_probs


def choose(
    log_probs: Float[Tensor, "rows vocab"], uniforms: Float[np.ndarray, " rows"] | None
) -> Int[Tensor, " rows"]:
    """One token a row: the most likely one, or the uniform inverted through the distribution."""
    if uniforms is None:
        return log_probs.argmax(dim=-1)
    return inverted(log_probs, torch.from_numpy(uniforms).to(log_probs.device))


def inverted(
    log_probs: Float[Tensor, "rows vocab"], uniforms: Float[Tensor, " rows"]
) -> Int[Tensor, " rows"]:
    """The token at which the cumulative distribution passes each uniform.

    It is taken in float64 and the uniform scaled by its total, so a token of probability zero is
    never chosen.
    """
    cumulative = log_probs.double().exp().cumsum(dim=-1)
    threshold = uniforms[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0]
