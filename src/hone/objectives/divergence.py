"""KL(π ‖ reference): how it is estimated, and where in an objective it stands.

With d = log π(token) - log reference(token) of a token sampled from π (Schulman 2020, joschu.net,
"Approximating KL divergence"):

| estimator | value | mean over samples | gradient when differentiated in the loss |
|---|---|---|---|
| k1 | d | KL | zero in expectation: no penalty at all |
| k2 | d²/2 | biased | that of each token's KL |
| k3 | exp(-d) - 1 + d | KL, each term ≥ 0 | that of each token's KL(reference ‖ π) instead |
| exact | Σ π log(π/reference) over the vocabulary | KL | that of each token's KL |

In the loss, the tokens before are held fixed: how they came about is not differentiated. In the
reward an estimate is a number that is not differentiated, and the return of k1 has the gradient of
the whole sequence's KL. In the advantage it is a number of its own token alone: k1 then has the
gradient of each token's KL, k2 and k3 that of something else, and an exact one, the same whatever
token comes, none at all. `tests/exact` proves every cell.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hone.core.contracts import Estimator
from hone.core.errors import require, require_one_of

if TYPE_CHECKING:
    from torch import Tensor

    from hone.objectives.losses import Tokens


Place = Literal["loss", "reward", "advantage"]


@dataclass(frozen=True)
class KL:
    """A penalty on the distance from a reference policy.

    Attributes:
        coefficient: β.
        estimator: see the module's table.
        place: `loss` differentiates it; `reward` adds -β KL to the tokens' rewards, before credit;
            `advantage` to their weights, after credit.
        refresh: rounds after which the reference becomes the present policy; None: it stays the
            policy that post-training began with.
        reweighted: in the loss, times the token's ratio to the sampling policy, which is
            differentiated too (arXiv 2512.02556; the default of TRL): k1 and k3 then have the
            gradient of each token's KL, on samples of an earlier policy as well.
    """

    coefficient: float
    estimator: Estimator = "k3"
    place: Place = "loss"
    refresh: int | None = None
    reweighted: bool = False

    def __post_init__(self) -> None:
        sound = 0 < self.coefficient < math.inf
        require(sound, "kl.coefficient", self.coefficient, "a finite number above 0")
        require_one_of("kl.estimator", self.estimator, Estimator)
        require_one_of("kl.place", self.place, Place)
        require(
            self.refresh is None or self.refresh >= 1,
            "kl.refresh",
            self.refresh,
            "1 or more rounds",
        )
        require((self.estimator, self.place) != ("exact", "advantage"), "kl.estimator", "exact",
                "k1, k2 or k3 in the advantage, where an exact KL has no gradient")  # fmt: skip
        sampled_loss = self.place == "loss" and self.estimator != "exact"
        allowed = "false unless a sampled estimator stands in the loss"
        require(not self.reweighted or sampled_loss, "kl.reweighted", self.reweighted, allowed)

    def terms(self, tokens: "Tokens") -> "Tensor":
        """β times the penalty of every token in the loss, (rows, time)."""
        penalty = estimate(self.estimator, tokens)
        if self.reweighted:
            penalty = penalty * (tokens.logprobs - tokens.old_logprobs).exp()
        return self.coefficient * penalty


def estimate(estimator: Estimator, tokens: "Tokens") -> "Tensor":
    """The estimator at every token, (rows, time); gradients flow through the policy's side."""
    if estimator == "exact":
        assert tokens.distribution is not None
        assert tokens.reference_distribution is not None
        probabilities = tokens.distribution.exp()
        return (probabilities * (tokens.distribution - tokens.reference_distribution)).sum(dim=-1)
    assert tokens.reference_logprobs is not None
    d = tokens.logprobs - tokens.reference_logprobs
    if estimator == "k1":
        return d
    return d.square() / 2 if estimator == "k2" else (-d).exp() - 1 + d


def entropy(distribution: "Tensor") -> "Tensor":
    """Entropy in nats of distributions given as log-probabilities, (rows, time)."""
    return -(distribution.exp() * distribution).sum(dim=-1)
