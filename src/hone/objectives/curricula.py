"""Curricula: which level of difficulty the prompts of a round are drawn from.

Levels are numbered from 0; a curriculum says what share of a round's prompts each gets, and is
told how often the policy succeeded at each. Its state is part of the checkpoint.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from hone.core.errors import require

State = dict[str, float]


@runtime_checkable
class Curriculum(Protocol):
    """Shares of levels by round, and by what was learned so far."""

    def check(self, levels: int) -> None:
        """Refuse a number of levels that the curriculum was not made for."""
        ...

    def shares(self, round: int, levels: int, state: State) -> Float[np.ndarray, " levels"]: ...

    def observe(self, success: Mapping[int, float], levels: int, state: State) -> State:
        """The state after a round in which the levels drawn had these success rates.

        A level none of whose responses could be graded has NaN.
        """
        ...


class _Stateless:
    def observe(self, success: Mapping[int, float], levels: int, state: State) -> State:
        return state


@dataclass(frozen=True)
class Fixed(_Stateless):
    """The same shares in every round."""

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        sound = all(weight >= 0 for weight in self.weights) and sum(self.weights) > 0
        require(sound, "curriculum.weights", self.weights, "numbers from 0, not all 0")

    def check(self, levels: int) -> None:
        require(len(self.weights) == levels, "curriculum.weights", self.weights,
                f"{levels} numbers, one a level")  # fmt: skip

    def shares(self, round: int, levels: int, state: State) -> Float[np.ndarray, " levels"]:
        return np.array(self.weights) / sum(self.weights)


@dataclass(frozen=True)
class Staged(_Stateless):
    """One level at a time; level i from round `starts[i]` on."""

    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.starts, self.starts[1:], strict=False))
        require(rising and self.starts[:1] == (1,), "curriculum.starts", self.starts,
                "rising rounds, the first of them 1")  # fmt: skip

    def check(self, levels: int) -> None:
        require(len(self.starts) == levels, "curriculum.starts", self.starts,
                f"{levels} rounds, one a level")  # fmt: skip

    def shares(self, round: int, levels: int, state: State) -> Float[np.ndarray, " levels"]:
        level = int(np.searchsorted(self.starts, round, side="right")) - 1
        return np.eye(levels)[level]


@dataclass(frozen=True)
class Adaptive:
    """Levels weighted by p(1 - p), p their running success rate: what is solved sometimes teaches.

    Every level keeps a share of `floor` / levels, so that its rate stays known. A level not yet
    seen counts as half solved.
    """

    decay: float = 0.7
    floor: float = 0.1

    def __post_init__(self) -> None:
        require(0 <= self.decay < 1, "curriculum.decay", self.decay, "a number in [0, 1)")
        require(0 < self.floor <= 1, "curriculum.floor", self.floor, "above 0 and at most 1")

    def check(self, levels: int) -> None:
        require(levels >= 2, "levels", levels, "2 or more with an adaptive curriculum")

    def shares(self, round: int, levels: int, state: State) -> Float[np.ndarray, " levels"]:
        rates = np.array([state.get(str(level), 0.5) for level in range(levels)])
        signal = rates * (1 - rates)
        even = np.full(levels, 1 / levels)
        wanted = signal / signal.sum() if signal.sum() > 0 else even
        return (1 - self.floor) * wanted + self.floor * even

    def observe(self, success: Mapping[int, float], levels: int, state: State) -> State:
        known = dict(state)
        for level, rate in success.items():
            if math.isnan(rate):
                continue
            before = known.get(str(level), rate)
            known[str(level)] = self.decay * before + (1 - self.decay) * rate
        return known


def counts(shares: Float[np.ndarray, " levels"], total: int) -> list[int]:
    """Whole numbers that sum to `total` and are nearest to the shares (largest remainders)."""
    exact = shares * total
    whole = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole.tolist()
