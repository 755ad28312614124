"""How an arm is made: what a model reads, the RL from it, and what is looked at around it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from hone.core.contracts import Corpus, Task
from hone.core.errors import require
from hone.models.config import DecoderConfig, mistral_style, olmo_style
from hone.objectives.algorithms import Algorithm, Critic, grpo, ppo, rloo
from hone.objectives.divergence import KL
from hone.objectives.rewards import Coin, Majority, Reward, WellFormed, verified
from hone.runs.plan import Factor, Node
from hone.studies.echo_chamber.mixtures import MISREAD, MIXTURES, Mixture
from hone.tasks.word_problems import WordProblems
from hone.tasks.word_problems.corpus import WordCorpus
from hone.tasks.word_problems.formats import FORMATS
from hone.tasks.word_problems.stories import Regime
from hone.tasks.word_problems.story import Format
from hone.training.configs import (
    Device,
    Dtype,
    Evaluation,
    Numerics,
    Optimizer,
    PostTrain,
    Pretrain,
    Respond,
    Score,
)

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
    heads: int | None = None  # of the paper's own architecture; none: a Mistral, heads 32 wide
    tie: bool = False  # embeddings, in the paper's own architecture

    def decoder(self, vocab: int, context: int) -> DecoderConfig:
        if self.heads:
            own = olmo_style(vocab, self.width, self.layers, self.heads, context)
            return replace(own, tie=self.tie)
        return mistral_style(vocab, self.width, self.layers, context, head_dim=32)


SCALES = {
    "0.1M": Scale(64, 2, 4e-3, 3e-4),
    "0.3M": Scale(96, 3, 2.5e-3, 1.5e-4),
    "1M": Scale(160, 3, 1.5e-3, 1e-4),
    "4M": Scale(256, 5, 1e-3, 5e-5),
    "20M": Scale(512, 6, 6e-4, 3e-5),
}
PAPER_SCALES = {
    "150M": Scale(768, 12, 1e-3, 1e-6, 12),
    "1B": Scale(2048, 16, 1e-3, 1e-6, 16, tie=True),
}
"""§4 of the reproduction's specification."""


def millions(scale: str) -> float:
    """Parameters that a scale stands for, as factors have them: in the order of size."""
    return float(scale[:-1]) * {"M": 1, "B": 1000}[scale[-1]]


