"""Losses over response tokens. A loss is a sum of token terms over one fixed denominator.

The denominator is computed once over the whole optimizer batch, never over a micro-batch, so that
gradients do not depend on how the batch is split.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from hone.core.errors import require

if TYPE_CHECKING:
    from torch import Tensor

Denominator = Literal["token_mean", "sequence_mean", "sequence_sum"]


def token_shares(lengths: np.ndarray, mask: np.ndarray, denominator: Denominator) -> np.ndarray:
    """What each token's term is multiplied by, so that a sum over all tokens is the loss.

    Args:
        lengths: response tokens of every row of the optimizer batch, zero-weight rows included.
        mask: (rows, time), True at response tokens.
        denominator: `token_mean` averages over all tokens; `sequence_mean` averages within a
            response, then over responses; `sequence_sum` sums within a response (the
            log-probability of a whole response), then averages over responses.
    """
    if denominator == "token_mean":
        return mask / max(lengths.sum(), 1)
    if denominator == "sequence_sum":
        return mask / max(len(lengths), 1)
    return mask / np.maximum(lengths, 1)[:, None] / max(len(lengths), 1)


@runtime_checkable
class Loss(Protocol):
    """The term of every token, to be minimised."""

    @property
    def denominator(self) -> Denominator: ...

    @property
    def fits_data(self) -> bool:
        """Whether responses are data to be fit (at temperature 1) or samples to be reweighted.

        Samples are scored under the distribution that drew them, temperature included.
        """
        ...

    def terms(self, logprobs: "Tensor", old_logprobs: "Tensor", weights: "Tensor") -> "Tensor":
        """Token terms of shape (rows, time).

        Args:
            logprobs: of the response tokens under the present policy, (rows, time).
            old_logprobs: of the same tokens under the policy that sampled them.
            weights: of the responses, (rows, 1).
        """
        ...


@dataclass(frozen=True)
class WeightedLikelihood:
    """-w log π(token): the gradient of REINFORCE; with `fits_data`, next-token prediction, STaR."""

    denominator: Denominator
    fits_data: bool = False

    def terms(self, logprobs: "Tensor", old_logprobs: "Tensor", weights: "Tensor") -> "Tensor":
        return -weights * logprobs


@dataclass(frozen=True)
class ClippedSurrogate:
    """-min(ρw, clip(ρ, 1 - low, 1 + high)w), ρ = π/π_old of a token (arXiv 1707.06347 eq. 7)."""

    denominator: Denominator
    clip_low: float = 0.2
    clip_high: float = 0.2

    def __post_init__(self) -> None:
        require(0 < self.clip_low < 1, "clip_low", self.clip_low, "a number in (0, 1)")
        require(self.clip_high > 0, "clip_high", self.clip_high, "a number above 0")

    @property
    def fits_data(self) -> bool:
        """Never: a ratio is of samples."""
        return False

    def terms(self, logprobs: "Tensor", old_logprobs: "Tensor", weights: "Tensor") -> "Tensor":
        ratio = (logprobs - old_logprobs).exp()
        clipped = ratio.clamp(1 - self.clip_low, 1 + self.clip_high)
        return -(ratio * weights).minimum(clipped * weights)
