"""Combinations that cannot work are refused before anything runs, with the reason."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from hone.core.errors import UsageError
from hone.objectives.algorithms import (
    ALGORITHMS,
    Algorithm,
    Critic,
    Schedule,
    expert_iteration,
    grpo,
    gspo,
    ppo,
    reinforce,
    rloo,
    star,
)
from hone.objectives.credit import GeneralisedAdvantage, GroupMean, GroupNormalised, ReturnToGo
from hone.objectives.divergence import KL
from hone.objectives.losses import ClippedSurrogate
from hone.training.configs import Optimizer

IMPOSSIBLE: dict[str, tuple[Callable[[], object], str]] = {
    "critic with a group baseline": (lambda: replace(grpo(), critic=Critic()), "GroupNormalised"),
    "GAE without a critic": (lambda: replace(ppo(), critic=None), "a Critic with Generalised"),
    "GAE with expert iteration": (
        lambda: replace(
            expert_iteration(), credit=GeneralisedAdvantage(), critic=Critic(), name="expert"
        ),
        "whole responses",
    ),
    "a sequence's ratio clipped token by token": (
        lambda: ClippedSurrogate("token_mean", ratio="sequence"),
        "sequence_mean with a sequence ratio",
    ),
    "a sequence's ratio with weights by token": (
        lambda: replace(gspo(), credit=ReturnToGo()),
        "ratio",
    ),
    "a sequence's ratio with a penalty by token": (
        lambda: rloo(kl=KL(0.1, "k1", "advantage")),
        "ratio",
    ),
    "KL of data that is fit": (lambda: replace(star(), kl=KL(0.1)), "kl"),
    "entropy of data that is fit": (lambda: replace(star(), entropy=0.1), "entropy"),
    "filtering with a policy gradient": (
        lambda: replace(grpo(), schedule=Schedule(keep="positive")),
        "keep",
    ),
    "several epochs without importance ratios": (
        lambda: replace(reinforce(), schedule=Schedule(epochs=2)),
        "epochs",
    ),
    "several steps without importance ratios": (
        lambda: replace(reinforce(), schedule=Schedule(minibatch=8)),
        "minibatch",
    ),
    "a stale sampler without importance ratios": (
        lambda: replace(reinforce(), schedule=Schedule(staleness=1)),
        "staleness",
    ),
    "KL without weight": (lambda: KL(0.0), "kl.coefficient"),
    "reweighting what is not differentiated": (
        lambda: KL(0.1, "k1", "reward", reweighted=True),
        "kl.reweighted",
    ),
    "a reference that moves every 0 rounds": (lambda: KL(0.1, refresh=0), "kl.refresh"),
    "negative staleness": (lambda: Schedule(staleness=-1), "staleness"),
    "one response a group": (lambda: grpo().check(1, 1.0, 1.0), "group"),
    "nucleus samples in a policy gradient": (lambda: grpo().check(4, 1.0, 0.9), "top_p"),
    "temperature 0": (lambda: star().check(4, 0.0, 1.0), "temperature"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_combinations_are_refused(case: str) -> None:
    make, reason = IMPOSSIBLE[case]
    with pytest.raises(UsageError) as caught:
        make()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_defaults_are_possible(name: str) -> None:
    algorithm = ALGORITHMS[name]()
    assert isinstance(algorithm, Algorithm)
    algorithm.check(group=8, temperature=1.0, top_p=1.0)


def test_expert_iteration_may_take_nucleus_samples() -> None:
    expert_iteration().check(4, 1.0, 0.9)


def test_a_plain_group_mean_needs_a_group_and_nothing_else() -> None:
    replace(grpo(), credit=GroupMean()).check(2, 1.0, 1.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: KL(math.inf), "kl.coefficient = inf"),
        (lambda: GroupNormalised(epsilon=-1.0), "epsilon = -1.0"),
        (lambda: replace(grpo(), entropy=math.nan), "entropy = nan"),
        (lambda: replace(grpo(), schedule=Schedule(deduplicate=True)), "deduplicate = True"),
        (lambda: replace(grpo(), schedule=Schedule(start="initial")), "start = 'initial'"),
        (lambda: Optimizer(math.inf), "lr = inf"),
        (lambda: Optimizer(1e-3, warmup=-3), "warmup = -3"),
    ],
)
def test_what_is_no_choice_is_refused_by_name(make: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        make()
