"""Every algorithm as a value: credit, loss and schedule. One loop carries all of them out."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hone.core.errors import require, require_one_of
from hone.objectives.credit import (
    BatchNormalised,
    Credit,
    GeneralisedAdvantage,
    GroupMean,
    GroupNormalised,
    LeaveOneOut,
    ReturnToGo,
    RewardAsWeight,
    RunningMean,
    TokenCredit,
)
from hone.objectives.divergence import KL, entropy
from hone.objectives.losses import (
    ClippedSurrogate,
    Denominator,
    Loss,
    Tokens,
    WeightedLikelihood,
)

if TYPE_CHECKING:
    from torch import Tensor


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

    def __post_init__(self) -> None:
        require(self.tolerance > 0, "until.tolerance", self.tolerance, "a number above 0")
        for name in ("samples", "max_epochs"):
            require(getattr(self, name) >= 1, f"until.{name}", getattr(self, name), "1 or more")


Baseline = Literal["none", "running_mean", "group_mean", "learned"]
BatchBaseline = Literal["none", "group_mean"]
Keep = Literal["all", "positive"]
Start = Literal["current", "initial"]


@dataclass(frozen=True)
class Schedule:
    """How a batch of rollouts becomes optimizer steps.

    Attributes:
        epochs: passes over the batch.
        minibatch: responses an optimizer step; None is the whole batch in one step.
        keep: `all` rows, or only those with `positive` weight (supervised filtering).
        deduplicate: of equal responses to one prompt, keep the first.
        skip_truncated: responses that were cut off have no gradient (DAPO's overlong filtering).
        start: train on from the `current` weights, or from the `initial` ones every round.
        until: repeat the epochs until a strategy's share is matched.
        draws: at most so many times the prompts, until enough groups have members of different
            reward (DAPO's dynamic sampling); 1 takes groups as they come.
        staleness: rounds by which the policy that samples is behind the policy that learns.
    """

    epochs: int = 1
    minibatch: int | None = None
    keep: Keep = "all"
    deduplicate: bool = False
    skip_truncated: bool = False
    start: Start = "current"
    until: UntilMatched | None = None
    draws: int = 1
    staleness: int = 0

    def __post_init__(self) -> None:
        require_one_of("keep", self.keep, Keep)
        require_one_of("start", self.start, Start)
        require(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        require(self.minibatch is None or self.minibatch >= 1, "minibatch", self.minibatch, "≥ 1")
        require(self.draws >= 1, "draws", self.draws, "1 or more")
        require(self.staleness >= 0, "staleness", self.staleness, "0 or more rounds")


@dataclass(frozen=True)
class Critic:
    """A value model of the policy's shape that starts from the policy's weights.

    Attributes:
        lr: its learning rate over the policy's.
        clip: how far a value may move from the old one before its error has no gradient
            (arXiv 1707.06347's code); None: as far as it likes.
    """

    lr: float = 1.0
    clip: float | None = 0.2

    def __post_init__(self) -> None:
        require(self.lr > 0, "critic.lr", self.lr, "a number above 0")
        require(self.clip is None or self.clip > 0, "critic.clip", self.clip, "above 0, or none")


@dataclass(frozen=True)
class Algorithm:
    """A named post-training method. Impossible combinations follow from what its parts need.

    The objective to be minimised is `loss` + β · `kl` (where it stands in the loss) - `entropy` ·
    H, a sum over tokens with one denominator.
    """

    name: str
    credit: Credit | TokenCredit
    loss: Loss
    schedule: Schedule
    kl: KL | None = None
    entropy: float = 0.0
    critic: Critic | None = None

    def __post_init__(self) -> None:
        uses_critic = isinstance(self.credit, TokenCredit) and self.credit.needs_critic
        credit = type(self.credit).__name__
        if uses_critic:
            require(self.critic is not None, "critic", None, f"a Critic with {credit}")
        else:
            require(self.critic is None, "critic", self.critic, f"none: {credit} does not use it")
        if self.loss.fits_data:
            require(isinstance(self.credit, Credit), "credit", credit,
                    f"of whole responses with {self.name}, which fits kept data")  # fmt: skip
            require(self.kl is None, "kl", self.kl, f"none with {self.name}, which fits data")
            require(self.entropy == 0, "entropy", self.entropy, f"0 with {self.name}")
        ratio = getattr(self.loss, "ratio", "token")
        if isinstance(self.credit, TokenCredit) or (self.kl and self.kl.place == "advantage"):
            require(
                ratio == "token", "ratio", ratio, "token where tokens have weights of their own"
            )
        require(0 <= self.entropy < math.inf, "entropy", self.entropy, "a finite number from 0")
        if not self.loss.fits_data:
            self._refuse_what_only_fits_data()

    def _refuse_what_only_fits_data(self) -> None:
        """A policy gradient takes every response as it was drawn, and goes on from where it is."""
        schedule, why = self.schedule, f"with {self.name}, a policy gradient"
        require(schedule.keep == "all", "keep", schedule.keep, f"all {why}")
        require(not schedule.deduplicate, "deduplicate", True, f"false {why}")
        require(schedule.start == "current", "start", schedule.start, f"current {why}")
        require(schedule.until is None, "until", schedule.until, f"none {why}")
        if isinstance(self.loss, WeightedLikelihood):
            self._refuse_old_policies()

    def _refuse_old_policies(self) -> None:
        """Without importance ratios the gradient is that of the policy that sampled, no other."""
        schedule, why = self.schedule, f"with {self.name}, whose loss has no importance ratios"
        require(schedule.epochs == 1, "epochs", schedule.epochs, f"1 {why}")
        require(schedule.minibatch is None, "minibatch", schedule.minibatch, f"none {why}")
        require(schedule.staleness == 0, "staleness", schedule.staleness, f"0 {why}")

    @property
    def needs_distribution(self) -> bool:
        """Whether the objective looks at the whole vocabulary."""
        return self.entropy != 0 or self.penalises_exactly

    @property
    def penalises_exactly(self) -> bool:
        """Whether the loss holds the KL over the whole vocabulary."""
        return self.kl is not None and (self.kl.estimator, self.kl.place) == ("exact", "loss")

    @property
    def acts_without_reward(self) -> bool:
        """Whether responses of weight zero have a gradient all the same."""
        return self.entropy != 0 or (self.kl is not None and self.kl.place == "loss")

    def terms(self, tokens: Tokens) -> "Tensor":
        """The objective's token terms, (rows, time)."""
        terms = self.loss.terms(tokens)
        if self.kl is not None and self.kl.place == "loss":
            terms = terms + self.kl.terms(tokens)
        if self.entropy:
            assert tokens.distribution is not None
            terms = terms - self.entropy * entropy(tokens.distribution)
        return terms

    def check(self, group: int, temperature: float, top_p: float) -> None:
        """Refuse settings under which the algorithm's gradient would be zero or wrong.

        Raises:
            UsageError: naming the setting, its value and what is allowed.
        """
        require(temperature > 0, "temperature", temperature, "above 0 for RL; 0 only evaluates")
        if isinstance(self.credit, Credit) and self.credit.needs_group:
            require(group >= 2, "group", group, f"2 or more with {self.name}")
        if self.schedule.draws > 1:
            require(group >= 2, "group", group, "2 or more with dynamic sampling")
        if not self.loss.fits_data:
            require(top_p == 1, "top_p", top_p, "1 for policy gradients: the rest has no density")


def ppo(
    epochs: int = 1,
    minibatch: int | None = None,
    decay: float = 0.95,
    kl: KL | None = None,
    critic: Critic | None = None,
) -> Algorithm:
    """PPO (arXiv 1707.06347): clipped token ratios, GAE advantages from a learned critic."""
    return Algorithm(
        "ppo",
        GeneralisedAdvantage(decay=decay),
        ClippedSurrogate("token_mean"),
        Schedule(epochs, minibatch),
        kl=kl,
        critic=critic or Critic(),
    )


def grpo(
    denominator: Denominator = "token_mean",
    epochs: int = 1,
    minibatch: int | None = None,
    kl: KL | None = None,
) -> Algorithm:
    """GRPO (arXiv 2402.03300 eq. 3): advantages over the group's standard deviation.

    `sequence_mean` is the denominator as first published. It divides a long response's terms by
    its length, which works against long answers; libraries have since moved to `token_mean`.
    """
    return Algorithm(
        "grpo", GroupNormalised(), ClippedSurrogate(denominator), Schedule(epochs, minibatch), kl
    )


def dr_grpo(epochs: int = 1, minibatch: int | None = None) -> Algorithm:
    """Dr. GRPO (arXiv 2503.20783): no division by the deviation, none by a response's length."""
    return Algorithm(
        "dr_grpo", GroupMean(), ClippedSurrogate("token_budget"), Schedule(epochs, minibatch)
    )


def dapo(epochs: int = 1, minibatch: int | None = None, draws: int = 4) -> Algorithm:
    """DAPO (arXiv 2503.14476): clip-higher, token mean, dynamic sampling, overlong filtering."""
    return Algorithm(
        "dapo",
        GroupNormalised(),
        ClippedSurrogate("token_mean", 0.2, 0.28),
        Schedule(epochs, minibatch, skip_truncated=True, draws=draws),
    )


def gspo(epochs: int = 1, minibatch: int | None = None) -> Algorithm:
    """GSPO (arXiv 2507.18071 eq. 5): one ratio a response, the root of its tokens' product."""
    return Algorithm(
        "gspo",
        GroupNormalised(),
        ClippedSurrogate("sequence_mean", 3e-4, 4e-4, ratio="geometric"),
        Schedule(epochs, minibatch),
    )


def rloo(epochs: int = 1, minibatch: int | None = None, kl: KL | None = None) -> Algorithm:
    """RLOO (arXiv 2402.14740): the others' mean as baseline, one ratio for a whole response."""
    return Algorithm(
        "rloo",
        LeaveOneOut(),
        ClippedSurrogate("sequence_mean", ratio="sequence"),
        Schedule(epochs, minibatch),
        kl,
    )


def reinforce(baseline: Baseline = "running_mean") -> Algorithm:
    """REINFORCE (Williams 1992): E[(r - b) ∇ log π(y)], on-policy, with a named baseline b.

    A `learned` baseline is a critic's value before each token.
    """
    require_one_of("baseline", baseline, Baseline)
    credits: dict[Baseline, Credit | TokenCredit] = {
        "none": RewardAsWeight(),
        "running_mean": RunningMean(),
        "group_mean": GroupMean(),
        "learned": GeneralisedAdvantage(decay=1.0, normalise=False),
    }
    return Algorithm(
        "reinforce",
        credits[baseline],
        WeightedLikelihood("sequence_sum"),
        Schedule(),
        critic=Critic(clip=None) if baseline == "learned" else None,
    )


def reinforce_pp(
    baseline: BatchBaseline = "none",
    epochs: int = 1,
    minibatch: int | None = None,
    kl: KL | None = None,
) -> Algorithm:
    """REINFORCE++ (arXiv 2501.03262): no critic, advantages normalised over the whole batch.

    Without a baseline a token's weight is its return; with `group_mean`, its response's.
    """
    require_one_of("baseline", baseline, BatchBaseline)
    return Algorithm(
        "reinforce_pp",
        ReturnToGo() if baseline == "none" else BatchNormalised(),
        ClippedSurrogate("token_mean"),
        Schedule(epochs, minibatch),
        kl,
    )


def star(
    epochs: int = 1,
    minibatch: int = 128,
    start: Start = "current",
    until: UntilMatched | None = None,
) -> Algorithm:
    """STaR: keep what was rewarded, train on it by next-token prediction (arXiv 2203.14465)."""
    return Algorithm(
        "star",
        RewardAsWeight(),
        WeightedLikelihood("token_mean", fits_data=True),
        Schedule(epochs, minibatch, keep="positive", start=start, until=until),
    )


def expert_iteration(
    epochs: int = 2,
    minibatch: int = 128,
    start: Start = "initial",
) -> Algorithm:
    """Expert iteration (arXiv 2403.04642 §3): of k samples keep the correct, different ones; fit.

    Every round fits the initial weights anew to what the current policy found.
    """
    return Algorithm(
        "expert_iteration",
        RewardAsWeight(),
        WeightedLikelihood("token_mean", fits_data=True),
        Schedule(epochs, minibatch, keep="positive", deduplicate=True, start=start),
    )


def next_token_prediction() -> Algorithm:
    """Supervised training on demonstrations: every one of weight 1, one step a batch."""
    return Algorithm(
        "next_token_prediction",
        RewardAsWeight(),
        WeightedLikelihood("token_mean", fits_data=True),
        Schedule(),
    )


ALGORITHMS = {
    make.__name__: make
    for make in (
        ppo,
        grpo,
        dr_grpo,
        dapo,
        gspo,
        rloo,
        reinforce,
        reinforce_pp,
        expert_iteration,
        star,
    )
}
"""Every post-training algorithm by name, with its vetted defaults."""
