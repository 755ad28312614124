"""What every algorithm follows, through the real loop, over all batches that a round can draw.

A policy gradient's surrogate is E[Σ w log π(token)]: each response is drawn from the policy while
the rest of the batch, and what the weight w makes of it, stays as it is.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from hone.objectives.algorithms import (
    Algorithm,
    dapo,
    dr_grpo,
    expert_iteration,
    grpo,
    gspo,
    ppo,
    reinforce,
    reinforce_pp,
    rloo,
    star,
)
from hone.objectives.credit import GroupNormalised
from hone.objectives.divergence import KL
from hone.objectives.losses import ClippedSurrogate
from tests.exact.batches import (
    BASELINE,
    MAX_TOKENS,
    TEMPERATURE,
    Drawn,
    every_batch,
    expected_update,
    reward_gradient,
    surrogate_gradient,
)

BETA = 0.3
Weights = Callable[[Drawn], np.ndarray]

update = cache(expected_update)
"""Of an algorithm, so many prompts and so many responses a prompt."""


def rewards(batch: Drawn) -> np.ndarray:
    return batch.rewards.reshape(-1, 1)


def centred(batch: Drawn) -> np.ndarray:
    """Less the mean of the group."""
    return (batch.rewards - batch.rewards.mean(axis=1, keepdims=True)).reshape(-1, 1)


def over_deviation(batch: Drawn) -> np.ndarray:
    deviations = batch.rewards.std(axis=1, ddof=1, keepdims=True) + 1e-4
    return centred(batch) / np.repeat(deviations, batch.rewards.shape[1], axis=0)


def others(earned: np.ndarray) -> np.ndarray:
    """Less the mean of the rest of the group, (prompts, group)."""
    rest = [np.delete(earned, i, axis=1).mean(axis=1) for i in range(earned.shape[1])]
    return (earned - np.stack(rest, axis=1)).reshape(-1, 1)


def standardised(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    inside = values[mask]
    return (values - inside.mean()) / (inside.std() + 1e-8)


def to_go(batch: Drawn, penalty: float = 0.0) -> np.ndarray:
    """The reward and what is still to come of a penalty on d = log π - log reference."""
    earned = -penalty * batch.log_ratios
    return np.cumsum(earned[:, ::-1], axis=1)[:, ::-1] + rewards(batch)


def gae(batch: Drawn, decay: float) -> np.ndarray:
    """A mean of n-step advantages with weights (1 - λ) λ^(n-1), all that is left on the last one.

    After n steps: V_{t+n} - V_t, or reward - V_t at the end.
    """
    found = np.zeros(batch.mask.shape)
    for row, length in enumerate(batch.lengths):
        reached = [*batch.values[row, :length], batch.rewards.flat[row]]
        for t in range(length):
            steps = [reached[t + n] - reached[t] for n in range(1, length - t + 1)]
            shares = [(1 - decay) * decay**n for n in range(len(steps))]
            shares[-1] = decay ** (len(steps) - 1)
            found[row, t] = np.dot(shares, steps)
    return found


def mean_of(batch: Drawn, rows: np.ndarray) -> np.ndarray:
    """One over the tokens of the given rows, at these rows."""
    return (rows / max(batch.lengths[rows].sum(), 1))[:, None]


def token_mean(batch: Drawn) -> float:
    return 1 / batch.lengths.sum()


def sequence_mean(batch: Drawn) -> np.ndarray:
    return 1 / batch.lengths[:, None] / len(batch.lengths)


def sequence_sum(batch: Drawn) -> float:
    return 1 / len(batch.lengths)


def kept(batch: Drawn, once: bool) -> np.ndarray:
    """The rewarded responses, or the first of equal ones."""
    answers = list(zip(batch.prompts.tolist(), batch.chosen.ravel().tolist(), strict=True))
    first = np.array([answers.index(answer) == row for row, answer in enumerate(answers)])
    return (rewards(batch)[:, 0] > 0) & (first | (not once))


def stopped(batch: Drawn) -> np.ndarray:
    return batch.chosen.ravel() < MAX_TOKENS


CASES: dict[str, tuple[Algorithm, Weights]] = {
    "REINFORCE": (reinforce("none"), lambda b: rewards(b) * sequence_sum(b)),
    "REINFORCE, running mean": (
        reinforce(),
        lambda b: (rewards(b) - BASELINE) * sequence_sum(b),
    ),
    "REINFORCE, group mean": (reinforce("group_mean"), lambda b: centred(b) * sequence_sum(b)),
    "REINFORCE, critic": (reinforce("learned"), lambda b: gae(b, 1.0) * sequence_sum(b)),
    "RLOO": (rloo(), lambda b: others(b.rewards) * sequence_sum(b)),
    "RLOO, k1 in the reward": (
        rloo(kl=KL(BETA, "k1", "reward")),
        lambda b: others(to_go(b, BETA)[:, 0].reshape(b.chosen.shape)) * sequence_sum(b),
    ),
    "GRPO": (grpo(), lambda b: over_deviation(b) * token_mean(b)),
    "GRPO, as published": (grpo("sequence_mean"), lambda b: over_deviation(b) * sequence_mean(b)),
    "GRPO, k1 in the advantage": (
        grpo(kl=KL(BETA, "k1", "advantage")),
        lambda b: (over_deviation(b) - BETA * b.log_ratios) * token_mean(b),
    ),
    "GRPO, k2 in the advantage": (
        grpo(kl=KL(BETA, "k2", "advantage")),
        lambda b: (over_deviation(b) - BETA * b.log_ratios**2 / 2) * token_mean(b),
    ),
    "Dr. GRPO": (dr_grpo(), lambda b: centred(b) * sequence_sum(b) / MAX_TOKENS),
    "Dr. GRPO but for the token mean": (
        replace(dr_grpo(), loss=ClippedSurrogate("token_mean")),
        lambda b: centred(b) * token_mean(b),
    ),
    "Dr. GRPO but for the deviation": (
        replace(dr_grpo(), credit=GroupNormalised()),
        lambda b: over_deviation(b) * sequence_sum(b) / MAX_TOKENS,
    ),
    "DAPO, one draw": (dapo(draws=1), lambda b: over_deviation(b) * mean_of(b, stopped(b))),
    "GSPO": (gspo(), lambda b: over_deviation(b) * sequence_mean(b)),
    "PPO": (ppo(), lambda b: standardised(gae(b, 0.95), b.mask) * token_mean(b)),
    "REINFORCE++": (
        reinforce_pp(),
        lambda b: standardised(rewards(b) * b.mask, b.mask) * token_mean(b),
    ),
    "REINFORCE++, k1 in the reward": (
        reinforce_pp(kl=KL(BETA, "k1", "reward")),
        lambda b: standardised(to_go(b, BETA), b.mask) * token_mean(b),
    ),
    "REINFORCE++, group mean": (
        reinforce_pp("group_mean"),
        lambda b: standardised(centred(b), np.full((len(b.lengths), 1), True)) * token_mean(b),
    ),
    "STaR": (star(), lambda b: rewards(b) * mean_of(b, kept(b, once=False))),
    "expert iteration": (
        expert_iteration(epochs=1),
        lambda b: rewards(b) * mean_of(b, kept(b, once=True)),
    ),
}


def same(found: Tensor, wanted: Tensor) -> bool:
    return torch.allclose(found, wanted, rtol=0, atol=1e-6)


BATCHWISE = (
    "GRPO",
    "DAPO, one draw",
    "PPO",
    "REINFORCE++",
    "REINFORCE++, group mean",
    "STaR",
)
"""Whose weights hold what other groups of the batch earned, or how long they are."""

SHAPES = [(name, (1, 3)) for name in CASES] + [(name, (2, 2)) for name in BATCHWISE]


@pytest.mark.parametrize(("name", "shape"), SHAPES, ids=str)
def test_the_expected_update_is_the_gradient_of_the_stated_surrogate(
    name: str, shape: tuple[int, int]
) -> None:
    """Responses are drawn at the temperature and scored at it; data are fit at temperature 1."""
    algorithm, weights = CASES[name]
    temperature = 1.0 if algorithm.loss.fits_data else TEMPERATURE
    wanted = surrogate_gradient(weights, *shape, temperature)
    assert wanted.abs().max() > 1e-2
    assert same(update(algorithm, *shape), wanted)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("REINFORCE", 1),
        ("REINFORCE, running mean", 1),
        ("REINFORCE, critic", 1),
        ("RLOO", 1),
        ("REINFORCE, group mean", 2 / 3),  # a response's own reward is a third of its baseline
        ("Dr. GRPO", 2 / 3 / MAX_TOKENS),
    ],
)
def test_these_follow_the_expected_reward(name: str, factor: float) -> None:
    assert same(update(CASES[name][0], 1, 3), factor * reward_gradient(1))


@pytest.mark.parametrize(
    "name",
    [
        "Dr. GRPO but for the token mean",
        "Dr. GRPO but for the deviation",
        "GRPO",
        "GRPO, as published",
        "DAPO, one draw",
        "GSPO",
        "PPO",
        "REINFORCE++",
        "REINFORCE++, group mean",
        "STaR",
        "expert iteration",
    ],
)
def test_these_do_not_even_point_its_way(name: str) -> None:
    """More than a tenth of the update goes elsewhere: a bias that no learning rate makes up for.

    Lengths and deviations in the weights turn it; where data are fit, the temperature does, too.
    """
    found, wanted = update(CASES[name][0], 1, 3), reward_gradient(1)
    along = wanted * (found @ wanted) / (wanted @ wanted)
    assert (found - along).norm() > 0.1 * found.norm()


def test_gspo_on_its_own_samples_is_grpo_as_published() -> None:
    assert same(update(gspo(), 1, 3), update(grpo("sequence_mean"), 1, 3))


def test_dynamic_sampling_only_makes_the_update_of_a_prompt_larger() -> None:
    """A group without signal is drawn once more: its chance q comes to the update as q of it."""
    equal = sum(batch.chance for batch in every_batch(1, 2) if np.ptp(batch.rewards) == 0)
    assert 0.2 < equal < 0.8
    assert same(update(dapo(draws=2), 1, 2), (1 + equal) * update(dapo(draws=1), 1, 2))