GENTLY = 1 / 3  # of RL's learning rate: collapses later, ends higher, and forgets less
PENALTIES = (0.2, 0.3, 0.5)  # under which the optimum is looked for
MODERATE = PENALTIES[1]
SLOW = 0.1  # of RL's learning rate, at which it is looked for
RESTRAINED = 0.1  # KL coefficient of runs whose formats are not all to be given up
GREEDY = "greedy"
"""Stages of responses are called [problems] [greedy] before|after [format that is forced]."""
Harder = Literal["numbers", "steps"]
"""What makes problems harder than those of RL: larger numbers, or longer chains."""


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (4, 5, 6)  # of pretraining; what is below was found on 0 to 3
    repeats: int = 1  # runs of RL from a pretrained model, where winners are counted
    scale: str = "0.1M"
    scales: tuple[str, ...] = ("0.1M", "0.3M", "1M")  # that are compared
    kls: tuple[float, ...] = (0.0, 0.01, 0.1, 0.5)  # KL coefficients that are compared
    parts: tuple[float, ...] = (0.0, 0.7, 0.85, 1.0)  # of the way to unfavourable shares
    mixtures: tuple[str, ...] = (MISREAD, "balanced")  # that sizes are compared on
    harder: tuple[Harder, ...] = ("numbers", "steps")  # what hard problems have, each by itself
    numbers: Regime = "small"
    low: int = 1  # steps of a problem
    high: int = 2
    distractors: int = 0
    steps: int = 1000  # of pretraining; on real corpora, at most one time through
    batch: int = 64  # documents a step
    rounds: int = 60  # of RL
    prompts: int = 64
    group: int = 8
    updates: int = 8  # a round
    problems: int = 512  # of evaluation
    samples: int = 16  # to each of them, before and after RL
    looks: int = 12  # evaluations during RL
    warmup: int = 50  # steps of pretraining
    rl_warmup: int = 5  # updates of RL
    betas: tuple[float, float] = (0.9, 0.99)  # of AdamW
    temperature: float = 1.0  # of responses
    top_p: float = 1.0  # of those before and after RL
    tokenizer: str | None = None  # folder of the model whose tokens real corpora are read in
    data: str | None = None  # folder of real corpora and problems
    model: str | None = None  # folder of a released language model
    device: Device = "cpu"
    dtype: Dtype = "float32"

    def __post_init__(self) -> None:
        for name in ("repeats", "steps", "batch", "rounds", "prompts", "updates", "problems",
                     "samples", "looks"):  # fmt: skip
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.group >= 2, "group", self.group, "2 or more")
        require(self.warmup >= 0, "warmup", self.warmup, "0 or more steps")
        require(self.rl_warmup >= 0, "rl_warmup", self.rl_warmup, "0 or more updates")
        require(self.temperature > 0, "temperature", self.temperature, "a number above 0")
        for name in self.mixtures:
            require(name in MIXTURES, "mixtures", name, " or ".join(MIXTURES))
        for part in self.parts:
            require(0 <= part <= 1, "parts", part, "numbers from 0 to 1")
        known = SCALES | PAPER_SCALES
        for scale in (self.scale, *self.scales):
            require(scale in known, "scale", scale, " or ".join(known))

    @property
    def minibatch(self) -> int:
        """Responses of one update."""
        return max(1, self.prompts * self.group // self.updates)

    def task(self, formats: tuple[Format, ...] = FORMATS) -> WordProblems:
        return WordProblems(self.low, self.high, self.distractors, self.numbers, formats=formats)

    def harder_by(self, by: Harder) -> WordProblems:
        """Problems that RL never asks."""
        if by == "numbers":
            return replace(self.task(), numbers="large")
        return replace(self.task(), low=self.high + 1, high=self.high + 1)

    @property
    def size(self) -> Scale:
        return (SCALES | PAPER_SCALES)[self.scale]

    @property
    def numerics(self) -> Numerics:
        return Numerics(self.dtype, self.device)


def pretrain(
    settings: Settings,
    seed: int,
    arm: str,
    reads: Mixture,
    hard: WordProblems | None = None,
    **factors: Factor,
) -> Node:
    """A model that has read a mixture of documents, some about hard problems, and nothing else."""
    task = settings.task(reads.formats)
    corpus = WordCorpus(task, reads.sources, hard)
    return read(settings, seed, arm, corpus, task, **factors)


def read(
    settings: Settings, seed: int, arm: str, corpus: Corpus, task: Task, **factors: Factor
) -> Node:
    """A model that has read a corpus."""
    config = Pretrain(
        corpus=corpus,
        task=task,
        steps=settings.steps,
        batch=settings.batch,
        optimizer=Optimizer(
            settings.size.pretrain_lr,
            warmup=min(settings.warmup, settings.steps),
            decay="cosine",
            betas=settings.betas,
            weight_decay=0.1,
        ),
        evaluation=Evaluation(settings.problems, settings.steps, 4),
        model=settings.size.decoder(len(corpus.alphabet), corpus.max_tokens),
        numerics=settings.numerics,
    )
    return Node(arm, "pretrain", config, seed, {}, {"mixture": arm, "base": seed, **factors})


def post_train(
    settings: Settings,
    base: Node,
    arm: str,
    repeat: int = 1,
    *,
    task: Task | None = None,
    algorithm: Algorithm | None = None,
    kl: float = 0.0,
    reward: str = "verifier",
    lr: float | None = None,
    **factors: Factor,
) -> Node:
    """RL from a pretrained model on problems that it has not read: of its own task or another."""
    if task is None:
        assert isinstance(base.config, Pretrain)
        task = base.config.task
    config = PostTrain(
        task=task,
        algorithm=algorithm or grpo(minibatch=settings.minibatch, kl=KL(kl) if kl else None),
        reward=REWARDS[reward],
        rounds=settings.rounds,
        prompts=settings.prompts,
        group=settings.group,
        optimizer=Optimizer(
            lr or settings.size.lr, warmup=settings.rl_warmup, betas=settings.betas
        ),
        evaluation=Evaluation(
            settings.problems // 2, max(1, settings.rounds // settings.looks), samples=2
        ),
        temperature=settings.temperature,
        numerics=settings.numerics,
    )
    labels = {**base.factors, "repeat": repeat, "kl": kl, "reward": reward, **factors}
    return Node(arm, "rl", config, base.seed + 100 * (repeat - 1), {"policy": base}, labels)


def penalised(settings: Settings, kl: float) -> Algorithm:
    """RLOO with any penalty in the reward: its gradient is that of expected reward minus β KL."""
    penalty = KL(kl, "k1", "reward") if kl else None
    return rloo(minibatch=settings.minibatch, kl=penalty)


def policy_gradients(settings: Settings, kl: float) -> dict[str, Algorithm]:
    """PPO and GRPO, each with a penalty and without, and GRPO as the paper's code has it (§5).

    The critic's learning rate is seven times the policy's, as in the paper.
    """
    batch, critic = settings.minibatch, Critic(lr=7.0)
    return {
        "PPO": ppo(minibatch=batch, kl=KL(kl, "k1", "reward"), critic=critic),
        "PPO, no KL": ppo(minibatch=batch, critic=critic),
        "GRPO": grpo(minibatch=batch),
        "GRPO, KL": grpo(minibatch=batch, kl=KL(kl)),
        "GRPO as released": grpo("token_mean_of_8", minibatch=batch),
    }


def asked(settings: Settings, task: Task, samples: int, forced: str | None = None) -> Respond:
    """Responses to as many problems as the settings say."""
    return Respond(task, settings.problems, samples, settings.temperature, settings.top_p,
                   forced=forced, numerics=settings.numerics)  # fmt: skip


def asked_greedily(settings: Settings, task: Task) -> Respond:
    """Greedy responses: what the paper calls pass@1."""
    return replace(asked(settings, task, 1), temperature=0.0, top_p=1.0)


def looked_at(settings: Settings, policy: Node, task: Task, arm: str, when: str,
              factors: dict[str, Factor], forced: bool) -> Iterator[Node]:  # fmt: skip
    """Responses to the problems that all arms are asked: free, greedy, forced into each format."""
    greedy = asked_greedily(settings, task)
    yield Node(arm, f"{GREEDY} {when}", greedy, policy.seed, {"policy": policy}, factors)
    for strategy in (None, *(task.strategies if forced else ())):
        samples = settings.samples if strategy is None else max(4, settings.samples // 4)
        config = asked(settings, task, samples, strategy)
        stage = when if strategy is None else f"{when} {strategy}"
        yield Node(arm, stage, config, policy.seed, {"policy": policy}, factors)


def asked_elsewhere(
    settings: Settings, base: Node, rl: Node, tasks: Mapping[str, Task]
) -> Iterator[Node]:
    """Problems of other kinds, by name, before RL and after it."""
    for name, task in tasks.items():
        for how, config in (
            (name, asked(settings, task, settings.samples)),
            (f"{name} {GREEDY}", asked_greedily(settings, task)),
        ):
            for when, policy in (("before", base), ("after", rl)):
                inputs = {"policy": policy}
                yield Node(rl.arm, f"{how} {when}", config, policy.seed, inputs, rl.factors)


def with_rl(
    settings: Settings, base: Node, rl: Node, forced: Collection[str] = ("before", "after")
) -> Iterator[Node]:
    """An RL stage with what is measured before and after it; when in each format by force."""
    yield from (base, rl)
    assert isinstance(rl.config, PostTrain)
    task, labels = rl.config.task, dict(rl.factors)
    for when, policy in (("before", base), ("after", rl)):
        yield from looked_at(settings, policy, task, rl.arm, when, labels, forced=when in forced)
    drift = Score(task, settings.rounds, settings.numerics)
    yield Node(rl.arm, "drift", drift, rl.seed, {"policy": base, "rollouts": rl}, labels)
