"""Parity from rare long demonstrations: what next-token prediction leaves and RL finishes.

A decoder is trained from scratch on the mixture D(p_cot) and post-trained with a correctness
reward (arXiv 2510.11495 §§2–5 and appendix). Each function below is one experiment of the paper;
`Settings.experiments` names those that a run carries out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hone.core.errors import require
from hone.models.config import DecoderConfig
from hone.objectives.algorithms import UntilMatched, grpo, star
from hone.objectives.losses import Denominator
from hone.runs.plan import Node
from hone.studies.rl_after_ntp.mixture import (
    Architecture,
    MixtureSettings,
    more_prediction,
    post_train,
    pretrain,
    shaped_for,
    steps_of_equal_samples,
)
from hone.studies.rl_after_ntp.mixture_arms import algorithms, papers_algorithms
from hone.studies.rl_after_ntp.parity_claims import CLAIMS
from hone.studies.rl_after_ntp.parity_figures import FIGURES
from hone.studies.study import Study, seed_by_seed
from hone.tasks.parity import Parity
from hone.training.configs import Respond, Supervise

HOTTER = 2.5
"""Sampling temperature beyond the paper's."""


@dataclass(frozen=True)
class Settings(MixtureSettings):
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    sweep: tuple[float, ...] = (0.1, 0.2, 0.28, 0.42, 0.5, 0.6)  # p_cot on both sides of 1/3
    steps: int = 1200  # of pretraining; by 300 most seeds have learned the chain, one by 800
    d: int = 11
    architecture: Architecture = "mistral"
    layers: int = 2
    width: int = 64
    rare: tuple[float, ...] = (0.25, 0.1, 0.05, 0.02)  # p_cot whose STaR rounds are counted
    depths: tuple[int, ...] = (1, 2, 4)
    widths: tuple[int, ...] = (64, 128)
    starts: tuple[int, ...] = (60, 120, 200, 300)  # pretraining steps after which RL starts early
    patience: int = 3  # times the steps, and then times the batch, for rarer chains than p_cot

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_distinct("rare", "depths", "widths", "starts")
        for name in ("depths", "widths", "starts"):
            for value in getattr(self, name):
                require(value >= 1, name, value, "whole numbers from 1")
        self.require_counts("patience")
        for width in self.widths:
            require(width % 16 == 0, "widths", width, "multiples of 16")
        for p_cot in self.rare:
            require(0 < p_cot < 1, "rare", p_cot, "numbers between 0 and 1")
        require(5 <= self.d <= 512, "d", self.d, "a whole number from 5 to 512")
        self.decoder()  # refuses what no decoder can be

    @property
    def task(self) -> Parity:
        return Parity(self.d)

    def decoder(self) -> DecoderConfig:
        return shaped_for(self.task, self.architecture, self.layers, self.width)

    def pretrain_steps(self, p_cot: float) -> int:
        """Rare chains take longer to learn, and more than in proportion: up to `patience` times.

        In proportion, at p_cot = 0.1, one seed of three had not learned them.
        """
        return round(self.steps * min(self.patience, self._rarity(p_cot) ** 1.5))

    def pretrain_batch(self, p_cot: float) -> int:
        """And a larger batch, of mostly short, cheap answers, so that every batch holds chains.

        Much more would let the model learn the parity itself (§6), which voids the argument.
        """
        return self.batch * min(self.patience, math.isqrt(int(self._rarity(p_cot))))

    def _rarity(self, p_cot: float) -> float:
        """How much rarer chains are than at the study's p_cot; without any there is no waiting."""
        return max(1.0, self.p_cot / p_cot) if p_cot else 1.0


def threshold(settings: Settings, seed: int) -> Iterator[Node]:
    """Pretraining on both sides of 1/3, and many samples of each model for calibration (Fig. 2)."""
    for p_cot in settings.sweep:
        arm = f"threshold p={p_cot:g}"
        base = pretrain(settings, arm, seed, p_cot, experiment="threshold")
        sampled = Respond(settings.task, settings.problems, samples=16, numerics=settings.numerics)
        yield base
        yield Node(arm, "calibration", sampled, seed, {"policy": base}, base.factors)


def denominators(settings: Settings, seed: int) -> Iterator[Node]:
    """GRPO as first published divides each response's terms by its length; beside it, ours."""
    denominators: tuple[Denominator, ...] = ("token_mean", "sequence_mean")
    for name in denominators:
        arm = f"grpo {name}"
        base = pretrain(settings, arm, seed, settings.p_cot, experiment="denominators")
        yield base
        yield post_train(settings, base, arm, grpo(name))


def matched(settings: Settings, seed: int) -> Iterator[Node]:
    """More next-token prediction on as many sequences as RL drew, and on ten times as many."""
    for times in (1, 10):
        steps = steps_of_equal_samples(settings, times)
        yield from more_prediction(settings, seed, f"more ntp ×{times}", steps, times=times)


def without_chains(settings: Settings, seed: int) -> Iterator[Node]:
    """p_cot = 0: no long demonstration was ever seen, so there is nothing to amplify."""
    for algorithm in (star(), grpo()):
        arm = f"p=0 {algorithm.name}"
        base = pretrain(settings, arm, seed, 0.0, experiment="without_chains")
        yield base
        yield post_train(settings, base, arm, algorithm)


