"""Configs of the stages that train linear autoregressive models."""

from dataclasses import dataclass
from typing import ClassVar

from hone.core.errors import require
from hone.core.stage import StageConfig
from hone.objectives.algorithms import star
from hone.objectives.rewards import verified
from hone.tasks.parity import Parity
from hone.training.configs import Evaluation, Optimizer, PostTrain
from hone.training.linear_data import MOST_BITS


@dataclass(frozen=True)
class LinearSGD:
    """SGD with averaging: from zero, step size 1/(λt), the mean of the iterates.

    Attributes:
        steps: T; of y_2 … y_d, those that have a long row count.
        batch: rows a step; 1 is the paper's.
        first: λ of y_1.
        stop: λ of the end.
        chain: λ of each of y_2 … y_d.
    """

    steps: int
    batch: int
    first: float
    stop: float
    chain: float

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("first", "stop", "chain"):
            require(getattr(self, name) > 0, f"λ of {name}", getattr(self, name), "above 0")


def _require_linear(task: Parity, p_cot: float) -> None:
    require(3 <= task.d <= MOST_BITS, "d", task.d, f"a whole number from 3 to {MOST_BITS}")
    require(task.leap == 1, "leap", task.leap, "1: a linear model writes every prefix product")
    require(0 <= p_cot <= 1, "p_cot", p_cot, "a number in [0, 1]")


@dataclass(frozen=True)
class LinearFit(StageConfig):
    """Next-token prediction on the mixture D(p_cot), from zero."""

    task: Parity
    p_cot: float
    sgd: LinearSGD
    evaluation: Evaluation

    implementation: ClassVar[str] = "hone.training.linear:fit"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _require_linear(self.task, self.p_cot)

    @property
    def tokens(self) -> int:
        return self.sgd.steps * self.sgd.batch


@dataclass(frozen=True)
class LinearStar(StageConfig):
    """STaR on a linear model (Algorithm 1): a round fits a new one, from zero, to what it kept.

    A round draws `samples` responses to as many fresh prompts; SGD takes its batches from those
    that were rewarded, with replacement.
    """

    task: Parity
    reward: str
    rounds: int
    samples: int
    sgd: LinearSGD
    evaluation: Evaluation

    implementation: ClassVar[str] = "hone.training.linear:self_taught"
    version: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy",)

    @property
    def tokens(self) -> int:
        return self.rounds * (self.sgd.steps * self.sgd.batch + self.samples * self.task.max_tokens)

    @property
    def loop(self) -> PostTrain:
        """The post-training loop that it is; the first step of its SGD is as long as 1/λ."""
        return PostTrain(
            task=self.task,
            algorithm=star(start="initial"),
            reward=verified(self.reward),
            rounds=self.rounds,
            prompts=self.samples,
            group=1,
            optimizer=Optimizer(1 / self.sgd.stop),
            evaluation=self.evaluation,
        )


@dataclass(frozen=True)
class LinearRates(StageConfig):
    """Replicas of a fit, each on data of its own, and their probabilities as their steps double."""

    task: Parity
    p_cot: float
    sgd: LinearSGD
    replicas: int
    looks: int  # at the last step, at half of it, at a quarter, …

    implementation: ClassVar[str] = "hone.training.linear_rates:measure"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _require_linear(self.task, self.p_cot)
        for name in ("replicas", "looks"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        most = self.sgd.steps.bit_length()
        require(self.looks <= most, "looks", self.looks, f"at most {most}: steps are halved")

    @property
    def tokens(self) -> int:
        return self.sgd.steps * self.sgd.batch * self.replicas
