"""Experiments that are the same whatever is worked out; each function is one."""

from collections.abc import Iterator

from hone.objectives.algorithms import Algorithm, grpo, reinforce, star
from hone.runs.plan import Node
from hone.studies.rl_after_ntp.mixture import (
    MixtureSettings,
    more_prediction,
    post_train,
    pretrain,
    steps_of_equal_compute,
    steps_of_equal_samples,
)


def algorithms(settings: MixtureSettings, seed: int) -> Iterator[Node]:
    """STaR, REINFORCE and GRPO from one pretrained model, rewarded for right answers (§5)."""
    for algorithm in papers_algorithms():
        base = pretrain(settings, algorithm.name, seed, settings.p_cot, experiment="algorithms")
        yield base
        yield post_train(settings, base, algorithm.name, algorithm)


def rarity(settings: MixtureSettings, seed: int) -> Iterator[Node]:
    """Worked solutions ever rarer, and GRPO from each pretrained model."""
    for p_cot in settings.sweep:
        arm = f"p = {p_cot:g}"
        base = pretrain(settings, arm, seed, p_cot, experiment="rarity")
        yield base
        yield post_train(settings, base, arm, grpo())


def matched(settings: MixtureSettings, seed: int) -> Iterator[Node]:
    """More next-token prediction instead: of as many sequences, ten times as many, equal cost."""
    budgets = {
        "×1 samples": steps_of_equal_samples(settings),
        "×10 samples": steps_of_equal_samples(settings, 10),
        "equal compute": steps_of_equal_compute(settings),
    }
    for budget, steps in budgets.items():
        yield from more_prediction(settings, seed, f"more ntp, {budget}", steps, budget=budget)


def temperatures(settings: MixtureSettings, seed: int) -> Iterator[Node]:
    """Every algorithm at every sampling temperature."""
    for algorithm in papers_algorithms():
        for temperature in settings.temperatures:
            arm = f"{algorithm.name} τ={temperature:g}"
            base = pretrain(settings, arm, seed, settings.p_cot, experiment="temperatures")
            yield base
            yield post_train(settings, base, arm, algorithm, temperature=temperature)


def without_worked(settings: MixtureSettings, seed: int) -> Iterator[Node]:
    """p_cot = 0: no worked solution was ever seen, so there is none to amplify."""
    base = pretrain(settings, "p = 0", seed, 0.0, experiment="without_worked")
    yield base
    yield post_train(settings, base, "p = 0", grpo())


def papers_algorithms() -> tuple[Algorithm, ...]:
    """The paper's three algorithms."""
    return (star(), reinforce(), grpo())


EXPERIMENTS = (rarity, algorithms, matched, without_worked, temperatures)
"""All of them."""
