"""Strategy selection and strategy improvement on chains of finite-field arithmetic.

A decoder learns, from scratch, to calculate in a prime field and to keep its place in lists of up
to 15 operations; then, from demonstrations of 2 to 5 operations, to solve problems `forward`,
`backward`, or either way at random; then RL on harder problems shows what it adds (arXiv
2606.13125). Each function below is one
experiment; `Settings.experiments` names those that a run carries out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hone.core.errors import require
from hone.models.config import DecoderConfig, mistral_style
from hone.objectives.algorithms import Algorithm, expert_iteration, grpo, ppo, rloo
from hone.objectives.curricula import Adaptive, Curriculum, Fixed, Staged
from hone.objectives.divergence import KL
from hone.objectives.rewards import Coin, Majority, Reward, WellFormed, verified
from hone.runs.plan import Factor, Node
from hone.studies.select_and_improve.claims import CLAIMS
from hone.studies.select_and_improve.figures import FIGURES
from hone.studies.select_and_improve.tables import TABLES
from hone.studies.study import Study, require_experiments, seed_by_seed
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.field_arithmetic.skills import EXERCISE, FieldSkills
from hone.training.configs import (
    Evaluation,
    Optimizer,
    PostTrain,
    Replay,
    Respond,
    Score,
    Supervise,
)

MIXTURES = {
    "F": (("forward", 1.0),),
    "B": (("backward", 1.0),),
    "FB": (("forward", 0.5), ("backward", 0.5)),
}
"""Strategies of the demonstrations, by arm."""

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


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (1, 2, 3)
    p: int = 11
    width: int = 128
    layers: int = 4
    first: int = 300  # steps of pretraining on facts and short lists, in order
    short: int = 300  # then on short walks and lists as well
    long: int = 400  # and then on long ones
    lists: float = 2 / 3  # share of lists among walks and lists
    longest: int = 15  # operations of a walk or list
    sft: int = 150  # steps of 96 demonstrations
    replay: int = 64  # exercises beside them, so that lengths beyond theirs are not forgotten
    easy: tuple[int, int] = (2, 5)  # operations of demonstrations
    hard: tuple[int, int] = (6, 9)  # operations of RL's problems, and of the validation set
    rounds: int = 120  # of RL
    prompts: int = 32
    group: int = 8
    lr: float = 1e-4  # of RL
    kl: float = 0.0  # its coefficient
    problems: int = 512  # of evaluation, half of each kind
    samples: int = 8  # to each of them, before and after RL
    looks: int = 12  # evaluations during RL

    def __post_init__(self) -> None:
        require_experiments(self, EXPERIMENTS)
        for name in ("first", "short", "long", "sft", "rounds", "prompts", "problems", "looks",
                     "layers"):  # fmt: skip
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.width % 32 == 0, "width", self.width, "a multiple of 32")
        require(self.group >= 2, "group", self.group, "2 or more")
        require(self.samples % 2 == 0 < self.samples, "samples", self.samples, "even, from 2")
        require(0 <= self.lists <= 1, "lists", self.lists, "a number from 0 to 1")
        require(self.replay >= 0, "replay", self.replay, "0 or more")
        require(self.longest >= SHORT, "longest", self.longest, f"{SHORT} or more")
        require(self.lr > 0, "lr", self.lr, "a number above 0")
        require(self.kl >= 0, "kl", self.kl, "0 or more")
        for name in ("easy", "hard"):
            ends = getattr(self, name)
            require(len(ends) == 2 and ends[0] <= ends[1] <= self.longest, name, ends,
                    f"two rising numbers up to longest = {self.longest}")  # fmt: skip

    def task(self, ends: tuple[int, int], evaluation: float = 0.5) -> FieldArithmetic:
        return FieldArithmetic(self.p, *ends, evaluation=evaluation)

    def model(self) -> DecoderConfig:
        """Room for the longest solution or exercise."""
        longest = self.task((self.easy[0], self.longest))
        exercise = FieldSkills(self.p, high=self.longest)
        context = max(task.prompt_tokens + task.max_tokens for task in (longest, exercise))
        vocab = len(longest.alphabet)
        return mistral_style(vocab, self.width, self.layers, context, head_dim=32)


def exercises(settings: Settings, longest: int) -> FieldSkills:
    """Facts, walks and lists of up to so many operations.

    Walks carry one value: a strategy that does not fit its problem is taught by demonstrations
    alone, as far as they go.
    """
    lists, walks = (1 - FACTS) * settings.lists, (1 - FACTS) * (1 - settings.lists)
    return FieldSkills(settings.p, 1, longest, FACTS, walks, 0.0, lists / 2, lists / 2)


def pretrain(settings: Settings, seed: int) -> Node:
    """What a pretrained model brings along: facts, walks and lists, first short ones."""
    courses = (
        ("first", FieldSkills(settings.p, 1, SHORT, 0.6, 0.0, 0.0, 0.4, 0.0), 384, 2e-3),
        ("short", exercises(settings, SHORT), 256, 2e-3),
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
            model=None if inputs else settings.model(),
        )
        inputs = {"policy": Node("pretrained", name, config, seed, inputs)}
    return inputs["policy"]


def fine_tune(settings: Settings, seed: int, arm: str) -> Node:
    """Next-token prediction on fresh demonstrations of an arm's strategies.

    They are short, and without exercises among them the model forgets to go on beyond.
    """
    again = exercises(settings, settings.longest)
    config = Supervise(
        task=settings.task(settings.easy),
        mixture=MIXTURES[arm],
        steps=settings.sft,
        batch=96,
        optimizer=Optimizer(1e-3, warmup=min(20, settings.sft), decay="linear"),
        evaluation=Evaluation(settings.problems, settings.sft, settings.samples),
        replay=Replay(again, ((EXERCISE, 1.0),), settings.replay) if settings.replay else None,
    )
    return Node(arm, "sft", config, seed, {"policy": pretrain(settings, seed)}, {"data": arm})


def post_train(
    settings: Settings,
    base: Node,
    arm: str,
    on: tuple[int, int] | None = None,
    *,
    evaluation: float = 0.5,
    reward: str = "verifier",
    algorithm: Algorithm | None = None,
    curriculum: Curriculum | None = None,
    levels: tuple[tuple[int, int], ...] = (),
    **factors: Factor,
) -> Node:
    """RL on problems of `on` operations, or of hard ones; always evaluated on the hard ones."""
    chosen = algorithm or grpo(kl=KL(settings.kl) if settings.kl else None)
    drawn = levels or (on or settings.hard,)
    config = PostTrain(
        task=settings.task(settings.hard),
        algorithm=chosen,
        reward=REWARDS[reward],
        rounds=settings.rounds,
        prompts=settings.prompts,
        group=settings.group,
        optimizer=Optimizer(settings.lr, warmup=5),
        evaluation=Evaluation(
            settings.problems // 2, max(1, settings.rounds // settings.looks), samples=2
        ),
        levels=tuple(settings.task(ends, evaluation) for ends in drawn),
        curriculum=curriculum or Fixed((1.0,)),
    )
    labels = {**base.factors, "train": _range(drawn[-1]), **factors}
    return Node(arm, "rl", config, base.seed, {"policy": base}, labels)


def looked_at(
    settings: Settings, policy: Node, arm: str, when: str, **factors: Factor
) -> Iterator[Node]:
    """Responses to the hard problems: free, and forced into each strategy."""
    labels = {**policy.factors, **factors}
    for forced in (None, *FieldArithmetic.strategies):
        config = Respond(
            settings.task(settings.hard), settings.problems, settings.samples, forced=forced
        )
        stage = when if forced is None else f"{when} {forced}"
        yield Node(arm, stage, config, policy.seed, {"policy": policy}, labels)


def with_rl(settings: Settings, base: Node, rl: Node) -> Iterator[Node]:
    """An RL stage with what is measured before, during and after it."""
    yield rl
    yield from looked_at(settings, base, rl.arm, "before", **rl.factors)
    yield from looked_at(settings, rl, rl.arm, "after")
    drift = Score(settings.task(settings.hard), max(1, settings.rounds // settings.looks))
    inputs = {"policy": base, "rollouts": rl}
    yield Node(rl.arm, "drift", drift, rl.seed, inputs, rl.factors)


def main(settings: Settings, seed: int) -> Iterator[Node]:
    """Three arms of demonstrations, RL on problems as hard as theirs and on harder ones (E0–E4)."""
    yield pretrain(settings, seed)
    for data in MIXTURES:
        base = fine_tune(settings, seed, data)
        yield base
        yield from forced_on_easy(settings, base)
        for on in (settings.easy, settings.hard):
            arm = f"{data} RL({_range(on)})"
            yield from with_rl(
                settings, base, post_train(settings, base, arm, on, experiment="main")
            )


def forced_on_easy(settings: Settings, base: Node) -> Iterator[Node]:
    """How well fine-tuning taught each strategy, at the lengths that it showed."""
    for forced in FieldArithmetic.strategies:
        config = Respond(
            settings.task(settings.easy), settings.problems, settings.samples, forced=forced
        )
        yield Node(base.arm, f"easy {forced}", config, base.seed, {"policy": base}, base.factors)


def rewards(settings: Settings, seed: int) -> Iterator[Node]:
    """Rewards that know nothing of the answer in place of the verifier, on the mixed arm."""
    base = fine_tune(settings, seed, "FB")
    for name in REWARDS:
        rl = post_train(settings, base, f"FB {name}", reward=name, experiment="rewards", by=name)
        yield from with_rl(settings, base, rl)


def yardsticks(settings: Settings, seed: int) -> Iterator[Node]:
    """Supervised training on as many sequences as RL drew: demonstrations, and what RL kept."""
    base = fine_tune(settings, seed, "FB")
    rl = post_train(settings, base, "FB RL", experiment="yardsticks", by="RL")
    yield from with_rl(settings, base, rl)
    more = Supervise(
        task=settings.task(settings.hard),
        mixture=MIXTURES["FB"],
        steps=settings.rounds,
        batch=settings.prompts * settings.group,
        optimizer=Optimizer(settings.lr, warmup=5),
        evaluation=Evaluation(settings.problems // 2, settings.rounds, samples=2),
    )
    for by, inputs in {
        "demonstrations": {"policy": base},
        "kept rollouts": {"policy": base, "rollouts": rl},
    }.items():
        labels = {**base.factors, "experiment": "yardsticks", "by": by}
        node = Node(f"FB {by}", "more sft", more, seed, inputs, labels)
        yield node
        yield from looked_at(settings, node, node.arm, "after")


def tilt(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems that are mostly evaluations: the share of forward should follow (E5)."""
    base = fine_tune(settings, seed, "FB")
    for evaluation in (0.5, 0.75, 0.9):
        arm = f"FB {evaluation:.0%} evaluation"
        rl = post_train(
            settings,
            base,
            arm,
            evaluation=evaluation,
            experiment="tilt",
            evaluation_share=evaluation,
        )
        yield from with_rl(settings, base, rl)
        tilted = Respond(settings.task(settings.hard, evaluation), settings.problems, 2)
        yield Node(arm, "after tilted", tilted, seed, {"policy": rl}, rl.factors)


