"""Mixtures of worked and answer-only solutions: what a model learns of one, and RL from there.

What the studies of arXiv 2510.11495 have in common. A task has two strategies: its first writes a
solution out, its second gives the answer alone. Data show the first with probability p_cot, and
nothing in a prompt says which is wanted.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Literal

import numpy as np

from hone.core.contracts import Task
from hone.core.errors import require, require_one_of
from hone.core.random import Stream
from hone.models.config import DecoderConfig, LoRA, gpt2_style, mistral_style
from hone.objectives.algorithms import Algorithm
from hone.objectives.rewards import verified
from hone.runs.plan import Factor, Node
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain, Supervise

Architecture = Literal["mistral", "gpt2"]
_COUNTS = ("steps", "batch", "rounds", "prompts", "group", "star_rounds", "star_samples",
           "problems", "samples", "looks")  # fmt: skip


@dataclass(frozen=True)
class MixtureSettings(ABC):
    """What every study of such mixtures fixes; it adds its task, its model and its factors."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    p_cot: float = 0.25  # of every experiment that does not vary it
    sweep: tuple[float, ...] = (0.1, 0.25, 0.4, 0.45, 0.55, 0.6)  # p_cot that are compared
    temperatures: tuple[float, ...] = (0.75, 1.0, 1.5)  # of RL's responses where they vary
    steps: int = 1200  # of next-token prediction before RL
    batch: int = 128
    lr: float = 2e-3
    rounds: int = 20  # of RL
    prompts: int = 128
    group: int = 8
    rl_lr: float = 4e-4
    star_rounds: int = 10
    star_samples: int = 2048
    problems: int = 512  # of evaluation
    samples: int = 4  # to each of them at temperature 1
    looks: int = 8  # evaluations of a supervised stage after its first
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False

    def __post_init__(self) -> None:
        require(0 <= self.p_cot <= 1, "p_cot", self.p_cot, "a number in [0, 1]")
        for p_cot in self.sweep:
            require(0 <= p_cot <= 1, "sweep", p_cot, "numbers in [0, 1]")
        for temperature in self.temperatures:
            require(temperature > 0, "temperatures", temperature, "above 0; 0 only evaluates")
        for name in ("sweep", "temperatures"):
            require(bool(getattr(self, name)), name, getattr(self, name), "one value or more")
        self.require_distinct("sweep", "temperatures")
        self.require_counts(*_COUNTS)
        for name in ("lr", "rl_lr"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")

    def require_counts(self, *names: str) -> None:
        """Refuse fields below 1."""
        for name in names:
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")

    def require_distinct(self, *names: str) -> None:
        """Refuse fields that hold a value twice."""
        for name in names:
            values = getattr(self, name)
            require(len(set(values)) == len(values), name, values, "no value twice")

    @property
    @abstractmethod
    def task(self) -> Task:
        """With two strategies: worked, and the answer alone."""

    @abstractmethod
    def decoder(self) -> DecoderConfig | None:
        """The decoder to be trained from scratch; None where `adopted` has one."""

    def adopted(self, seed: int) -> Mapping[str, Node]:
        """What training begins from, as a stage's inputs: nothing, unless a study says more."""
        return {}

    @property
    def adapters(self) -> LoRA | None:
        """What is trained instead of the weights; None: the weights."""
        return None

    @property
    def numerics(self) -> Numerics:
        return Numerics(self.dtype, self.device, compile=self.compile)

    @property
    def drawn(self) -> int:
        """Responses that a policy gradient draws in all its rounds."""
        return self.rounds * self.prompts * self.group

    def evaluation(self, every: int) -> Evaluation:
        return Evaluation(self.problems, every, self.samples)

    def pretrain_steps(self, p_cot: float) -> int:
        return self.steps

    def pretrain_batch(self, p_cot: float) -> int:
        return self.batch


def two_numbers(key: str, text: str, example: str) -> tuple[int, int]:
    """Those of a text such as `3x96`.

    Raises:
        UsageError: naming the key, where they are not two whole numbers from 1.
    """
    require(re.fullmatch("[1-9][0-9]*x[1-9][0-9]*", text) is not None, key, text,
            f"two whole numbers from 1, such as {example}")  # fmt: skip
    one, other = map(int, text.split("x"))
    return one, other


def shaped_for(task: Task, architecture: Architecture, layers: int, width: int) -> DecoderConfig:
    """A decoder with room for a task, in the style of the paper's two families; heads from 16."""
    require(layers >= 1, "layers", layers, "1 or more")
    require(width % 16 == 0 < width, "width", width, "a multiple of 16")
    require_one_of("architecture", architecture, Architecture)
    vocab, context = len(task.alphabet), task.prompt_tokens + task.max_tokens
    head = max(16, width // 8)
    if architecture == "gpt2":
        return gpt2_style(vocab, width, layers, width // head, context)
    return mistral_style(vocab, width, layers, context, head_dim=head)


def mixture(task: Task, p_cot: float) -> tuple[tuple[str, float], ...]:
    """The mixture D(p_cot): worked with probability p_cot, else the answer alone (§2).

    Raises:
        UsageError: p_cot outside [0, 1].
    """
    require(0 <= p_cot <= 1, "p_cot", p_cot, "a number in [0, 1]")
    worked, answer = task.strategies
    return ((worked, p_cot), (answer, 1 - p_cot))


def pretrain(
    settings: MixtureSettings, arm: str, seed: int, p_cot: float, **factors: Factor
) -> Node:
    """Next-token prediction on D(p_cot), the learning rate decayed to zero."""
    steps, batch = settings.pretrain_steps(p_cot), settings.pretrain_batch(p_cot)
    config = _prediction(settings, p_cot, steps, batch, settings.decoder())
    inputs = settings.adopted(seed)
    return Node(arm, "pretrain", config, seed, inputs, {"p_cot": p_cot, **factors})


def more_prediction(
    settings: MixtureSettings, seed: int, arm: str, steps: int, **factors: Factor
) -> Iterator[Node]:
    """A pretrained model, and more of the same instead of RL."""
    base = pretrain(settings, arm, seed, settings.p_cot, experiment="matched", **factors)
    yield base
    config = _prediction(settings, settings.p_cot, steps, settings.batch)
    yield Node(arm, "more_ntp", config, seed, {"policy": base}, base.factors)


def post_train(
    settings: MixtureSettings,
    base: Node,
    arm: str,
    algorithm: Algorithm,
    reward: str | None = None,
    temperature: float = 1.0,
    **factors: Factor,
) -> Node:
    """RL on a pretrained decoder: policy gradients on groups, STaR on single samples.

    Args:
        reward: one of the task's; by default its first, which asks for the right answer alone.
    """
    task, is_star = settings.task, algorithm.name == "star"
    reward = reward or task.rewards[0]
    config = PostTrain(
        task=task,
        algorithm=algorithm,
        reward=verified(reward),
        rounds=settings.star_rounds if is_star else settings.rounds,
        prompts=settings.star_samples if is_star else settings.prompts,
        group=1 if is_star else settings.group,
        optimizer=Optimizer(settings.rl_lr),
        evaluation=settings.evaluation(every=1),
        temperature=temperature,
        numerics=settings.numerics,
        lora=settings.adapters,
    )
    labels = {**base.factors, "algorithm": algorithm.name, **factors}
    labels |= {"reward": reward, "temperature": temperature}
    return Node(arm, "rl", config, base.seed, {"policy": base}, labels)


def steps_of_equal_samples(settings: MixtureSettings, times: int = 1) -> int:
    """Steps of next-token prediction on as many sequences as a policy gradient draws, or more."""
    return max(1, times * settings.drawn // settings.batch)


def steps_of_equal_compute(settings: MixtureSettings) -> int:
    """Steps of next-token prediction that cost what RL costs at most.

    A token that is trained on counts three times one that is sampled (a forward pass, and a
    backward pass of two). RL samples a response and trains on it, and computes a prompt once a
    group; its responses are taken to be as long as they may be, which is in prediction's favour.
    """
    task = settings.task
    group = task.prompt_tokens + settings.group * task.max_tokens
    rl = (1 + 3) * settings.rounds * settings.prompts * group
    weights = mixture(task, settings.p_cot)
    written = sum(weight * _mean_tokens(task, name) for name, weight in weights)
    return ceil(rl / (3 * settings.batch * (task.prompt_tokens + written)))


@lru_cache
def _mean_tokens(task: Task, strategy: str) -> float:
    """Of demonstrations in a strategy."""
    problems = task.draw("train", 256, Stream.root(0).child("lengths"))
    return float(np.mean(task.demonstrate(problems, strategy).lengths))


def _prediction(
    settings: MixtureSettings,
    p_cot: float,
    steps: int,
    batch: int,
    model: DecoderConfig | None = None,
) -> Supervise:
    return Supervise(
        task=settings.task,
        mixture=mixture(settings.task, p_cot),
        steps=steps,
        batch=batch,
        optimizer=Optimizer(settings.lr, warmup=min(50, steps), decay="linear"),
        evaluation=settings.evaluation(every=max(1, steps // settings.looks)),
        model=model,
        numerics=settings.numerics,
        lora=settings.adapters,
    )
