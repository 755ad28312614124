"""Multiplication from rare worked examples: what RL adds, and at which sizes it adds nothing.

A decoder is trained from scratch on products that are worked out with probability p_cot and
answered at once otherwise, and post-trained with a reward for right answers (arXiv 2510.11495 §5).
The paper gives neither its digit counts (but 7 × 7), nor its layout, model or p_cot (but 0.1): what
runs at which scale here is in every arm's name and in the table of sizes. The experiments that any
mixture has are in `mixture_arms.py`; `Settings.experiments` names those that a run carries out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hone.models.config import DecoderConfig
from hone.objectives.algorithms import grpo
from hone.runs.plan import Node
from hone.studies.rl_after_ntp import mixture_arms
from hone.studies.rl_after_ntp.mixture import (
    Architecture,
    MixtureSettings,
    post_train,
    pretrain,
    shaped_for,
    two_numbers,
)
from hone.studies.rl_after_ntp.mixture_figures import figures
from hone.studies.rl_after_ntp.mixture_tables import tables
from hone.studies.rl_after_ntp.multiplication_claims import CLAIMS
from hone.studies.study import Study, seed_by_seed
from hone.tasks.multiplication import Multiplication


@dataclass(frozen=True)
class Settings(MixtureSettings):
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    p_cot: float = 0.4  # at 0.25 only some seeds learn to work products out
    n: int = 3  # digits of the first factor
    m: int = 2  # digits of the second
    sizes: tuple[str, ...] = ("2x2", "3x2", "4x4", "5x5")  # of the experiment that varies n and m
    architecture: Architecture = "gpt2"
    layers: int = 3
    width: int = 64
    steps: int = 4000  # of next-token prediction before RL
    lr: float = 4e-3
    rounds: int = 30  # of RL
    rl_lr: float = 2e-4  # at 6e-4, RL unlearned half-learned partial products within four rounds
    problems: int = 256  # of evaluation
    samples: int = 2  # to each of them at temperature 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.decoder()  # refuses what no decoder or task can be
        self.require_distinct("sizes")
        for size in self.sizes:
            self.of_size(size)

    @property
    def task(self) -> Multiplication:
        return Multiplication(self.n, self.m)

    def decoder(self) -> DecoderConfig:
        return shaped_for(self.task, self.architecture, self.layers, self.width)

    def of_size(self, size: str) -> "Settings":
        """The same for numbers of other lengths, e.g. `4x3`."""
        n, m = two_numbers("sizes", size, "4x3")
        return replace(self, n=n, m=m, sizes=())


def sizes(settings: Settings, seed: int) -> Iterator[Node]:
    """Numbers ever longer at the same number of steps, and GRPO from each pretrained model.

    The paper's 7 × 7 digits fail after 38 GPU-hours: the worked solution is not learned.
    """
    for size in settings.sizes:
        sized, arm = settings.of_size(size), f"{size} digits"
        base = pretrain(sized, arm, seed, settings.p_cot, experiment="sizes", size=size)
        yield base
        yield post_train(sized, base, arm, grpo())


RARE, TIMES = 0.1, 4
"""The paper's p_cot, and how many times the steps show as many worked products as p_cot = 0.4."""


def rare(settings: Settings, seed: int) -> Iterator[Node]:
    """Worked products as rare as the paper's, read for longer, and GRPO."""
    longer, arm = replace(settings, steps=TIMES * settings.steps), f"p = {RARE:g}, {TIMES}× steps"
    base = pretrain(longer, arm, seed, RARE, experiment="rare")
    yield base
    yield post_train(longer, base, arm, grpo())


EXPERIMENTS = {function.__name__: function for function in (*mixture_arms.EXPERIMENTS, rare, sizes)}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


FULL = Settings(experiments=())
PAPER = Settings(
    experiments=("sizes",),
    p_cot=0.1,
    sizes=("4x4", "5x5", "7x7"),
    architecture="gpt2",
    layers=12,
    width=768,
    steps=50_000,
    batch=256,
    lr=3e-4,
    rl_lr=1e-5,
    rounds=100,
    device="cuda",
    dtype="bfloat16",
)
"""GPT-2 by size, 7 × 7 digits and p_cot = 0.1 are the paper's; the rest is not known."""

study = Study(
    name="multiplication",
    title="Multiplication: RL after next-token prediction on rare worked products",
    paper="How Reinforcement Learning After Next-Token Prediction Facilitates Learning, "
    "arXiv 2510.11495",
    summary="Decoders are trained from scratch on products that are seldom worked out, then by RL "
    "with a reward for right answers; and on products too large to be learned.",
    presets={
        "quick": {
            "": replace(FULL, experiments=("algorithms", "matched"), seeds=(0,), looks=4),
        },
        "full": {
            "core": replace(
                FULL, experiments=("rarity", "algorithms", "matched", "without_worked")
            ),
            "rare": replace(FULL, experiments=("rare",)),
            "sizes": replace(FULL, experiments=("sizes",)),
            "robustness": replace(FULL, experiments=("temperatures",)),
        },
        "paper": {"": PAPER},
    },
    plan=plan,
    claims=CLAIMS,
    figures=figures(width=1),
    tables=tables("Digits of both factors", "rare", "sizes"),
)
