"""How an arm is made: what a model is taught before RL, the RL, and what is measured around it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Literal

from hone.core.contracts import Task
from hone.core.errors import require, unknown
from hone.models.config import DecoderConfig, LoRA, mistral_style
from hone.objectives.algorithms import ALGORITHMS, Algorithm, Critic, expert_iteration, ppo
from hone.objectives.curricula import Curriculum, Fixed
from hone.objectives.divergence import KL
from hone.objectives.rewards import Coin, Majority, Reward, WellFormed, verified
from hone.runs.plan import Factor, Node
from hone.studies.adopted import adopted, folder_of
from hone.tasks.field_arithmetic import FieldArithmetic, Symbols
from hone.tasks.field_arithmetic.compositions import FieldCompositions
from hone.tasks.field_arithmetic.skills import EXERCISE, FieldSkills
from hone.tasks.words import in_words
from hone.training.configs import (
    Evaluation,
    Numerics,
    Optimizer,
    PostTrain,
    Replay,
    Respond,
    Score,
    Supervise,
)

STRATEGIES = {"F": ("forward",), "B": ("backward",), "FB": ("forward", "backward")}
"""Of the demonstrations, by arm."""

REWARDS: dict[str, Reward] = {
    "verifier": verified("outcome"),
    "majority": ((1.0, Majority()),),
    "format": ((1.0, WellFormed()),),
    "coin": ((1.0, Coin()),),
}


FACTS = 0.4
"""Share of isolated facts among the exercises; they are short, and their tokens few."""
SHORT = 4
"""Operations of the first walks and lists: where they are few, what belongs together is found soon.
Lists of up to 15 from the start take ten times as long."""


PAPER_KL = 0.05  # coefficient of its penalty
COMPOSED = (3, 5)
"""Parts of the compositions that RL is run on."""


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (8, 9, 10)  # the amounts below were found on seeds 0 to 7
    p: int = 11
    width: int = 128
    layers: int = 4
    first: int = 300  # steps of pretraining on facts and short lists, in order
    short: int = 300  # then on short walks and lists as well
    long: int = 400  # and then on long ones
    lists: float = 2 / 3  # share of lists among walks and lists
    undone: float = 1 / 4  # of lists that are undone, from the end; the rest is copied
    longest: int = 15  # operations of a walk or list
    sft: int = 150  # steps of fine-tuning
    sft_batch: int = 96  # demonstrations a step
    sft_distinct: int | None = None  # demonstrations, again in every epoch; none: always fresh ones
    sft_prompts: bool = False  # are learned in fine-tuning, too
    sft_lr: float = 1e-3
    replay: int = 64  # exercises beside them, so that lengths beyond theirs are not forgotten
    forward: float = 0.5  # share of forward demonstrations in FB
    easy: tuple[int, int] = (2, 5)  # operations of demonstrations
    hard: tuple[int, int] = (6, 9)  # operations of RL's problems, and of the validation set
    algorithm: str = "grpo"
    rounds: int = 150  # of RL
    rl_distinct: int | None = None  # problems of RL, again and again; none: always fresh ones
    prompts: int = 32
    group: int = 8
    lr: float = 1e-4  # of RL
    kl: float = 0.0  # its coefficient
    temperature: float = 1.0  # of RL's responses, and of those before and after it
    problems: int = 512  # of evaluation, half of each kind
    samples: int = 8  # to each of them, before and after RL
    looks: int = 12  # evaluations during RL
    model: str | None = None  # folder of a language model; none: one is pretrained from scratch
    lora: int = 0  # rank of adapters, with twice it as α; 0: all weights are trained
    dropout: float = 0.0  # of what adapters read, in supervised training
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name in ("first", "short", "long", "sft", "rounds", "prompts", "problems", "looks",
                     "layers"):  # fmt: skip
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.width % 32 == 0, "width", self.width, "a multiple of 32")
        require(self.group >= 2, "group", self.group, "2 or more")
        require(self.samples % 2 == 0 < self.samples, "samples", self.samples, "even, from 2")
        for name in ("lists", "undone"):
            require(
                0 <= getattr(self, name) <= 1, name, getattr(self, name), "a number from 0 to 1"
            )
        require(self.replay >= 0, "replay", self.replay, "0 or more")
        require(self.longest >= SHORT, "longest", self.longest, f"{SHORT} or more")
        for name in ("lr", "sft_lr", "temperature"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        require(0 < self.forward < 1, "forward", self.forward, "a share between 0 and 1")
        if self.algorithm not in ALGORITHMS:
            raise unknown("algorithm", self.algorithm, ALGORITHMS)
        require(self.lora >= 0, "lora", self.lora, "0 or more")
        if not self.lora:
            require(self.dropout == 0, "dropout", self.dropout, "0 without adapters")
        require(self.kl >= 0, "kl", self.kl, "0 or more")
        for name in ("easy", "hard"):
            ends = getattr(self, name)
            require(len(ends) == 2 and ends[0] <= ends[1] <= self.longest, name, ends,
                    f"two rising numbers up to longest = {self.longest}")  # fmt: skip

    @property
    def numerics(self) -> Numerics:
        return Numerics(self.dtype, self.device)

    @property
    def chosen(self) -> Algorithm:
        """The algorithm, with a KL penalty if there is to be one.

        Raises:
            UsageError: it takes none.
        """
        make: Callable[..., Algorithm] = ALGORITHMS[self.algorithm]
        if make is expert_iteration:  # a round draws too little to fit the first weights to anew
            make = partial(make, start="current")
        if make is ppo:  # a reward at the end is the first token's, which decides, as well
            make = partial(make, decay=1.0, critic=Critic(lr=10.0))
        if not self.kl:
            return make()
        takes_kl = "kl" in signature(make).parameters
        require(takes_kl, "kl", self.kl, f"0 with {self.algorithm}, which takes no KL penalty")
        return make(kl=KL(self.kl))

    def mixture(self, data: str) -> tuple[tuple[str, float], ...]:
        """Strategies of an arm's demonstrations, and their shares."""
        shares = (self.forward, 1 - self.forward) if data == "FB" else (1.0,)
        return tuple(zip(STRATEGIES[data], shares, strict=True))

    def adapters(self, dropout: float = 0.0) -> LoRA | None:
        return LoRA(self.lora, 2.0 * self.lora, dropout) if self.lora else None

    def task(self, ends: tuple[int, int], evaluation: float = 0.5) -> Task:
        """Chains of so many operations; for a language model in words, as the paper puts them."""
        return self._put(FieldArithmetic(self.p, *ends, evaluation, self.symbols), ends[1])

    def composed(self, fewest: int, most: int) -> Task:
        """Problems of several short parts."""
        low, high = self.easy[0], self.easy[0] + 1
        parts = FieldCompositions(self.p, fewest, most, low, high, symbols=self.symbols)
        return self._put(parts, most * high)

    @property
    def symbols(self) -> Symbols:
        """A language model knows numbers: that it reads the map is for the map to show."""
        return "fixed" if self.model is None else "fresh"

    def _put(self, task: Task, operations: int) -> Task:
        """As the model reads it; problems of at most so many operations."""
        if self.model is None:
            return task
        prompt_tokens, max_tokens = 12 * self.p + 24 * operations + 64, 128 * operations
        return in_words(task, folder_of(self.model), prompt_tokens, max_tokens)

    def decoder(self) -> DecoderConfig:
        """Room for the longest solution or exercise."""
        longest = FieldArithmetic(self.p, self.easy[0], self.longest)
        every: tuple[Task, ...] = (
            longest, FieldSkills(self.p, high=self.longest), self.composed(*COMPOSED)
        )  # fmt: skip
        context = max(task.prompt_tokens + task.max_tokens for task in every)
        vocab = len(longest.alphabet)
        return mistral_style(vocab, self.width, self.layers, context, head_dim=32)


