"""Every algorithm as a value: credit, loss and schedule. One loop carries all of them out."""

from dataclasses import dataclass
from typing import Literal

from hone.core.errors import require
from hone.objectives.credit import (
    Credit,
    GroupMean,
    GroupNormalised,
    RewardAsWeight,
    RunningMean,
)
from hone.objectives.losses import ClippedSurrogate, Denominator, Loss, WeightedLikelihood


@dataclass(frozen=True)
class UntilMatched:
    """Repeat the epochs of a round until the policy shows a strategy as often as the kept data do.

    The theory of STaR (arXiv 2510.11495, Theorem 2) has every round fit its kept pairs; a fixed
    number of steps under-trains and hides the doubling of the odds.
    """

    strategy: str
    tolerance: float  # on the log-odds of the share
    samples: int  # responses that measure the policy's share
    max_epochs: int


@dataclass(frozen=True)
class Schedule:
    """How a batch of rollouts becomes optimizer steps.

    Attributes:
        epochs: passes over the batch.
        minibatch: responses an optimizer step; None is the whole batch in one step.
        keep: `all` rows, or only those with `positive` weight (supervised filtering).
        start: train on from the `current` weights, or from the `initial` ones every round.
        until: repeat the epochs until a strategy's share is matched.
    """

    epochs: int = 1
    minibatch: int | None = None
    keep: Literal["all", "positive"] = "all"
    start: Literal["current", "initial"] = "current"
    until: UntilMatched | None = None

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        require(self.minibatch is None or self.minibatch >= 1, "minibatch", self.minibatch, "≥ 1")


@dataclass(frozen=True)
class Algorithm:
    """A named post-training method. Impossible combinations follow from what its parts need."""

    name: str
    credit: Credit
    loss: Loss
    schedule: Schedule

    def check(self, group: int, temperature: float, top_p: float) -> None:
        """Refuse settings under which the algorithm's gradient would be zero or wrong.

        Raises:
            UsageError: naming the setting, its value and what is allowed.
        """
        require(temperature > 0, "temperature", temperature, "above 0 for RL; 0 only evaluates")
        if self.credit.needs_group:
            require(group >= 2, "group", group, f"2 or more with {self.name}")
        if self.schedule.keep != "positive":
            require(top_p == 1, "top_p", top_p, "1 for policy gradients: the rest has no density")


def star(
    epochs: int = 1,
    minibatch: int = 128,
    start: Literal["current", "initial"] = "current",
    until: UntilMatched | None = None,
) -> Algorithm:
    """STaR: keep what was rewarded, train on it by next-token prediction (arXiv 2203.14465)."""
    return Algorithm(
        "star",
        RewardAsWeight(),
        WeightedLikelihood("token_mean", fits_data=True),
        Schedule(epochs, minibatch, keep="positive", start=start, until=until),
    )


def reinforce(
    baseline: Literal["none", "running_mean", "group_mean"] = "running_mean",
    minibatch: int | None = None,
) -> Algorithm:
    """REINFORCE (Williams 1992): E[(r - b) ∇ log π(y)], on-policy, with a named baseline b."""
    credits = {
        "none": RewardAsWeight(),
        "running_mean": RunningMean(),
        "group_mean": GroupMean(),
    }
    return Algorithm(
        "reinforce",
        credits[baseline],
        WeightedLikelihood("sequence_sum"),
        Schedule(minibatch=minibatch),
    )


def grpo(
    denominator: Denominator = "token_mean", epochs: int = 1, minibatch: int | None = None
) -> Algorithm:
    """GRPO (arXiv 2402.03300 eq. 3) without its KL term: advantages over the group's deviation.

    `sequence_mean` is the denominator as first published. It divides a long response's terms by
    its length, which works against long answers; libraries have since moved to `token_mean`.
    """
    return Algorithm(
        "grpo",
        GroupNormalised(),
        ClippedSurrogate(denominator),
        Schedule(epochs, minibatch),
    )


def next_token_prediction() -> Algorithm:
    """Supervised training on demonstrations: every one of weight 1, one step a batch."""
    return Algorithm(
        "next_token_prediction",
        RewardAsWeight(),
        WeightedLikelihood("token_mean", fits_data=True),
        Schedule(),
    )
