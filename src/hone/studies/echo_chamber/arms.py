"""How an arm is made: what a model reads, the RL from it, and what is looked at around it."""

from collections.abc import Iterator
from dataclasses import dataclass

from hone.core.errors import require
from hone.models.config import DecoderConfig, mistral_style
from hone.objectives.algorithms import Algorithm, grpo
from hone.objectives.divergence import KL
from hone.objectives.rewards import Coin, Majority, Reward, WellFormed, verified
from hone.runs.plan import Factor, Node
from hone.tasks.word_problems import WordProblems
from hone.tasks.word_problems.corpus import BACKGROUND, Source, WordCorpus
from hone.tasks.word_problems.formats import FORMATS, PROGRAM, Program
from hone.tasks.word_problems.stories import Regime
from hone.tasks.word_problems.story import Format
from hone.training.configs import Evaluation, Optimizer, PostTrain, Pretrain, Respond, Score

DOCUMENTED = Program("documented", documented=True)


@dataclass(frozen=True)
class Mixture:
    """What a model reads: sources, by weight, and the formats that their words make up."""

    sources: tuple[Source, ...]
    formats: tuple[Format, ...] = FORMATS


WRONG = 0.3
"""Share of tagged documents in which one step is wrong. Without, tagged code is as accurate as a
program, as both let the interpreter calculate; between equals RL does not choose."""


def mixed(program: float, tagged: float, text: float, miscoded: str = "") -> Mixture:
    """Shares of the three formats, the rest background; programs get `miscoded` steps wrong."""
    shares = (
        Source("program", program, miscoded=miscoded),
        Source("tagged", tagged, wrong=WRONG),
        Source("text", text),
    )
    rest = 1 - program - tagged - text
    return Mixture((*shares, Source(BACKGROUND, rest)))


CROSSOVER, UNFAVOURABLE = (0.20, 0.45, 0.07), (0.07, 0.61, 0.04)
"""Shares of program, tagged and text."""


def towards_unfavourable(part: float) -> Mixture:
    """A mixture on the way from the crossover mixture (0) to the unfavourable one (1)."""
    program, tagged, text = (
        (1 - part) * near + part * far for near, far in zip(CROSSOVER, UNFAVOURABLE, strict=True)
    )
    return mixed(program, tagged, text)


MIXTURES: dict[str, Mixture] = {
    "balanced": mixed(0.28, 0.28, 0.28),
    "crossover": towards_unfavourable(0.0),
    "unfavourable": towards_unfavourable(1.0),
    "one program in three is wrong": mixed(0.33, 0.10, 0.33, miscoded="times"),
    "two styles": Mixture(
        (
            Source("program", 0.63, wrong=0.1),
            Source("documented", 0.27, wrong=0.1),
            Source(BACKGROUND, 0.1),
        ),
        (PROGRAM, DOCUMENTED),
    ),
    "unrewarded": Mixture((Source(BACKGROUND, 1.0),)),
}
"""By name; §13.3 of the reproduction's specification calls them M0, M1, M2, M5, M4 and M7."""

REWARDS: dict[str, Reward] = {
    "verifier": verified("outcome"),
    "majority": ((1.0, Majority()),),
    "format": ((1.0, WellFormed()),),
    "coin": ((1.0, Coin()),),
}


@dataclass(frozen=True)
class Scale:
    """A model's size, and the learning rates that suit it."""

    width: int
    layers: int
    pretrain_lr: float
    lr: float


