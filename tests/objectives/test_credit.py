"""Credit: group laws by hypothesis, unscorable responses, the running mean's memory."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hone.core.errors import UsageError
from hone.objectives.algorithms import Algorithm, grpo, reinforce, star
from hone.objectives.credit import GroupMean, GroupNormalised, RewardAsWeight, RunningMean

Rewards = arrays(np.float64, (4, 6), elements=st.sampled_from([0.0, 0.25, 1.0]))


@given(Rewards)
def test_group_weights_sum_to_zero_and_ignore_shifts(rewards: np.ndarray) -> None:
    for credit in (GroupMean(), GroupNormalised()):
        weights, _ = credit.weights(rewards, {})
        shifted, _ = credit.weights(rewards + 3.0, {})
        assert np.allclose(weights.sum(axis=1), 0, atol=1e-9)
        assert np.allclose(weights, shifted, atol=1e-9)


@given(Rewards)
def test_groups_without_signal_weigh_nothing(rewards: np.ndarray) -> None:
    rewards[1] = rewards[1, 0]
    for credit in (GroupMean(), GroupNormalised()):
        assert np.abs(credit.weights(rewards, {})[0][1]).max() < 1e-9


@given(Rewards, st.sampled_from([0, 1]))
def test_normalised_weights_are_the_definition(rewards: np.ndarray, ddof: Literal[0, 1]) -> None:
    weights, _ = GroupNormalised(ddof, 1e-4).weights(rewards, {})
    deviation = rewards.std(axis=1, ddof=ddof, keepdims=True)
    assert np.allclose(
        weights, (rewards - rewards.mean(axis=1, keepdims=True)) / (deviation + 1e-4)
    )


@given(Rewards)
def test_an_unscorable_member_leaves_the_others_as_if_it_were_not_there(
    rewards: np.ndarray,
) -> None:
    with_gap = rewards.copy()
    with_gap[:, 2] = np.nan
    for credit in (RewardAsWeight(), GroupMean(), GroupNormalised(), RunningMean()):
        weights, state = credit.weights(with_gap, {})
        without, state_without = credit.weights(np.delete(rewards, 2, axis=1), {})
        assert (weights[:, 2] == 0).all() or isinstance(credit, RunningMean)
        assert np.allclose(np.delete(weights, 2, axis=1), without)
        assert state == state_without


def test_a_group_that_cannot_be_scored_at_all_has_no_weight() -> None:
    rewards = np.full((1, 4), np.nan)
    for credit in (RewardAsWeight(), GroupMean(), GroupNormalised(), RunningMean()):
        assert (credit.weights(rewards, {})[0] == 0).all()


def test_the_running_mean_uses_earlier_batches_only() -> None:
    credit, state = RunningMean(0.5), {}
    first, state = credit.weights(np.ones((2, 2)), state)
    second, state = credit.weights(np.zeros((2, 2)), state)
    third, _ = credit.weights(np.ones((2, 2)), state)
    assert [first[0, 0], second[0, 0], third[0, 0]] == [1.0, -1.0, 0.5]


@pytest.mark.parametrize(
    ("algorithm", "group", "temperature", "top_p", "key"),
    [
        (grpo(), 1, 1.0, 1.0, "group = 1"),
        (reinforce("group_mean"), 1, 1.0, 1.0, "group = 1"),
        (grpo(), 4, 0.0, 1.0, "temperature = 0"),
        (star(), 1, 0.0, 1.0, "temperature = 0"),
        (grpo(), 4, 1.0, 0.9, "top_p = 0.9"),
        (reinforce("none"), 1, 1.0, 0.9, "top_p = 0.9"),
    ],
)
def test_impossible_combinations_are_refused(
    algorithm: Algorithm, group: int, temperature: float, top_p: float, key: str
) -> None:
    with pytest.raises(UsageError, match=key):
        algorithm.check(group, temperature, top_p)


def test_star_may_filter_nucleus_samples() -> None:
    star().check(group=1, temperature=1.0, top_p=0.9)
