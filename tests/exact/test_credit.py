"""Credit by enumeration: what is unbiased is shown to be, and what is biased, by how much."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from hone.objectives.algorithms import Algorithm, dr_grpo, grpo, rloo
from hone.objectives.credit import (
    Credit,
    GeneralisedAdvantage,
    GroupMean,
    GroupNormalised,
    LeaveOneOut,
    RunningMean,
    assign,
)
from hone.objectives.losses import ClippedSurrogate, WeightedLikelihood
from tests.exact.enumeration import MAX_TOKENS, Enumeration

EVERYTHING = Enumeration()


def policy_gradient(weights: np.ndarray) -> Tensor:
    """Expected gradient of -w log π over sampled responses, as ascent."""
    terms = WeightedLikelihood("sequence_sum").terms(EVERYTHING.tokens(weights))
    return -EVERYTHING.gradient(EVERYTHING.expected(terms))


def pair_weights(credit: Credit) -> np.ndarray:
    """Expected weight of every response in groups of two, over the other member."""
    n, chances = len(EVERYTHING.rewards), EVERYTHING.probabilities(EVERYTHING.model)
    pairs = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), axis=-1)
    advantages, _ = credit.weights(EVERYTHING.rewards[pairs.reshape(-1, 2)], {})
    first = advantages[:, 0].reshape(n, n)
    return (first @ chances.detach().numpy())[:, None]


def test_leave_one_out_is_unbiased() -> None:
    wanted = EVERYTHING.exact_reward_gradient()
    assert torch.allclose(policy_gradient(pair_weights(LeaveOneOut())), wanted, atol=1e-9)


def test_the_running_mean_is_unbiased_whatever_came_before() -> None:
    """A first batch of one response, drawn from the policy too, is the baseline of the second."""
    chances = EVERYTHING.probabilities(EVERYTHING.model).detach().numpy()
    rewards, credit = EVERYTHING.rewards[:, None], RunningMean()
    states = [credit.weights(first[None], {})[1] for first in rewards]
    weights = [credit.weights(rewards, state)[0] for state in states]
    assert np.ptp(np.stack(weights), axis=0).min() > 0.5
    for each in (np.tensordot(chances, weights, axes=1), weights[rewards.argmax()]):
        assert torch.allclose(policy_gradient(each), EVERYTHING.exact_reward_gradient(), atol=1e-9)


def test_the_group_mean_shrinks_the_gradient_by_one_over_the_group() -> None:
    wanted = EVERYTHING.exact_reward_gradient() / 2
    assert torch.allclose(policy_gradient(pair_weights(GroupMean())), wanted, atol=1e-9)


def test_normalised_pairs_of_binary_rewards_point_the_same_way() -> None:
    """Members of a mixed pair get ±1/√2, so the gradient is the exact one times a number."""
    exact = EVERYTHING.exact_reward_gradient()
    found = policy_gradient(pair_weights(GroupNormalised(epsilon=1e-12)))
    assert torch.allclose(found, exact * np.sqrt(0.5), atol=1e-9)


def objective_gradient(algorithm: Algorithm, weights: np.ndarray, scale: np.ndarray) -> Tensor:
    """Expected gradient of an algorithm's loss with its own share for every token."""
    terms = algorithm.terms(EVERYTHING.tokens(weights))
    return -EVERYTHING.gradient(EVERYTHING.expected(terms * torch.from_numpy(scale)))


def test_one_ratio_a_response_is_reinforce_on_policy() -> None:
    """RLOO: the term stands at every token and `sequence_mean` takes it once."""
    weights = pair_weights(LeaveOneOut())
    each = 1 / EVERYTHING.responses.lengths[:, None]
    found = objective_gradient(rloo(), weights, each)
    assert torch.allclose(found, EVERYTHING.exact_reward_gradient(), atol=1e-9)


def test_dr_grpo_is_reinforce_over_the_token_budget() -> None:
    weights = pair_weights(GroupMean())
    each = np.full((len(weights), 1), 1 / MAX_TOKENS)
    found = objective_gradient(dr_grpo(), weights, each)
    wanted = EVERYTHING.exact_reward_gradient() / 2 / MAX_TOKENS
    assert torch.allclose(found, wanted, atol=1e-9)


