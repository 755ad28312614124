"""Losses over response tokens. A loss is a sum of token terms over one fixed denominator.

The denominator is computed once over the whole optimizer batch, never over a micro-batch, so that
gradients do not depend on how the batch is split.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from hone.core.errors import require, require_one_of

if TYPE_CHECKING:
    from torch import Tensor

Denominator = Literal[
    "token_mean", "token_mean_of_8", "sequence_mean", "sequence_sum", "token_budget"
]
Ratio = Literal["token", "sequence", "geometric"]


def token_shares(
    lengths: np.ndarray, mask: np.ndarray, denominator: Denominator, max_tokens: int
) -> np.ndarray:
    """What each token's term is multiplied by, so that a sum over all tokens is the loss.

    Args:
        lengths: response tokens of every row of the optimizer batch, zero-weight rows included.
        mask: (rows, time), True at response tokens.
        denominator: `token_mean` averages over all tokens; `token_mean_of_8` over those of eight
            responses, one after the other, then over such parts, as OpenRLHF did with packed
            samples (arXiv 2504.07912's released code); `sequence_mean` averages within a
            response, then over responses; `sequence_sum` sums within a response (the
            log-probability of a whole response), then averages over responses; `token_budget`
            divides that by the tokens a response may have (arXiv 2503.20783).
        max_tokens: what a response may have.
    """
    rows = max(len(lengths), 1)
    if denominator == "token_mean":
        return mask / max(lengths.sum(), 1)
    if denominator == "token_mean_of_8":
        part = np.arange(len(lengths)) // 8
        tokens = np.maximum(np.bincount(part, weights=lengths), 1)
        return mask / (tokens[part][:, None] * len(tokens))
    if denominator == "sequence_sum":
        return mask / rows
    if denominator == "token_budget":
        return mask / (rows * max_tokens)
    return mask / np.maximum(lengths, 1)[:, None] / rows


@dataclass(frozen=True)
class Tokens:
    """What a loss sees of response tokens; every tensor is (rows, time), gradients in `logprobs`.

    Attributes:
        logprobs: under the present policy.
        old_logprobs: of the same tokens under the policy that sampled them.
        weights: advantages, (rows, time) or (rows, 1).
        mask: 1 at response tokens, 0 elsewhere.
        reference_logprobs: under the reference of the KL, where there is one.
        distribution: log-probabilities of the whole vocabulary, (rows, time, vocab), where asked.
        reference_distribution: the same under the reference.
    """

    logprobs: "Tensor"
    old_logprobs: "Tensor"
    weights: "Tensor"
    mask: "Tensor"
    reference_logprobs: "Tensor | None" = None
    distribution: "Tensor | None" = None
    reference_distribution: "Tensor | None" = None


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

    def terms(self, tokens: Tokens) -> "Tensor":
        """Token terms of shape (rows, time)."""
        ...


@dataclass(frozen=True)
class WeightedLikelihood:
    """-w log π(token): the gradient of REINFORCE; with `fits_data`, next-token prediction, STaR."""

    denominator: Denominator
    fits_data: bool = False

    def __post_init__(self) -> None:
        require_one_of("denominator", self.denominator, Denominator)

    def terms(self, tokens: Tokens) -> "Tensor":
        return -tokens.weights * tokens.logprobs


@dataclass(frozen=True)
class ClippedSurrogate:
    """-min(ρw, clip(ρ, 1 - low, 1 + high)w) with ρ = π/π_old (arXiv 1707.06347 eq. 7).

    Attributes:
        ratio: of a `token`; of the whole `sequence`, the product of its tokens' (RLOO in TRL); or
            `geometric`, the product's root by length (GSPO, arXiv 2507.18071 eq. 7). The last two
            are one number a response, whose term stands at each of its tokens.
    """

    denominator: Denominator
    clip_low: float = 0.2
    clip_high: float = 0.2
    ratio: Ratio = "token"

    def __post_init__(self) -> None:
        require_one_of("denominator", self.denominator, Denominator)
        require_one_of("ratio", self.ratio, Ratio)
        require(0 < self.clip_low < 1, "clip_low", self.clip_low, "a number in (0, 1)")
        require(self.clip_high > 0, "clip_high", self.clip_high, "a number above 0")
        if self.ratio != "token":
            require(
                self.denominator == "sequence_mean",
                "denominator",
                self.denominator,
                f"sequence_mean with a {self.ratio} ratio, which is clipped once a response",
            )

    @property
    def fits_data(self) -> bool:
        """Never: a ratio is of samples."""
        return False

    def terms(self, tokens: Tokens) -> "Tensor":
        ratio = self.ratios(tokens)
        clipped = ratio.clamp(1 - self.clip_low, 1 + self.clip_high)
        return -(ratio * tokens.weights).minimum(clipped * tokens.weights)

    def clipped(self, tokens: Tokens) -> "Tensor":
        """Which tokens have no gradient because their ratio is clipped, (rows, time)."""
        ratio = self.ratios(tokens).detach()
        high = (ratio > 1 + self.clip_high) & (tokens.weights > 0)
        return high | ((ratio < 1 - self.clip_low) & (tokens.weights < 0))

    def ratios(self, tokens: Tokens) -> "Tensor":
        """ρ of every token, or of its response, (rows, time)."""
        logs = (tokens.logprobs - tokens.old_logprobs) * tokens.mask
        if self.ratio != "token":
            total = logs.sum(dim=1, keepdim=True)
            if self.ratio == "geometric":
                total = total / tokens.mask.sum(dim=1, keepdim=True).clamp(min=1)
            logs = total.expand_as(logs)
        # Beyond the clip a positive weight has no gradient; an overflow there would make it NaN.
        beyond = 1 + math.log1p(self.clip_high)
        return logs.where(tokens.weights <= 0, logs.clamp(max=beyond)).exp()
