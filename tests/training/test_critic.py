"""The critic: it learns expected returns, its gradient does not depend on how a batch is cut."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hone.core.contracts import Batch
from hone.core.random import Stream
from hone.objectives.algorithms import Critic as CriticConfig
from hone.objectives.algorithms import ppo
from hone.training.configs import Optimizer
from hone.training.critic import Critic, squared_error
from tests import tiny


def critic(tokens_at_once: int = 640) -> Critic:
    made = Critic(tiny.decoder(), CriticConfig(clip=None), Optimizer(1e-2), tokens_at_once)
    with torch.no_grad():
        made.model.weight.normal_(generator=torch.Generator().manual_seed(0))
    return made


def batch(seed: int = 0) -> Batch:
    plain = tiny.batch()
    returns = np.random.default_rng(seed).normal(size=plain.old_logprobs.shape)
    mask = plain.responses.mask
    return replace(plain, values=np.zeros(mask.shape), returns=returns * mask)


def test_a_fresh_critic_expects_nothing() -> None:
    fresh = Critic(tiny.decoder(), CriticConfig(), Optimizer(1e-2), 640)
    found = fresh.values(batch().prompts, batch().prompt_rows, batch().responses)
    assert not found.any()


def test_values_are_per_token_and_zero_beyond() -> None:
    plain = batch()
    found = critic().values(plain.prompts, plain.prompt_rows, plain.responses)
    assert (found != 0)[plain.responses.mask].all()
    assert not found[~plain.responses.mask].any()


def test_a_value_depends_on_what_came_before_only() -> None:
    """Changing a token changes no value up to and including its own position."""
    plain = batch()
    tokens = plain.responses.tokens.copy()
    tokens[:, 1] = 1 - np.minimum(tokens[:, 1], 1)
    changed = replace(plain.responses, tokens=tokens)
    before, after = (
        critic().values(plain.prompts, plain.prompt_rows, responses)
        for responses in (plain.responses, changed)
    )
    assert np.allclose(before[:, :2], after[:, :2], atol=1e-5)
    assert not np.allclose(before[:, 2:], after[:, 2:], atol=1e-3)


def test_gradients_do_not_depend_on_micro_batches() -> None:
    found = []
    for size in (1, 70, 640):
        exact = critic(size)
        exact.model.double()
        exact.accumulate(batch())
        found.append(tiny.gradient(exact.model.decoder))
    assert torch.allclose(found[0], found[1], atol=1e-12)
    assert torch.allclose(found[0], found[2], atol=1e-12)
    assert found[0].abs().max() > 1e-4


def test_it_learns_what_it_is_told() -> None:
    plain, made = batch(), critic()
    mask = plain.responses.mask
    target = replace(plain, returns=mask * 0.7)
    first = made.step(target, 1e-2)["value_error"]
    last = first
    for _ in range(100):
        last = made.step(target, 1e-2)["value_error"]
    assert last < first / 100
    found = made.values(plain.prompts, plain.prompt_rows, plain.responses)
    assert found[mask] == pytest.approx(0.7, abs=0.15)


def test_a_clipped_error_has_no_gradient_once_the_value_has_moved_far_enough() -> None:
    old, returns = torch.zeros(1, 1), torch.ones(1, 1)
    for value, slope in ((0.1, -0.9), (0.5, 0.0)):  # beyond 0.2 towards the return: flat
        values = torch.full((1, 1), value, requires_grad=True)
        squared_error(values, old, returns, 0.2).sum().backward()
        assert values.grad is not None
        assert values.grad.item() == pytest.approx(slope)
    values = torch.full((1, 1), -0.5, requires_grad=True)  # away from it: the larger error counts
    squared_error(values, old, returns, 0.2).sum().backward()
    assert values.grad is not None
    assert values.grad.item() == pytest.approx(-1.5)


def test_a_saved_learner_with_a_critic_goes_on_bitwise(tmp_path: Path) -> None:
    first, second = tiny.learner(ppo()), tiny.learner(ppo())
    first.update(batch(), Stream.root(0))
    first.save(tmp_path)
    second.load(tmp_path)
    for learner in (first, second):
        learner.update(batch(1), Stream.root(1))
    drawn, responses = tiny.rollouts()
    assert np.array_equal(
        first.values(drawn.prompts, responses), second.values(drawn.prompts, responses)
    )
    assert first.values(drawn.prompts, responses).any()