def rounds(settings: Settings, seed: int, experiment: str = "rounds") -> Iterator[Node]:
    """STaR whose every round fits its kept pairs, from ever rarer chains (Theorem 2)."""
    until = UntilMatched("long", tolerance=0.1, samples=8192, max_epochs=8)
    for p_cot in settings.rare:
        arm = f"rounds p={p_cot:g}"
        base = pretrain(settings, arm, seed, p_cot, experiment=experiment)
        yield base
        larger = replace(settings, star_samples=2 * settings.star_samples)
        yield post_train(larger, base, arm, star(until=until), reward="cot")


def rarest(settings: Settings, seed: int) -> Iterator[Node]:
    """The same where chains are so rare that their learning is in doubt (exploratory)."""
    yield from rounds(settings, seed, experiment="rarest")


def reward_and_temperature(settings: Settings, seed: int) -> Iterator[Node]:
    """Three algorithms, two rewards, three sampling temperatures."""
    for algorithm in papers_algorithms():
        for reward in settings.task.rewards:
            for temperature in settings.temperatures:
                arm = f"{algorithm.name} {reward} τ={temperature:g}"
                experiment = "reward_and_temperature"
                base = pretrain(settings, arm, seed, settings.p_cot, experiment=experiment)
                yield base
                yield post_train(settings, base, arm, algorithm, reward, temperature)


def hotter(settings: Settings, seed: int) -> Iterator[Node]:
    """STaR so hot that about half of its chains have a wrong step: 2c is no longer above 1."""
    for reward in settings.task.rewards:
        arm = f"star {reward} τ={HOTTER:g}"
        base = pretrain(settings, arm, seed, settings.p_cot, experiment="hotter")
        yield base
        yield post_train(settings, base, arm, star(), reward, HOTTER)


def early(settings: Settings, seed: int) -> Iterator[Node]:
    """RL from pretraining that was stopped before the chain was reliable."""
    for start in settings.starts:
        arm = f"early {start} steps"
        short = replace(settings, steps=start)
        base = pretrain(short, arm, seed, settings.p_cot, experiment="early", start=start)
        yield base
        yield post_train(settings, base, arm, grpo())


def capacity(settings: Settings, seed: int) -> Iterator[Node]:
    """Deeper and wider decoders, next-token prediction alone (App. C.1)."""
    for layers in settings.depths:
        for width in settings.widths:
            arm = f"{layers} layers, width {width}"
            larger = replace(settings, layers=layers, width=width)
            yield pretrain(
                larger,
                arm,
                seed,
                settings.p_cot,
                experiment="capacity",
                layers=layers,
                width=width,
            )


def leap(settings: Settings, seed: int) -> Iterator[Node]:
    """Partial chains: every second prefix product only (exploratory; cf. Fig. 15)."""
    partial = Parity(settings.d, leap=2)
    for p_cot in (0.15, 0.2, 0.25, 0.3):
        base = pretrain(settings, f"leap p={p_cot:g}", seed, p_cot, experiment="leap")
        assert isinstance(base.config, Supervise)
        yield replace(base, config=replace(base.config, task=partial))


EXPERIMENTS = {
    function.__name__: function
    for function in (
        threshold,
        algorithms,
        denominators,
        matched,
        without_chains,
        rounds,
        rarest,
        reward_and_temperature,
        hotter,
        early,
        capacity,
        leap,
    )
}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


QUICK = Settings(
    experiments=("threshold", "algorithms", "matched", "without_chains"),
    sweep=(0.25, 0.3, 0.38, 0.42),  # 0.25 is p_cot: one model serves both
    steps=900,  # at 600 the chain is learned, but RL from it still wavers in its last rounds
    samples=2,
    looks=4,
)
FULL = Settings(experiments=())
PAPER = Settings(
    experiments=tuple(name for name in EXPERIMENTS if name not in ("threshold", "rarest")),
    d=50,
    layers=4,
    width=256,
    sweep=(0.1, 0.2, 0.25, 0.3, 0.36, 0.42, 0.5, 0.6),
    rare=(0.2, 0.05, 0.02, 0.01),
    depths=(2, 4, 8),
    widths=(128, 256),
    starts=(1000, 5000, 10000),
    steps=50_000,
    batch=256,
    patience=1,
    lr=1e-3,
    device="cuda",
)

study = Study(
    name="parity",
    title="Parity: what next-token prediction leaves and RL finishes",
    paper="How Reinforcement Learning After Next-Token Prediction Facilitates Learning, "
    "arXiv 2510.11495",
    summary="Decoders are trained from scratch on parity with rare long demonstrations, then by "
    "RL with a correctness reward.",
    presets={
        "quick": {"": QUICK},
        "full": {
            "core": replace(
                FULL,
                experiments=("threshold", "algorithms", "matched", "without_chains", "rounds"),
                sweep=(0.1, 0.2, 0.28, 0.3, 0.33, 0.36, 0.42, 0.5, 0.6),
            ),
            "robustness": replace(FULL, experiments=("reward_and_temperature", "early")),
            "ablations": replace(FULL, experiments=("denominators", "hotter", "leap")),
            "scale": replace(FULL, experiments=("capacity",)),
            "rarest": replace(FULL, experiments=("rarest",), rare=(0.01,), seeds=(0,)),
        },
        "paper": {
            "mistral": replace(PAPER, architecture="mistral"),
            "gpt2": replace(PAPER, architecture="gpt2"),
            "sweep": replace(PAPER, experiments=("threshold",), d=25),
        },
    },
    plan=plan,
    claims=CLAIMS,
    figures=FIGURES,
)