def another_field(settings: Settings, seed: int) -> Iterator[Node]:
    """The same in GF(13) (E7)."""
    other = replace(settings, p=13)
    for data in MIXTURES:
        base = fine_tune(other, seed, data)
        rl = post_train(other, base, f"GF(13) {data}", experiment="another_field")
        yield from with_rl(other, base, rl)


def longer(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems of up to three times the demonstrations' length (E8)."""
    other = replace(settings, hard=(settings.hard[0], settings.longest))
    for data in MIXTURES:
        base = fine_tune(other, seed, data)
        rl = post_train(other, base, f"{data} RL({_range(other.hard)})", experiment="longer")
        yield from with_rl(other, base, rl)


def hyperparameters(settings: Settings, seed: int) -> Iterator[Node]:
    """Group, KL and learning rate, one at a time (E10)."""
    base = fine_tune(settings, seed, "FB")
    for key, value in (("group", settings.group), ("group", 2 * settings.group), ("kl", 0.05),
                       ("kl", 0.1), ("lr", settings.lr / 2), ("lr", 2 * settings.lr)):  # fmt: skip
        other = replace(settings, **{key: value})
        arm = f"FB {key} = {value:g}"
        rl = post_train(other, base, arm, experiment="hyperparameters", changed=key, value=value)
        yield from with_rl(settings, base, rl)


def algorithms(settings: Settings, seed: int) -> Iterator[Node]:
    """Other algorithms in GRPO's place."""
    base = fine_tune(settings, seed, "FB")
    for algorithm in (grpo(), ppo(), rloo(), expert_iteration(start="current")):
        name = algorithm.name
        rl = post_train(settings, base, f"FB {name}", algorithm=algorithm, experiment="algorithms",
                        by=name)  # fmt: skip
        yield from with_rl(settings, base, rl)


def curricula(settings: Settings, seed: int) -> Iterator[Node]:
    """Difficulty fixed, raised by stages, or after the success rate, at equal rollouts (§10)."""
    base = fine_tune(settings, seed, "FB")
    middle = (settings.easy[0] + 2, settings.easy[1] + 2)
    levels, third = (settings.easy, middle, settings.hard), max(1, settings.rounds // 3)
    for name, curriculum in {
        "fixed": Fixed((0.0, 0.0, 1.0)),
        "even": Fixed((1.0, 1.0, 1.0)),
        "staged": Staged((1, 1 + third, 1 + 2 * third)),
        "adaptive": Adaptive(),
    }.items():
        rl = post_train(settings, base, f"FB {name}", curriculum=curriculum, levels=levels,
                        experiment="curricula", by=name)  # fmt: skip
        yield from with_rl(settings, base, rl)


def pretraining(settings: Settings, seed: int) -> Iterator[Node]:
    """How much practice with long walks and lists RL's improvement needs, early and late."""
    for part, again in ((0.25, 1.0), (0.5, 1.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0)):
        other = replace(
            settings, long=round(part * settings.long), replay=round(again * settings.replay)
        )
        base = fine_tune(other, seed, "FB")
        arm = f"FB long ×{part:g}, replay ×{again:g}"
        rl = post_train(other, base, arm, experiment="pretraining", practice=part, replayed=again)
        yield from with_rl(other, base, rl)


EXPERIMENTS = {
    function.__name__: function
    for function in (
        main,
        rewards,
        yardsticks,
        tilt,
        another_field,
        longer,
        hyperparameters,
        algorithms,
        curricula,
        pretraining,
    )
}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


def _range(ends: tuple[int, int]) -> str:
    return f"{ends[0]}-{ends[1]}"


CORE = Settings(("main", "rewards", "yardsticks"))
study = Study(
    name="select_and_improve",
    title="Select and Improve: what RL adds on chains of field arithmetic",
    paper="Select and Improve: Understanding the Mechanics of Post-Training for Reasoning, "
    "arXiv 2606.13125",
    summary="Decoders of 0.8 M parameters learn to calculate, are shown forward and backward "
    "solutions of 2 to 5 operations, and are post-trained on longer problems. How much of the gain "
    "is a better choice of strategy, and how much a better execution?",
    presets={
        "quick": {"": replace(CORE, experiments=("main",), seeds=(0,))},
        "full": {
            "core": CORE,
            "robustness": replace(CORE, experiments=("tilt", "another_field", "longer")),
            "ablations": replace(
                CORE,
                experiments=("hyperparameters", "algorithms", "curricula", "pretraining"),
                seeds=(1,),
            ),
        },
    },
    plan=plan,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
)
