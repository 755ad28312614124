"""Every algorithm and every kind of reward from one pretrained model, at one budget of rollouts.

The model has learned parity from rare worked examples (arXiv 2510.11495): it writes the chain that
solves a problem one time in four, and guesses otherwise. What post-training has to do is known, and
so is what a reward without information can do: nothing. Each function below is one experiment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hone.core.errors import require
from hone.models.config import mistral_style
from hone.objectives.algorithms import ALGORITHMS, Algorithm, grpo
from hone.objectives.rewards import Coin, Learned, Majority, Reward, WellFormed, verified
from hone.runs.plan import Node
from hone.studies.post_training.methods_claims import CLAIMS
from hone.studies.post_training.methods_figures import FIGURES
from hone.studies.study import Study, seed_by_seed
from hone.tasks.parity import Parity, parity_mixture
from hone.training.configs import Evaluation, FitReward, Optimizer, PostTrain, Supervise

_COUNTS = ("steps", "rounds", "long_rounds", "collected", "fit_steps", "prompts", "group",
           "problems", "samples")  # fmt: skip

REWARDS: dict[str, Reward] = {
    "verifier": verified("e2e"),
    "majority": ((1.0, Majority()),),
    "format": ((1.0, WellFormed()),),
    "coin": ((1.0, Coin()),),
}
"""One reward that knows the answer, and three that do not."""


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (1, 2, 3)  # the expectations were formed on seed 0
    d: int = 11
    p_cot: float = 0.25
    steps: int = 600  # of pretraining
    rounds: int = 20  # of RL
    prompts: int = 128
    group: int = 8
    lr: float = 4e-4  # of RL, the same for every method
    collected: int = 3  # rounds whose rollouts a reward model is fit to
    fit_steps: int = 300
    long_rounds: int = 60  # of RL on a learned reward
    problems: int = 512  # of evaluation
    samples: int = 4  # to each of them at temperature 1

    def __post_init__(self) -> None:
        for name in _COUNTS:
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.lr > 0, "lr", self.lr, "a number above 0")
        require(self.group >= 2, "group", self.group, "2 or more")
        require(0 < self.p_cot < 1, "p_cot", self.p_cot, "a number between 0 and 1")
        require(5 <= self.d <= 512, "d", self.d, "a whole number from 5 to 512")

    @property
    def task(self) -> Parity:
        return Parity(self.d)


def pretrain(settings: Settings, arm: str, seed: int, **factors: str | int | float) -> Node:
    """The one model that every arm starts from."""
    task = settings.task
    config = Supervise(
        task=task,
        mixture=parity_mixture(settings.p_cot),
        steps=settings.steps,
        batch=128,
        optimizer=Optimizer(2e-3, warmup=50, decay="linear"),
        evaluation=Evaluation(settings.problems, settings.steps, settings.samples),
        model=mistral_style(
            len(task.alphabet), 64, 2, task.prompt_tokens + task.max_tokens, head_dim=16
        ),
    )
    return Node(arm, "pretrain", config, seed, factors=factors)


def post_train(
    settings: Settings,
    base: Node,
    algorithm: Algorithm,
    reward: Reward,
    model: Node | None = None,
    stage: str = "rl",
) -> Node:
    """RL from the base; the same number of responses a round, whatever the algorithm."""
    grouped = algorithm.name != "star"  # STaR takes one response to as many prompts
    config = PostTrain(
        task=settings.task,
        algorithm=algorithm,
        reward=reward,
        rounds=settings.rounds,
        prompts=settings.prompts if grouped else settings.prompts * settings.group,
        group=settings.group if grouped else 1,
        optimizer=Optimizer(settings.lr),
        evaluation=Evaluation(settings.problems, 1, settings.samples),
    )
    inputs = {"policy": base} | ({"reward_model": model} if model else {})
    return Node(base.arm, stage, config, base.seed, inputs, base.factors)


def algorithms(settings: Settings, seed: int) -> Iterator[Node]:
    """Every algorithm with the task's verifier."""
    for name, make in ALGORITHMS.items():
        base = pretrain(settings, name, seed, experiment="algorithms", algorithm=name)
        yield base
        yield post_train(settings, base, make(), REWARDS["verifier"])


def rewards(settings: Settings, seed: int) -> Iterator[Node]:
    """GRPO with a reward that knows the answer, and with controls that do not."""
    for name, reward in REWARDS.items():
        base = pretrain(settings, name, seed, experiment="rewards", reward=name)
        yield base
        yield post_train(settings, base, grpo(), reward)


def learned(settings: Settings, seed: int) -> Iterator[Node]:
    """GRPO on a reward model that was fit to graded rollouts of early rounds, for a long time."""
    base = pretrain(settings, "learned", seed, experiment="learned")
    early = replace(settings, rounds=settings.collected)
    rollouts = post_train(early, base, grpo(), REWARDS["verifier"], stage="collect")
    fit = FitReward(
        settings.task, settings.fit_steps, batch=128, optimizer=Optimizer(1e-3), every=50
    )
    inputs = {"policy": base, "rollouts": rollouts}
    model = Node("learned", "reward_model", fit, seed, inputs, base.factors)
    yield from (base, rollouts, model)
    long = replace(settings, rounds=settings.long_rounds)
    yield post_train(long, base, grpo(), ((1.0, Learned()),), model)


EXPERIMENTS = {function.__name__: function for function in (algorithms, rewards, learned)}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


study = Study(
    name="methods",
    title="Methods: every algorithm and every reward from one model",
    paper="hone's own",
    summary="Ten algorithms, four rewards and a learned one post-train the same models at the same "
    "budget of rollouts.",
    presets={
        "quick": {"": Settings(("rewards", "learned"), long_rounds=40)},
        "full": {"": Settings(tuple(EXPERIMENTS))},
    },
    plan=plan,
    claims=CLAIMS,
    figures=FIGURES,
)
