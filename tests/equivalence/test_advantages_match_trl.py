"""From rewards to advantages: ours equal those that TRL's trainers put into their batches.

Rewards are given to TRL as a user's function returns them, and its own rollout method is called.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hone.objectives.credit import (
    BatchNormalised,
    Credit,
    GroupMean,
    GroupNormalised,
    LeaveOneOut,
)
from tests.equivalence.trainers import GROUP, PROMPT, PROMPTS, ROWS, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's, transformers' and accelerate's own

NONE = np.nan  # what a user's function says of what it cannot score
REWARDS = np.array(
    [
        [0.0, 1.0, 0.0, 1.0],
        [0.5, -1.25, 3.0, 0.25],
        [0.7, 0.7, 0.7, 0.7],
        [1.0, NONE, 0.0, 0.4],
        [NONE, NONE, 1.0, NONE],
        [NONE, NONE, NONE, NONE],
    ]
)


def theirs(folder: Path, kind: str, rewards: np.ndarray, **options: Any) -> np.ndarray:
    flat = [None if np.isnan(reward) else float(reward) for reward in rewards.ravel()]
    trainer = trainer_of(folder, kind, flat, **options)
    batch = trainer._generate_and_score_completions([{"prompt": PROMPT}] * ROWS)
    return batch["advantages"].double().numpy().reshape(PROMPTS, GROUP)


def ours(credit: Credit, rewards: np.ndarray) -> np.ndarray:
    return credit.weights(rewards, {})[0]


@pytest.mark.parametrize(
    ("credit", "kind", "options"),
    [
        (GroupNormalised(), "grpo", {}),
        (GroupMean(), "grpo", {"scale_rewards": "none"}),
        (LeaveOneOut(), "rloo", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_advantages(credit: Credit, kind: str, options: dict[str, Any], folder: Path) -> None:
    wanted = theirs(folder, kind, REWARDS, **options)
    assert np.abs(wanted[:2]).min() > 0.05
    assert not wanted[np.isnan(REWARDS)].any()
    assert ours(credit, REWARDS) == pytest.approx(wanted, abs=1e-5)


def test_the_other_deviation_is_larger_by_the_root_of_g_over_g_minus_1(folder: Path) -> None:
    """TRL's has ddof 1, as `GroupNormalised` by default; `ddof=0` is a choice of ours."""
    full = ~np.isnan(REWARDS).any(axis=1)
    found = ours(GroupNormalised(ddof=0), REWARDS)[full]
    wanted = theirs(folder, "grpo", REWARDS)[full] * np.sqrt(GROUP / (GROUP - 1))
    assert found == pytest.approx(wanted, abs=1e-3)  # epsilon is the same beside another deviation


def test_one_scale_for_a_batch_is_of_raw_rewards_there_and_of_centred_ones_here(
    folder: Path,
) -> None:
    """Theirs: the deviation of all rewards, ddof 1, epsilon 1e-4, however prompts differ.

    REINFORCE++, whose credit ours is, normalises what is left when each prompt's mean is gone,
    with ddof 0 and epsilon 1e-8. Where prompts differ in difficulty theirs is the smaller.
    """
    rewards = np.where(np.isnan(REWARDS), NONE, REWARDS + np.arange(PROMPTS)[:, None])
    centred = ours(GroupMean(), rewards)
    scored = ~np.isnan(rewards)
    their_scale = rewards[scored].std(ddof=1) + 1e-4
    our_scale = centred[scored].std() + 1e-8
    assert their_scale > 1.5 * our_scale
    found = theirs(folder, "grpo", rewards, scale_rewards="batch")
    assert found * their_scale == pytest.approx(centred, abs=1e-5)
    assert ours(BatchNormalised(), rewards) * our_scale == pytest.approx(centred, abs=1e-9)
