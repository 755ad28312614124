"""What the released code of arXiv 2504.07912 made of GRPO, and what that comes to.

Its launch script packs samples. In the packed branch the KL term is built anew from detached
numbers, and the loss is a mean over the tokens of every micro-batch of eight responses.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hone.core.contracts import Batch
from hone.objectives.algorithms import Algorithm, grpo
from hone.objectives.divergence import KL
from hone.objectives.losses import Tokens, token_shares
from tests import tiny


class Detached(KL):
    """A penalty that is counted but not differentiated."""

    def terms(self, tokens: Tokens) -> torch.Tensor:
        return super().terms(tokens).detach()


def batch() -> Batch:
    """Rollouts, and a reference that is another policy."""
    drawn = tiny.batch()
    noise = np.random.default_rng(1).normal(size=drawn.old_logprobs.shape)
    return replace(drawn, reference_logprobs=drawn.old_logprobs + 0.3 * noise.astype(np.float32))


def found(algorithm: Algorithm) -> tuple[float, torch.Tensor]:
    learner = tiny.learner(algorithm)
    loss = learner.accumulate(batch())["loss"]
    return loss, tiny.gradient(learner.policy.decoder)


@pytest.mark.parametrize("coefficient", [1e-3, 1e-2, 10.0])
def test_a_penalty_of_detached_numbers_is_no_penalty(coefficient: float) -> None:
    """Whatever its coefficient, the gradient is that without one; the loss is another number."""
    none, off = found(grpo())
    counted, released = found(grpo(kl=Detached(coefficient)))
    _, working = found(grpo(kl=KL(coefficient)))
    torch.testing.assert_close(released, off, atol=1e-6, rtol=1e-5)
    assert counted != none
    assert not torch.allclose(working, off, atol=1e-5 * max(1.0, coefficient))


def test_the_mean_over_eights_is_that_of_micro_batches() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, size=20)
    mask = np.arange(30) < lengths[:, None]
    terms = np.random.default_rng(1).normal(size=mask.shape)
    shares = token_shares(lengths, mask, "token_mean_of_8", 30)
    means = [terms[rows][mask[rows]].mean() for rows in np.split(np.arange(20), [8, 16])]
    assert (shares * terms).sum() == pytest.approx(np.mean(means))


def test_short_responses_weigh_more_in_it_where_they_are_among_short_ones() -> None:
    """As in no other mean over tokens."""
    lengths = np.array([2] * 8 + [20] * 8)
    mask = np.arange(20) < lengths[:, None]
    shares = token_shares(lengths, mask, "token_mean_of_8", 20)
    assert shares[0, 0] == pytest.approx(10 * shares[8, 0])
    assert np.ptp(token_shares(lengths, mask, "token_mean", 20)[mask]) == 0
