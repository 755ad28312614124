"""Credit: from the rewards of a batch of groups to the weight of every token.

Rewards have shape (prompts, group); NaN marks a response that could not be scored. It gets weight
zero and takes no part in any mean. Most methods weigh whole responses (`Credit`); methods that
look inside a response weigh its tokens (`TokenCredit`).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from hone.core.errors import require, require_one_of

Rewards = Float[np.ndarray, "prompts group"]
PerToken = Float[np.ndarray, "rows time"]
State = dict[str, float]
Ddof = Literal[0, 1]  # taken from the count under a standard deviation; 1 is torch's default


@runtime_checkable
class Credit(Protocol):
    """Rewards to one weight a response. `state` must survive from batch to batch."""

    needs_group: ClassVar[bool]  # one response a prompt would always give weight zero

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]: ...


@runtime_checkable
class TokenCredit(Protocol):
    """Token rewards to one weight a token."""

    needs_critic: ClassVar[bool]

    def token_weights(
        self, rewards: PerToken, values: PerToken, mask: Bool[np.ndarray, "rows time"]
    ) -> tuple[PerToken, PerToken]:
        """Weights of all tokens, and the returns a critic is to learn.

        Args:
            rewards: what each token earned.
            values: a critic's expectations before each token; zeros without one.
            mask: True at response tokens of scored responses.
        """
        ...


@dataclass(frozen=True)
class Credited:
    """What credit makes of a batch."""

    weights: Float[np.ndarray, "rows #time"]
    returns: PerToken | None
    state: State


def assign(
    credit: Credit | TokenCredit,
    rewards: Rewards,
    penalties: PerToken | None,
    values: PerToken | None,
    mask: Bool[np.ndarray, "rows time"],
    state: State,
) -> Credited:
    """Carry out a credit on a batch.

    Args:
        credit: of responses, or of tokens.
        rewards: of responses; NaN where unscorable.
        penalties: further token rewards, such as -β KL; a response's count with its reward.
        values: of the critic.
        mask: True at response tokens.
        state: of earlier batches.
    """
    if isinstance(credit, TokenCredit):
        scored = mask & ~np.isnan(rewards).reshape(-1, 1)
        earned = np.zeros(mask.shape) if penalties is None else penalties * mask
        last = mask & (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
        earned = earned + np.nan_to_num(rewards).reshape(-1, 1) * last
        expected = np.zeros(mask.shape) if values is None else values * mask
        weights, returns = credit.token_weights(earned, expected, scored)
        return Credited(weights, returns if credit.needs_critic else None, state)
    if penalties is not None:
        rewards = rewards + (penalties * mask).sum(axis=1).reshape(rewards.shape)
    weights, state = credit.weights(rewards, state)
    return Credited(weights.reshape(-1, 1), None, state)


@dataclass(frozen=True)
class RewardAsWeight:
    """Each response weighs its own reward: STaR's filter, and REINFORCE without a baseline."""

    needs_group: ClassVar[bool] = False

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        return np.nan_to_num(rewards), state


@dataclass(frozen=True)
class GroupMean:
    """Reward minus the mean of its group, the response itself included (arXiv 2503.20783)."""

    needs_group: ClassVar[bool] = True

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        return _centred(rewards), state


@dataclass(frozen=True)
class LeaveOneOut:
    """Reward minus the mean of the group's other members (RLOO, arXiv 2402.14740 eq. 8).

    Unlike `GroupMean`, a response's own reward is not in its baseline: the gradient is unbiased.
    """

    needs_group: ClassVar[bool] = True

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        members = (~np.isnan(rewards)).sum(axis=1, keepdims=True)
        return _centred(rewards) * members / np.maximum(members - 1, 1), state


@dataclass(frozen=True)
class RunningMean:
    """Reward minus an exponential mean of earlier batches' mean rewards.

    The first batch has no earlier one: its baseline is zero, which keeps the gradient unbiased
    (a baseline must not depend on the responses it is subtracted from).
    """

    decay: float = 0.9
    needs_group: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(0 <= self.decay < 1, "decay", self.decay, "a number in [0, 1)")

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        scored = rewards[~np.isnan(rewards)]
        mean = float(scored.mean()) if scored.size else 0.0
        baseline = state.get("baseline", 0.0)
        updated = self.decay * baseline + (1 - self.decay) * mean if state else mean
        return np.nan_to_num(rewards - baseline), {"baseline": updated}


@dataclass(frozen=True)
class GroupNormalised:
    """Reward minus the group's mean, over its standard deviation (GRPO, arXiv 2402.03300 §4.1.2).

    ddof 1 is torch's (and so most libraries') standard deviation; epsilon keeps all-equal groups
    at weight zero.
    """

    ddof: Ddof = 1
    epsilon: float = 1e-4
    needs_group: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_one_of("ddof", self.ddof, Ddof)
        require(self.epsilon > 0, "epsilon", self.epsilon, "a number above 0")

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        scored = ~np.isnan(rewards)
        centred = _centred(rewards)
        degrees = np.maximum(scored.sum(axis=1, keepdims=True) - self.ddof, 1)
        deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / degrees)
        return centred / (deviation + self.epsilon), state