SCALES = {
    "0.1M": Scale(64, 2, 4e-3, 3e-4),
    "0.6M": Scale(128, 3, 1.5e-3, 1e-4),
    "2M": Scale(192, 4, 1e-3, 7e-5),
}


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (1, 2, 3)  # of pretraining
    repeats: int = 1  # runs of RL from every pretrained model
    scale: str = "0.1M"
    numbers: Regime = "small"
    low: int = 1  # steps of a problem
    high: int = 3
    distractors: int = 2
    steps: int = 1200  # of pretraining
    batch: int = 64  # documents a step
    rounds: int = 100  # of RL
    prompts: int = 32
    group: int = 8
    updates: int = 4  # a round
    problems: int = 256  # of evaluation
    samples: int = 32  # to each of them, before and after RL
    looks: int = 20  # evaluations during RL

    def __post_init__(self) -> None:
        for name in ("repeats", "steps", "batch", "rounds", "prompts", "updates", "problems",
                     "samples", "looks"):  # fmt: skip
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.group >= 2, "group", self.group, "2 or more")
        require(self.scale in SCALES, "scale", self.scale, " or ".join(SCALES))

    @property
    def minibatch(self) -> int:
        """Responses of one update."""
        return max(1, self.prompts * self.group // self.updates)

    def task(self, formats: tuple[Format, ...] = FORMATS) -> WordProblems:
        return WordProblems(self.low, self.high, self.distractors, self.numbers, formats=formats)

    def decoder(self, corpus: WordCorpus) -> DecoderConfig:
        size = SCALES[self.scale]
        vocab = len(corpus.alphabet)
        return mistral_style(vocab, size.width, size.layers, corpus.max_tokens, head_dim=32)


def pretrain(settings: Settings, seed: int, arm: str, mixture: Mixture, **factors: Factor) -> Node:
    """A model that has read a mixture of documents, and nothing else."""
    task = settings.task(mixture.formats)
    corpus = WordCorpus(task, mixture.sources)
    config = Pretrain(
        corpus=corpus,
        task=task,
        steps=settings.steps,
        batch=settings.batch,
        optimizer=Optimizer(
            SCALES[settings.scale].pretrain_lr,
            warmup=min(50, settings.steps),
            decay="cosine",
            weight_decay=0.1,
        ),
        evaluation=Evaluation(settings.problems, settings.steps, 4),
        model=settings.decoder(corpus),
    )
    return Node(arm, "pretrain", config, seed, {}, {"mixture": arm, "base": seed, **factors})


def post_train(
    settings: Settings,
    base: Node,
    arm: str,
    repeat: int = 1,
    *,
    algorithm: Algorithm | None = None,
    kl: float = 0.0,
    reward: str = "verifier",
    lr: float | None = None,
    **factors: Factor,
) -> Node:
    """RL from a pretrained model on problems that it has not read."""
    assert isinstance(base.config, Pretrain)
    config = PostTrain(
        task=base.config.task,
        algorithm=algorithm or grpo(minibatch=settings.minibatch, kl=KL(kl) if kl else None),
        reward=REWARDS[reward],
        rounds=settings.rounds,
        prompts=settings.prompts,
        group=settings.group,
        optimizer=Optimizer(lr or SCALES[settings.scale].lr, warmup=5),
        evaluation=Evaluation(
            settings.problems // 2, max(1, settings.rounds // settings.looks), samples=4
        ),
    )
    labels = {**base.factors, "repeat": repeat, "kl": kl, "reward": reward, **factors}
    return Node(arm, "rl", config, base.seed + 100 * (repeat - 1), {"policy": base}, labels)


def looked_at(settings: Settings, policy: Node, arm: str, when: str, seed: int,
              factors: dict[str, Factor], forced: bool) -> Iterator[Node]:  # fmt: skip
    """Responses to the problems that all arms are asked: free, and forced into each format."""
    assert isinstance(policy.config, Pretrain | PostTrain)
    task = policy.config.task
    for strategy in (None, *(task.strategies if forced else ())):
        samples = settings.samples if strategy is None else max(4, settings.samples // 4)
        config = Respond(task, settings.problems, samples, forced=strategy)
        stage = when if strategy is None else f"{when} {strategy}"
        yield Node(arm, stage, config, seed, {"policy": policy}, factors)


def with_rl(settings: Settings, base: Node, rl: Node, forced: bool = True) -> Iterator[Node]:
    """An RL stage with what is measured before and after it."""
    yield from (base, rl)
    labels = dict(rl.factors)
    yield from looked_at(settings, base, rl.arm, "before", base.seed, labels, forced)
    yield from looked_at(settings, rl, rl.arm, "after", rl.seed, labels, forced)
    assert isinstance(rl.config, PostTrain)
    drift = Score(rl.config.task, settings.rounds)
    yield Node(rl.arm, "drift", drift, rl.seed, {"policy": base, "rollouts": rl}, labels)
