"""Credit: from the rewards of a batch of groups to the weight of each response.

Rewards have shape (prompts, group); NaN marks a response that could not be scored. It gets weight
zero and takes no part in any mean.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from hone.core.errors import require

Rewards = Float[np.ndarray, "prompts group"]
State = dict[str, float]


@runtime_checkable
class Credit(Protocol):
    """Rewards to weights. `state` is what must survive from batch to batch (and checkpoints)."""

    @property
    def needs_group(self) -> bool:
        """Whether one response a prompt would always give weight zero."""
        ...

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]: ...


@dataclass(frozen=True)
class RewardAsWeight:
    """Each response weighs its own reward: STaR's filter, and REINFORCE without a baseline."""

    needs_group: bool = False

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        return np.nan_to_num(rewards), state


@dataclass(frozen=True)
class GroupMean:
    """Reward minus the mean of its group (the response itself included)."""

    needs_group: bool = True

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        return np.nan_to_num(rewards - _group_mean(rewards)), state


@dataclass(frozen=True)
class RunningMean:
    """Reward minus an exponential mean of earlier batches' mean rewards.

    The first batch has no earlier one: its baseline is zero, which keeps the gradient unbiased
    (a baseline must not depend on the responses it is subtracted from).
    """

    decay: float = 0.9
    needs_group: bool = False

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

    ddof: Literal[0, 1] = 1
    epsilon: float = 1e-4
    needs_group: bool = True

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        scored = ~np.isnan(rewards)
        centred = np.nan_to_num(rewards - _group_mean(rewards))
        degrees = np.maximum(scored.sum(axis=1, keepdims=True) - self.ddof, 1)
        deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / degrees)
        return centred / (deviation + self.epsilon), state


def _group_mean(rewards: Rewards) -> Float[np.ndarray, "prompts 1"]:
    """Mean over the scored members of each group; 0 for a group without any."""
    scored = ~np.isnan(rewards)
    total = np.nan_to_num(rewards).sum(axis=1, keepdims=True)
    return total / np.maximum(scored.sum(axis=1, keepdims=True), 1)
