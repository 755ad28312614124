"""A study to copy: does RL need to know the answer? `hone run examples/my_study.py [key=value]`."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure as Drawing

from hone.measures import AtLeast, Estimate, accuracy
from hone.models.config import mistral_style
from hone.objectives.algorithms import grpo
from hone.objectives.rewards import Coin, verified
from hone.report.plots import curves
from hone.runs.plan import Node
from hone.runs.results import Results
from hone.studies import Claim, Figure, Study, courses
from hone.tasks.parity import Parity, parity_mixture
from hone.training.configs import Evaluation, Optimizer, PostTrain, Supervise


@dataclass(frozen=True)
class Settings:
    """Every field is a key of `hone run`, with its comment in `hone list examples/my_study.py`."""

    seeds: tuple[int, ...] = (0, 1, 2)
    d: int = 11  # bits whose parity is asked for
    steps: int = 600  # of pretraining, one answer in four with a worked chain
    rounds: int = 15  # of RL


def plan(settings: Settings) -> Iterator[Node]:
    """Two arms from one pretrained model: a stage that arms share is carried out once a seed."""
    task, look = Parity(settings.d), Evaluation(problems=256, every=1, samples=4)
    model = mistral_style(len(task.alphabet), 64, 2, task.prompt_tokens + task.max_tokens, 16)
    rate = Optimizer(2e-3, warmup=50, decay="linear")
    rare = Evaluation(look.problems, settings.steps, look.samples)
    start = Supervise(task, parity_mixture(0.25), settings.steps, 128, rate, rare, model)
    for seed in settings.seeds:
        for arm, reward in (("right answers", verified("e2e")), ("a coin", ((1.0, Coin()),))):
            base = Node(arm, "pretrain", start, seed)
            rl = PostTrain(task, grpo(), reward, settings.rounds, 128, 8, Optimizer(4e-4), look)
            yield from (base, Node(arm, "rl", rl, seed, inputs={"policy": base}))


def solved(results: Results) -> Estimate:
    """Greedy accuracy after RL with right answers, over seeds and problems."""
    table = results.select(arm="right answers", stage="rl").rollouts(steps=(-1,))
    return accuracy(table.filter(table["temperature"] == 0))


def over_rounds(results: Results) -> Drawing:
    """A curve for each reward."""
    series = courses(results.select(stage="rl"), "greedy_accuracy")
    return curves(series, "RL round", "greedy accuracy", levels={"chance": 0.5})


CLAIM = Claim("solved", "-", "It learns.", "greedy accuracy", AtLeast(0.95), solved)
FIGURE = Figure("rounds", "Accuracy", "Mean and range.", "Two curves.", over_rounds)
SETTINGS = {"quick": {"": Settings()}}
study = Study("mine", "Rewards", "my own", "Two rewards.", SETTINGS, plan, [CLAIM], [FIGURE])
