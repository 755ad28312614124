"""What lags behind lags by exactly as many rounds as asked, also after a resumption."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hone.core.random import Stream
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm, grpo
from hone.objectives.divergence import KL
from hone.training.learner import DecoderLearner
from tests import tiny


def stale(rounds: int) -> Algorithm:
    return replace(grpo(), schedule=replace(grpo().schedule, staleness=rounds))


def weights(decoder: Decoder) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in decoder.parameters()])


def advance(learner: DecoderLearner, round: int) -> torch.Tensor:
    """One round; the policy's weights after it."""
    learner.update(tiny.batch(seed=round), Stream.root(round))
    learner.end_round(round)
    return weights(learner.policy.decoder)


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_sampler_is_as_stale_as_asked(rounds: int) -> None:
    learner = tiny.learner(stale(rounds))
    history = [weights(learner.policy.decoder)]
    for round in range(1, 7):
        assert torch.equal(weights(learner.sampler.decoder), history[max(0, round - 1 - rounds)])
        history.append(advance(learner, round))


def test_a_fresh_sampler_is_the_policy() -> None:
    learner = tiny.learner(grpo())
    assert learner.sampler is learner.policy


def test_a_moving_reference_moves_when_it_is_due() -> None:
    learner = tiny.learner(grpo(kl=KL(0.1, "exact", refresh=2)))
    assert learner._reference is not None
    first = weights(learner.policy.decoder)
    advance(learner, 1)
    assert torch.equal(weights(learner._reference.decoder), first)
    second = advance(learner, 2)
    assert torch.equal(weights(learner._reference.decoder), second)
    advance(learner, 3)
    assert torch.equal(weights(learner._reference.decoder), second)


def test_a_fixed_reference_never_moves() -> None:
    learner = tiny.learner(grpo(kl=KL(0.1, "exact")))
    assert learner._reference is not None
    first = weights(learner.policy.decoder)
    for round in (1, 2):
        advance(learner, round)
    assert torch.equal(weights(learner._reference.decoder), first)


@pytest.mark.parametrize(
    "algorithm", [stale(2), grpo(kl=KL(0.1, "exact", refresh=2))], ids=["stale", "kl"]
)
def test_a_saved_learner_lags_as_before(algorithm: Algorithm, tmp_path: Path) -> None:
    first, second = tiny.learner(algorithm), tiny.learner(algorithm, model=tiny.decoder(0))
    for round in (1, 2, 3):
        advance(first, round)
    first.save(tmp_path)
    second.load(tmp_path)
    for learner in (first, second):
        for round in (4, 5):
            advance(learner, round)
    assert torch.equal(weights(first.sampler.decoder), weights(second.sampler.decoder))
    if first._reference and second._reference:
        assert torch.equal(weights(first._reference.decoder), weights(second._reference.decoder))
