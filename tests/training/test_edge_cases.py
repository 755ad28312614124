"""Responses at the edges: where they end, what stands behind the end, groups without signal."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hone.core.contracts import Batch
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.objectives.algorithms import (
    Algorithm,
    dapo,
    dr_grpo,
    grpo,
    gspo,
    ppo,
    reinforce,
    reinforce_pp,
    rloo,
    star,
)
from hone.objectives.credit import Credit, assign
from hone.sampling.scoring import response_logprobs
from hone.tasks.parity import EOS
from tests import tiny

ALGORITHMS = [grpo(), dr_grpo(), dapo(), gspo(), rloo(), reinforce("group_mean"), reinforce_pp(),
              ppo(), star()]  # fmt: skip
ROWS = {
    "end first": [EOS],
    "end last": [0, 1, 0, 1, EOS],
    "no end": [0, 1, 0, 1, 1],
    "one token, no end": [1],
}


def batch_of(
    rows: list[list[int]], rewards: list[float], algorithm: Algorithm, filler: int
) -> Batch:
    """Groups of as many responses as there are rewards a prompt; log-probabilities as sampled."""
    problems = tiny.problems(1)
    lengths = np.array([len(row) for row in rows])
    tokens = np.full((len(rows), lengths.max()), filler)
    for row, values in enumerate(rows):
        tokens[row, : len(values)] = values
    responses, prompt_rows = Sequences(tokens, lengths), np.zeros(len(rows), dtype=int)
    with torch.no_grad():
        old = response_logprobs(tiny.decoder(), problems.prompts, prompt_rows, responses, 1.0)
    values = np.zeros(tokens.shape)
    credited = assign(algorithm.credit, np.array([rewards]), None, values, responses.mask, {})
    return Batch(
        problems.prompts,
        prompt_rows,
        responses,
        old.numpy() * responses.mask.astype(np.float32),
        credited.weights,
        1.0,
        tiny.TASK.max_tokens,
        values=values,
        returns=credited.returns,
    )


def gradient(batch: Batch, algorithm: Algorithm) -> Tensor:
    learner = tiny.learner(algorithm)
    learner.policy.decoder.double()
    learner.accumulate(batch)
    found = [
        torch.zeros_like(weight) if weight.grad is None else weight.grad
        for weight in learner.policy.decoder.parameters()
    ]
    return torch.cat([part.flatten() for part in found])


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda value: value.name)
class TestEveryAlgorithm:
    def test_what_stands_behind_the_end_does_not_matter(self, algorithm: Algorithm) -> None:
        """Padding may be the end itself, or any other token."""
        rows, rewards = list(ROWS.values()), [1.0, 0.0, 1.0, 0.0]
        found = [
            gradient(batch_of(rows, rewards, algorithm, filler), algorithm)
            for filler in (EOS, 4, 0)
        ]
        assert found[0].abs().max() > 1e-5
        assert torch.allclose(found[0], found[1], atol=1e-12)
        assert torch.allclose(found[0], found[2], atol=1e-12)

    @pytest.mark.parametrize("edge", ROWS)
    def test_a_response_at_the_edge_has_its_own_gradient(
        self, algorithm: Algorithm, edge: str
    ) -> None:
        """The token at the edge counts: rewarding it changes what is learned, finitely."""
        rows = [ROWS[edge], [0, 0, EOS], [1, 0, EOS]]
        found = [
            gradient(batch_of(rows, rewards, algorithm, EOS), algorithm)
            for rewards in ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
        ]
        assert found[0].isfinite().all()
        assert not torch.allclose(found[0], found[1], atol=1e-6)

    def test_an_unscorable_member_is_as_if_it_were_not_there(self, algorithm: Algorithm) -> None:
        rows, nan = [[0, EOS], [1, EOS], [0, 1, EOS]], float("nan")
        whole = batch_of(rows, [1.0, nan, 0.0], algorithm, EOS)
        assert not whole.weights[1].any()
        alone = batch_of([rows[0], rows[2]], [1.0, 0.0], algorithm, EOS)
        scored = whole.select(np.array([0, 2]))
        assert torch.allclose(gradient(scored, algorithm), gradient(alone, algorithm), atol=1e-9)


GROUPED = [made for made in ALGORITHMS if getattr(made.credit, "needs_group", False)]


@pytest.mark.parametrize("reward", [0.0, 1.0])
@pytest.mark.parametrize("algorithm", GROUPED, ids=lambda value: value.name)
def test_groups_without_signal_teach_nothing(algorithm: Algorithm, reward: float) -> None:
    rows = [ROWS["end last"], ROWS["no end"], ROWS["end first"]]
    assert not gradient(batch_of(rows, [reward] * 3, algorithm, EOS), algorithm).any()


def shifted(batch: Batch, by: float) -> Batch:
    """Old log-probabilities moved: every token's log-ratio becomes `-by`."""
    moved = batch.old_logprobs + by * batch.responses.mask
    return replace(batch, old_logprobs=moved.astype(np.float32))


@pytest.mark.parametrize("algorithm", [grpo(), gspo(), rloo()], ids=lambda value: value.name)
def test_extreme_ratios_are_clipped_on_the_side_that_would_gain(algorithm: Algorithm) -> None:
    batch = batch_of(list(ROWS.values()), [1.0, 0.0, 1.0, 0.0], algorithm, EOS)
    good, bad = (replace(batch, weights=np.full((4, 1), sign)) for sign in (1.0, -1.0))
    assert not gradient(shifted(good, -30.0), algorithm).any()  # already far more likely
    assert not gradient(shifted(bad, 30.0), algorithm).any()  # already far less likely
    for still in (shifted(good, 1.0), shifted(bad, -1.0)):
        assert gradient(still, algorithm).isfinite().all()
        assert gradient(still, algorithm).any()


@pytest.mark.parametrize("algorithm", [grpo(), gspo(), rloo()], ids=lambda value: value.name)
def test_in_float32_a_ratio_beyond_numbers_has_no_gradient_where_it_would_gain(
    algorithm: Algorithm,
) -> None:
    batch = batch_of(list(ROWS.values()), [1.0, 0.0, 1.0, 0.0], algorithm, EOS)
    learner = tiny.learner(algorithm)
    metrics = learner.update(
        shifted(replace(batch, weights=np.ones((4, 1))), -90.0), Stream.root(0)
    )
    assert metrics["gradient_norm"] == 0


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("algorithm", GROUPED, ids=lambda value: value.name)
def test_equal_rewards_have_no_weight_however_they_round(
    algorithm: Algorithm, share: float
) -> None:
    """A weight of rounding alone would have the row computed."""
    rewards = np.full((2, 3), share)
    rewards[1, 1] = np.nan
    assert isinstance(algorithm.credit, Credit)
    weights, _ = algorithm.credit.weights(rewards, {})
    assert not weights.any()


def test_a_ratio_beyond_numbers_stops_the_run_and_leaves_the_weights() -> None:
    learner = tiny.learner(grpo())
    before = [weight.detach().clone() for weight in learner.policy.decoder.parameters()]
    batch = batch_of(list(ROWS.values()), [1.0, 0.0, 1.0, 0.0], grpo(), EOS)
    with pytest.raises(Diverged, match="optimizer step 0: the loss is"):
        learner.update(shifted(replace(batch, weights=-np.ones((4, 1))), -200.0), Stream.root(0))
    after = list(learner.policy.decoder.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
