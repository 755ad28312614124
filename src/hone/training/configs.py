"""Configs of the training and evaluation stages. No torch here: plans are made without it."""

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hone.core.contracts import Corpus, Split, Task, Weighs
from hone.core.errors import require, require_one_of, unknown
from hone.core.stage import LATER, StageConfig
from hone.models.config import DecoderConfig, LoRA
from hone.objectives.algorithms import Algorithm
from hone.objectives.curricula import Curriculum
from hone.objectives.rewards import Learned, Reward

Decay = Literal["constant", "linear", "cosine"]
Dtype = Literal["float32", "bfloat16"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Optimizer:
    """AdamW with gradient-norm clipping, linear warm-up and a named decay of the learning rate."""

    lr: float
    warmup: int = 0  # steps
    decay: Decay = "constant"
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    clip: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.lr < math.inf, "lr", self.lr, "a finite number above 0")
        require_one_of("decay", self.decay, Decay)
        require(self.warmup >= 0, "warmup", self.warmup, "0 or more steps")
        require(self.clip > 0, "clip", self.clip, "a number above 0")


_FAST_ACTIVATIONS = {"cpu": 200_000, "cuda": 16_000_000}  # a core's cache; enough to fill a GPU


@dataclass(frozen=True)
class Numerics:
    """How the arithmetic is done; all of it can change the last bits of a result."""

    dtype: Dtype = "float32"
    device: Device = "cpu"
    micro_batch: int | None = None  # tokens a forward pass; None: what is fast for the width
    compile: bool = False

    def __post_init__(self) -> None:
        require_one_of("dtype", self.dtype, Dtype)
        require_one_of("device", self.device, Device)
        if self.micro_batch is not None:
            require(self.micro_batch >= 1, "micro_batch", self.micro_batch, "1 token or more")

    def tokens_at_once(self, width: int) -> int:
        """Tokens of a forward pass through a decoder of this width, prompts included."""
        return self.micro_batch or _FAST_ACTIVATIONS[self.device] // width


@dataclass(frozen=True)
class Evaluation:
    """The fixed protocol of evaluation during training: greedy, and sampled at temperature 1."""

    problems: int  # distinct validation problems, the same for every seed and arm
    every: int  # steps or rounds between evaluations; the first and the last always
    samples: int = 1  # sampled responses a problem

    def __post_init__(self) -> None:
        require(self.problems >= 1, "evaluation.problems", self.problems, "1 or more")
        require(self.every >= 1, "evaluation.every", self.every, "1 or more")


@dataclass(frozen=True)
class Replay:
    """Demonstrations of an earlier task, added to every batch so that it is not forgotten."""

    task: Task
    mixture: tuple[tuple[str, float], ...]
    batch: int

    def __post_init__(self) -> None:
        require(self.batch >= 1, "replay.batch", self.batch, "1 or more")
        _require_mixture("replay.mixture", self.mixture)


def _require_mixture(key: str, mixture: tuple[tuple[str, float], ...]) -> None:
    total = sum(weight for _, weight in mixture)
    require(abs(total - 1) < 1e-9, key, mixture, "weights that sum to 1")