@dataclass(frozen=True)
class BatchNormalised:
    """Reward minus its group's mean, then normalised over the whole batch (arXiv 2501.03262 §3).

    REINFORCE++ with a baseline: one scale for all groups, so a nearly solved prompt is not blown
    up as by `GroupNormalised`. Their mean over the batch is zero as it is.
    """

    ddof: Ddof = 0
    epsilon: float = 1e-8
    needs_group: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_one_of("ddof", self.ddof, Ddof)

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        centred, count = _centred(rewards), np.count_nonzero(~np.isnan(rewards))
        deviation = np.sqrt((centred**2).sum() / max(count - self.ddof, 1))
        return centred / (deviation + self.epsilon), state


@dataclass(frozen=True)
class GeneralisedAdvantage:
    """GAE (arXiv 1506.02438 eq. 16): Σ (γλ)^l δ_{t+l}, δ_t = r_t + γ V_{t+1} - V_t, V = 0 after.

    A response that was cut off ends like any other, as in all libraries of the field.
    """

    discount: float = 1.0
    decay: float = 0.95  # λ: 1 is the return minus the critic, 0 the one-step error
    normalise: bool = True  # to mean 0 and deviation 1 over all tokens of the batch
    ddof: Ddof = 0
    epsilon: float = 1e-8
    needs_critic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_one_of("ddof", self.ddof, Ddof)
        require(0 < self.discount <= 1, "discount", self.discount, "a number in (0, 1]")
        require(0 <= self.decay <= 1, "decay", self.decay, "a number in [0, 1]")

    def token_weights(
        self, rewards: PerToken, values: PerToken, mask: Bool[np.ndarray, "rows time"]
    ) -> tuple[PerToken, PerToken]:
        following = np.pad(values[:, 1:], ((0, 0), (0, 1)))
        errors = (rewards + self.discount * following - values) * mask
        advantages = accumulated(errors, self.discount * self.decay) * mask
        returns = advantages + values * mask
        if self.normalise:
            advantages = normalised(advantages, mask, self.ddof, self.epsilon)
        return advantages, returns


@dataclass(frozen=True)
class ReturnToGo:
    """Discounted sum of the rewards from a token on, over the batch normalised (REINFORCE++)."""

    discount: float = 1.0
    normalise: bool = True
    ddof: Ddof = 0
    epsilon: float = 1e-8
    needs_critic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_one_of("ddof", self.ddof, Ddof)
        require(0 < self.discount <= 1, "discount", self.discount, "a number in (0, 1]")

    def token_weights(
        self, rewards: PerToken, values: PerToken, mask: Bool[np.ndarray, "rows time"]
    ) -> tuple[PerToken, PerToken]:
        returns = accumulated(rewards * mask, self.discount) * mask
        if not self.normalise:
            return returns, returns
        return normalised(returns, mask, self.ddof, self.epsilon), returns


def accumulated(terms: PerToken, factor: float) -> PerToken:
    """Σ factor^l x_{t+l} over the tokens from t on."""
    sums = terms.astype(np.float64)
    for position in range(sums.shape[1] - 2, -1, -1):
        sums[:, position] += factor * sums[:, position + 1]
    return sums


def normalised(
    values: np.ndarray, counted: Bool[np.ndarray, "..."], ddof: Ddof, epsilon: float
) -> Float[np.ndarray, "..."]:
    """Values to mean 0 and deviation 1 over those that count; 0 elsewhere, and where all are equal.

    Rounding must not give equal values a weight: rows without any are not computed.
    """
    inside = values[counted]
    if len(inside) <= ddof or inside.min() == inside.max():
        return np.zeros(values.shape)
    deviation = inside.std(ddof=ddof)
    return np.where(counted, (values - inside.mean()) / (deviation + epsilon), 0.0)


def _centred(rewards: Rewards) -> Rewards:
    """Rewards minus their group's mean; 0 for members without one, and in groups of equal ones."""
    equal = np.fmin.reduce(rewards, axis=1) == np.fmax.reduce(rewards, axis=1)
    return np.where(equal[:, None], 0.0, np.nan_to_num(rewards - _group_mean(rewards)))


def _group_mean(rewards: Rewards) -> Float[np.ndarray, "prompts 1"]:
    """Mean over the scored members of each group; 0 for a group without any."""
    scored = ~np.isnan(rewards)
    total = np.nan_to_num(rewards).sum(axis=1, keepdims=True)
    return total / np.maximum(scored.sum(axis=1, keepdims=True), 1)