def exercises(settings: Settings, longest: int, data: str = "FB") -> FieldSkills:
    """Facts, walks and lists of up to so many operations.

    Only short walks and lists carry two values: how far a strategy goes that does not fit its
    problem is left to demonstrations. Lists are in an order that the arm's demonstrations have, so
    that what is replayed beside these shows no other; walks take the place of those that are not.
    """
    lists, shown = (1 - FACTS) * settings.lists, STRATEGIES[data]
    copy = lists * (1 - settings.undone) if "forward" in shown else 0.0
    undo = lists * settings.undone if "backward" in shown else 0.0
    walks = 1 - FACTS - copy - undo
    two = 1 / 2 if longest <= SHORT else 0.0  # share of what carries two values
    affine = walks * two
    return FieldSkills(settings.p, 1, longest, FACTS, walks - affine, affine, copy, undo, two)


def pretrain(settings: Settings, seed: int) -> Node:
    """What a pretrained model brings along: facts, walks and lists, first short ones.

    Facts alone are found later than with a few lists among them, and with many lists later still.
    """
    if settings.model is not None:
        return adopted(settings.model, seed)
    courses = (
        ("first", FieldSkills(settings.p, 1, SHORT, 0.9, 0.0, 0.0, 0.1, 0.0), 512, 1e-3),
        ("short", exercises(settings, SHORT), 256, 1.5e-3),
        ("long", exercises(settings, settings.longest), 128, 1.5e-3),
    )
    inputs: dict[str, Node] = {}
    for name, task, batch, lr in courses:
        steps = getattr(settings, name)
        config = Supervise(
            task=task,
            mixture=((EXERCISE, 1.0),),
            steps=steps,
            batch=batch,
            optimizer=Optimizer(lr, warmup=min(50, steps), decay="linear"),
            evaluation=Evaluation(settings.problems, steps),
            model=None if inputs else settings.decoder(),
        )
        inputs = {"policy": Node("pretrained", name, config, seed, inputs)}
    return inputs["policy"]


