"""Rewards: what a response earns. A reward is a weighted sum of named terms.

Beside the task's own verifier stand the terms that RL studies compose with it, and the controls
that every study needs: rewards that carry no information about correctness.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from hone.core.contracts import Problems, Reading, Responses, Task
from hone.core.errors import require
from hone.core.random import Stream
from hone.core.vocabulary import Grade, Reason

Scorer = Callable[[Problems, Responses], Float[np.ndarray, " rows"]]


@dataclass(frozen=True)
class Judged:
    """Responses and all that is known of them when they are rewarded; groups are contiguous.

    Attributes:
        task: that drew the problems.
        problems: one row a response.
        responses: `samples` to a prompt.
        reading: of the responses by the task.
        stream: for rewards that are drawn.
        scorers: learned rewards by the name of the stage's input that holds them.
    """

    task: Task
    problems: Problems
    responses: Responses
    reading: Reading
    stream: Stream
    scorers: Mapping[str, Scorer]


@runtime_checkable
class Term(Protocol):
    """One number a response; NaN where it cannot be scored."""

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]: ...

    def check(self, task: Task, group: int) -> None:
        """Refuse a task, or a number of responses a prompt, that the term does not fit."""
        ...


Reward = tuple[tuple[float, Term], ...]


def total(reward: Reward, judged: Judged) -> Float[np.ndarray, " rows"]:
    """The weighted sum; NaN where a term is, or where the verifier itself failed."""
    scores = sum(weight * term.score(judged) for weight, term in reward)
    failed = judged.reading.grades == Grade.UNSCORABLE
    return np.where(failed, np.nan, scores)


def verified(name: str) -> Reward:
    """The task's reward of that name, and nothing else."""
    return ((1.0, Verified(name)),)


class _AnyTask:
    def check(self, task: Task, group: int) -> None:
        """Every task and group will do."""


@dataclass(frozen=True)
class Verified:
    """A reward of the task's own: outcome or process, as its name says."""

    name: str

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        return judged.task.reward(
            self.name, judged.problems, judged.responses.tokens, judged.reading
        )

    def check(self, task: Task, group: int) -> None:
        require(self.name in task.rewards, "reward", self.name, f"{task.rewards}")


@dataclass(frozen=True)
class CorrectSteps(_AnyTask):
    """The share of a solution's steps that lead the response and are right (a step verifier)."""

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        return judged.reading.steps_correct / judged.reading.steps


@dataclass(frozen=True)
class WellFormed(_AnyTask):
    """1 where there is an answer to grade, right or wrong: a control that rewards format alone."""

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        bad = np.isin(judged.reading.reasons, [Reason.MALFORMED.value, Reason.TRUNCATED.value])
        return (~bad).astype(np.float64)


@dataclass(frozen=True)
class Length(_AnyTask):
    """Tokens of the response over `scale`; give it a negative weight to favour short answers."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        require(self.scale > 0, "length.scale", self.scale, "a number above 0")

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        return judged.responses.tokens.lengths / self.scale


@dataclass(frozen=True)
class Overlong(_AnyTask):
    """0 up to `limit` - `buffer` tokens, falling to -1 at `limit` (arXiv 2503.14476 eq. 13)."""

    limit: int
    buffer: int

    def __post_init__(self) -> None:
        require(
            0 < self.buffer <= self.limit, "overlong.buffer", self.buffer, "above 0, up to limit"
        )

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        beyond = judged.responses.tokens.lengths - (self.limit - self.buffer)
        return -np.clip(beyond / self.buffer, 0.0, 1.0)


@dataclass(frozen=True)
class Coin(_AnyTask):
    """1 with probability `share`, whatever the response: a control without information."""

    share: float = 0.5

    def __post_init__(self) -> None:
        require(0 < self.share < 1, "coin.share", self.share, "a number between 0 and 1")

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        rows = np.arange(len(judged.problems))
        return (judged.stream.child("coin").uniform(rows) < self.share).astype(np.float64)


@dataclass(frozen=True)
class Majority(_AnyTask):
    """1 for the most frequent answer of its group, right or wrong (arXiv 2504.16084).

    Ties go to the answer that comes first in the alphabet. No answer never wins.
    """

    def check(self, task: Task, group: int) -> None:
        require(group >= 2, "group", group, "2 or more with a majority of its answers as reward")

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        groups = judged.reading.answers.reshape(-1, judged.responses.samples)
        winners = np.array([_most_frequent(group.tolist()) for group in groups])
        return ((groups == winners[:, None]) & (groups != "")).astype(np.float64).ravel()


@dataclass(frozen=True)
class Learned(_AnyTask):
    """What a reward model says: the probability of being right, by the stage's input `model`."""

    model: str = "reward_model"

    def score(self, judged: Judged) -> Float[np.ndarray, " rows"]:
        return judged.scorers[self.model](judged.problems, judged.responses)


def _most_frequent(answers: list[str]) -> str:
    counts = Counter(answer for answer in answers if answer)
    return min(counts, key=lambda answer: (-counts[answer], answer), default="")