@dataclass(frozen=True)
class Supervise(StageConfig):
    """Next-token prediction on demonstrations, each in a strategy drawn from the mixture.

    Trains `model` from scratch, or goes on from the input named `policy`. With an input named
    `rollouts`, an RL stage, what it fits is that stage's correct training rollouts instead. With
    one named `budget`, an RL stage, a step fits as many response tokens as a round of that drew,
    from a batch that must have as many.
    """

    task: Task
    mixture: tuple[tuple[str, float], ...]
    steps: int
    batch: int
    optimizer: Optimizer
    evaluation: Evaluation
    model: DecoderConfig | None = None
    numerics: Numerics = field(default_factory=Numerics)
    replay: Replay | None = None
    lora: LoRA | None = None  # what is trained instead of the weights
    distinct: int | None = None  # demonstrations, again in every epoch; None: always fresh ones
    learn_prompts: bool = field(default=False, metadata=LATER)  # after the first token, given

    implementation: ClassVar[str] = "hone.training.supervised:supervise"
    version: ClassVar[int] = 5

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", self.steps, "1 or more")
        require(self.batch >= 1, "batch", self.batch, "1 or more")
        if self.distinct is not None:
            require(self.distinct >= 1, "distinct", self.distinct, "1 or more, or none")
        _require_mixture("mixture", self.mixture)
        if self.learn_prompts:
            weighs = isinstance(self.task, Weighs)
            require(
                not weighs, "learn_prompts", True, f"false: {self.task.name} weighs its own tokens"
            )
        if self.lora is not None and self.numerics.compile:
            dropout = self.lora.dropout
            require(dropout == 0, "lora.dropout", dropout, "0 where decoders are compiled")
        if self.replay:
            same = self.replay.task.alphabet == self.task.alphabet
            require(same, "replay.task", self.replay.task, f"a task of {self.task.name}'s alphabet")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy",) if self.model is None else ()

    @property
    def tokens(self) -> int:
        return self.steps * sum(
            part.batch * (part.task.prompt_tokens + part.task.max_tokens // 3)
            for part in (self, self.replay)
            if part is not None
        )


@dataclass(frozen=True)
class Pretrain(StageConfig):
    """Next-token prediction on whole documents, from scratch.

    Attributes:
        corpus: the documents; a step fits `batch` of them, a row each, so none sees another.
        task: what the model is evaluated on; of the corpus's alphabet.
    """

    corpus: Corpus
    task: Task
    steps: int
    batch: int
    optimizer: Optimizer
    evaluation: Evaluation
    model: DecoderConfig
    numerics: Numerics = field(default_factory=Numerics)

    implementation: ClassVar[str] = "hone.training.pretraining:pretrain"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", self.steps, "1 or more")
        require(self.batch >= 1, "batch", self.batch, "1 or more")
        same = self.corpus.alphabet == self.task.alphabet
        require(same, "corpus", self.corpus, f"documents in {self.task.name}'s alphabet")

    @property
    def tokens(self) -> int:
        return self.steps * self.batch * self.corpus.max_tokens // 2


@dataclass(frozen=True)
class PostTrain(StageConfig):
    """RL from the input named `policy`: respond, read, reward, credit, update."""

    task: Task
    algorithm: Algorithm
    reward: Reward
    rounds: int
    prompts: int  # a round
    group: int  # responses a prompt
    optimizer: Optimizer
    evaluation: Evaluation
    temperature: float = 1.0
    top_p: float = 1.0
    numerics: Numerics = field(default_factory=Numerics)
    levels: tuple[Task, ...] = ()  # what the curriculum draws prompts from, instead of `task`
    curriculum: Curriculum | None = None
    lora: LoRA | None = None  # what is trained instead of the weights
    distinct: int | None = field(default=None, metadata=LATER)  # problems of a level; None: fresh

    implementation: ClassVar[str] = "hone.training.post_training:post_train"
    version: ClassVar[int] = 3

    def __post_init__(self) -> None:
        require(len(self.reward) > 0, "reward", self.reward, "one or more weighted terms")
        for weight, term in self.reward:
            require(math.isfinite(weight), "reward", self.reward, "finite weights")
            for task in (self.task, *self.levels):
                term.check(task, self.group)
        if self.curriculum is None:
            require(not self.levels, "levels", self.levels, "none without a curriculum")
        else:
            self.curriculum.check(len(self.levels))
        alphabets = {task.alphabet for task in (self.task, *self.levels)}
        require(len(alphabets) == 1, "levels", self.levels, "tasks of one alphabet")
        require(self.rounds >= 1, "rounds", self.rounds, "1 or more")
        require(self.prompts >= 1, "prompts", self.prompts, "1 or more")
        require(self.group >= 1, "group", self.group, "1 or more")
        if self.distinct is not None:
            at_least = self.distinct >= self.prompts
            require(
                at_least, "distinct", self.distinct, f"a round's {self.prompts} or more, or none"
            )
        decay = self.optimizer.decay  # a round has as many optimizer steps as its schedule says
        require(decay == "constant", "optimizer.decay", decay, "constant in RL")
        self.algorithm.check(self.group, self.temperature, self.top_p)
        if self.lora is not None:
            dropout = self.lora.dropout
            require(dropout == 0, "lora.dropout", dropout, "0 in RL: what responds is what learns")
            critic = self.algorithm.critic
            require(critic is None, "critic", critic, "none with adapters: it trains all weights")
        self._check_until()

    def _check_until(self) -> None:
        until, strategies = self.algorithm.schedule.until, self.task.strategies
        if until is not None and until.strategy not in strategies:
            raise unknown(f"until.strategy of {self.task.name}", until.strategy, strategies)

    @property
    def needs(self) -> tuple[str, ...]:
        models = {term.model for _, term in self.reward if isinstance(term, Learned)}
        return ("policy", *sorted(models))

    @property
    def tokens(self) -> int:
        looks = self.rounds // self.evaluation.every + 1
        asked = looks * self.evaluation.problems * (1 + self.evaluation.samples)
        return (2 * self.rounds * self.prompts * self.group + asked) * self.task.max_tokens


@dataclass(frozen=True)
class Adopt(StageConfig):
    """A language model from elsewhere as a stage that others can stand on.

    Attributes:
        folder: its config.json, weights and tokenizer.
        digest: of the weights, so that other weights are another stage wherever they lie.
        model: its shape.
    """

    folder: str = field(metadata={"semantic": False})
    digest: str
    model: DecoderConfig

    implementation: ClassVar[str] = "hone.training.adopt:adopt"
    version: ClassVar[int] = 1


@dataclass(frozen=True)
class FitReward(StageConfig):
    """A reward model from the input `policy`, fit to the training rollouts of input `rollouts`."""

    task: Task
    steps: int
    batch: int
    optimizer: Optimizer
    every: int  # steps between looks at the problems held out

    implementation: ClassVar[str] = "hone.training.reward_model:fit_reward"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "every"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy", "rollouts")

    @property
    def tokens(self) -> int:
        return self.steps * self.batch * (self.task.prompt_tokens + self.task.max_tokens)


@dataclass(frozen=True)
class Respond(StageConfig):
    """Responses of the input named `policy` to problems of one split, graded."""

    task: Task
    problems: int
    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    split: Split = "validation"
    forced: str | None = None  # a strategy the responses are forced into
    numerics: Numerics = field(default_factory=Numerics)

    implementation: ClassVar[str] = "hone.training.evaluation:respond"
    version: ClassVar[int] = 2

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy",)

    @property
    def tokens(self) -> int:
        return self.problems * self.samples * self.task.max_tokens


@dataclass(frozen=True)
class Likelihood(StageConfig):
    """How likely the input named `policy` holds every demonstration of problems of one split."""

    task: Task
    problems: int
    split: Split = "validation"
    numerics: Numerics = field(default_factory=Numerics)

    implementation: ClassVar[str] = "hone.training.evaluation:likelihood"
    version: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy",)

    @property
    def tokens(self) -> int:
        return self.problems * len(self.task.strategies) * self.task.max_tokens


@dataclass(frozen=True)
class Score(StageConfig):
    """How far an RL stage, input `rollouts`, went from the input `policy`, by what a token does."""

    task: Task
    every: int  # rounds between looks; the first and the last always
    numerics: Numerics = field(default_factory=Numerics)

    implementation: ClassVar[str] = "hone.training.score:score"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", self.every, "1 or more")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("policy", "rollouts")