def test_grpo_as_published_weighs_a_response_by_one_over_its_length() -> None:
    """The surrogate whose gradient it is: E[A log π(y) / |y|], not expected reward."""
    weights = pair_weights(GroupNormalised())
    each = 1 / EVERYTHING.responses.lengths[:, None]
    found = objective_gradient(grpo("sequence_mean"), weights, each)
    assert torch.allclose(found, policy_gradient(weights * each), atol=1e-9)
    exact = EVERYTHING.exact_reward_gradient()
    assert torch.nn.functional.cosine_similarity(found, exact, dim=0) < 0.999


def test_the_ratio_of_whole_responses_corrects_for_a_stale_sampler() -> None:
    """Samples of another policy, unclipped: still the exact gradient of this one."""
    chance = EVERYTHING.probabilities(EVERYTHING.reference).detach()
    old = EVERYTHING.tokens(np.ones((1, 1))).reference_logprobs
    loss = ClippedSurrogate("sequence_mean", 0.999999, 1e12, ratio="sequence")
    terms = loss.terms(EVERYTHING.tokens(EVERYTHING.rewards[:, None], old))
    each = EVERYTHING.sums(terms / torch.from_numpy(EVERYTHING.responses.lengths)[:, None])
    found = -EVERYTHING.gradient((chance * each).sum())
    assert torch.allclose(found, EVERYTHING.exact_reward_gradient(), atol=1e-9)


def true_values() -> np.ndarray:
    """Expected reward given the tokens before each position."""
    tokens, lengths = EVERYTHING.responses.tokens, EVERYTHING.responses.lengths
    chance = EVERYTHING.probabilities(EVERYTHING.model).detach().numpy()
    values = np.zeros(tokens.shape)
    for row in range(len(tokens)):
        for position in range(lengths[row]):
            same = (tokens[:, :position] == tokens[row, :position]).all(axis=1)
            same &= lengths > position
            values[row, position] = chance[same] @ EVERYTHING.rewards[same] / chance[same].sum()
    return values


def gae_gradient(decay: float, values: np.ndarray) -> Tensor:
    credit = GeneralisedAdvantage(decay=decay, normalise=False)
    credited = assign(
        credit, EVERYTHING.rewards[:, None], None, values, EVERYTHING.responses.mask, {}
    )
    return policy_gradient(credited.weights)


def any_critic() -> np.ndarray:
    """Some function of the tokens before."""
    before = np.cumsum(EVERYTHING.responses.tokens, axis=1) - EVERYTHING.responses.tokens
    return np.sin(1.0 + before)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_gae_with_the_true_values_is_unbiased_for_every_decay(decay: float) -> None:
    found = gae_gradient(decay, true_values())
    assert torch.allclose(found, EVERYTHING.exact_reward_gradient(), atol=1e-9)


def test_gae_at_decay_one_is_unbiased_for_any_critic_and_below_it_is_not() -> None:
    exact = EVERYTHING.exact_reward_gradient()
    assert torch.allclose(gae_gradient(1.0, any_critic()), exact, atol=1e-9)
    assert (gae_gradient(0.5, any_critic()) - exact).abs().max() > 0.05 * exact.abs().max()


@given(
    arrays(np.float64, (3, 5), elements=st.floats(-2, 2)),
    arrays(np.float64, (3, 5), elements=st.floats(-2, 2)),
    st.floats(0.1, 1.0),
    st.floats(0.0, 1.0),
)
def test_gae_is_its_definition(
    rewards: np.ndarray, values: np.ndarray, discount: float, decay: float
) -> None:
    lengths = np.array([5, 1, 3])
    mask = np.arange(5) < lengths[:, None]
    credit = GeneralisedAdvantage(discount, decay, normalise=False)
    advantages, returns = credit.token_weights(rewards * mask, values * mask, mask)
    for row, n in enumerate(lengths):
        after = [*values[row, 1:n], 0.0]
        errors = [rewards[row, t] + discount * after[t] - values[row, t] for t in range(n)]
        for t in range(n):
            wanted = sum((discount * decay) ** (k - t) * errors[k] for k in range(t, n))
            assert advantages[row, t] == pytest.approx(wanted, abs=1e-9)
            assert returns[row, t] == pytest.approx(wanted + values[row, t], abs=1e-9)
        assert not advantages[row, n:].any()