def fine_tune(settings: Settings, seed: int, arm: str) -> Node:
    """Next-token prediction on fresh demonstrations of an arm's strategies."""
    task = settings.task(settings.easy)
    return taught(settings, seed, arm, task, settings.mixture(arm), arm, data=arm)


def taught(
    settings: Settings,
    seed: int,
    arm: str,
    task: Task,
    mixture: tuple[tuple[str, float], ...],
    shown: str,
    **factors: Factor,
) -> Node:
    """Next-token prediction on fresh demonstrations, and on exercises in the orders of `shown`.

    Demonstrations are short, and without exercises the model forgets to go on beyond.
    """
    has_replay = settings.model is None and settings.replay > 0
    again = exercises(settings, settings.longest, shown)
    config = Supervise(
        task=task,
        mixture=mixture,
        steps=settings.sft,
        batch=settings.sft_batch,
        optimizer=Optimizer(settings.sft_lr, warmup=min(20, settings.sft), decay="linear"),
        evaluation=Evaluation(settings.problems, settings.sft, settings.samples),
        replay=Replay(again, ((EXERCISE, 1.0),), settings.replay) if has_replay else None,
        lora=settings.adapters(settings.dropout),
        numerics=settings.numerics,
        distinct=settings.sft_distinct,
        learn_prompts=settings.sft_prompts,
    )
    return Node(arm, "sft", config, seed, {"policy": pretrain(settings, seed)}, factors)


def post_train(
    settings: Settings,
    base: Node,
    arm: str,
    on: tuple[int, int] | None = None,
    *,
    evaluation: float = 0.5,
    reward: str = "verifier",
    curriculum: Curriculum | None = None,
    levels: tuple[tuple[int, int], ...] = (),
    **factors: Factor,
) -> Node:
    """RL on problems of `on` operations, or of hard ones; always evaluated on the hard ones."""
    drawn = levels or (on or settings.hard,)
    config = PostTrain(
        task=settings.task(settings.hard),
        algorithm=settings.chosen,
        reward=REWARDS[reward],
        rounds=settings.rounds,
        prompts=settings.prompts,
        group=settings.group,
        optimizer=Optimizer(settings.lr, warmup=5),
        evaluation=Evaluation(
            settings.problems // 2, max(1, settings.rounds // settings.looks), samples=2
        ),
        temperature=settings.temperature,
        levels=tuple(settings.task(ends, evaluation) for ends in drawn),
        curriculum=curriculum or Fixed((1.0,)),
        lora=settings.adapters(),
        numerics=settings.numerics,
        distinct=settings.rl_distinct,
    )
    level = "hard" if on is None else "easy"
    labels = {**base.factors, "train": range_of(drawn[-1]), "level": level, **factors}
    return Node(arm, "rl", config, base.seed, {"policy": base}, labels)


def looked_at(
    settings: Settings, policy: Node, arm: str, when: str, **factors: Factor
) -> Iterator[Node]:
    """Responses to the hard problems: free, and forced into each strategy."""
    labels = {**policy.factors, **factors}
    for forced in (None, *FieldArithmetic.strategies):
        config = look(settings, settings.task(settings.hard), forced)
        stage = when if forced is None else f"{when} {forced}"
        yield Node(arm, stage, config, policy.seed, {"policy": policy}, labels)


def look(settings: Settings, task: Task, forced: str | None = None) -> Respond:
    """Responses to the problems of a task that all arms are asked."""
    return Respond(
        task,
        settings.problems,
        settings.samples,
        settings.temperature,
        forced=forced,
        numerics=settings.numerics,
    )


def with_rl(settings: Settings, base: Node, rl: Node) -> Iterator[Node]:
    """An RL stage with what is measured before, during and after it."""
    yield rl
    yield from looked_at(settings, base, rl.arm, "before", **rl.factors)
    yield from looked_at(settings, rl, rl.arm, "after")
    every = max(1, settings.rounds // settings.looks)
    drift = Score(settings.task(settings.hard), every, settings.numerics)
    inputs = {"policy": base, "rollouts": rl}
    yield Node(rl.arm, "drift", drift, rl.seed, inputs, rl.factors)


def range_of(ends: tuple[int, int]) -> str:
    """Numbers of operations as labels and arms have them."""
    return f"{ends[0]}-{ends[1]}"
