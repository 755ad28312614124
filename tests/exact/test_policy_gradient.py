"""Expected gradients by enumeration: every response of a small policy, in float64."""

import numpy as np
import torch
from torch import Tensor

from hone.core.contracts import Batch, Problems
from hone.core.sequences import Sequences
from hone.objectives.algorithms import Algorithm, Schedule, reinforce
from hone.objectives.credit import GroupMean, RewardAsWeight
from hone.objectives.losses import WeightedLikelihood
from hone.sampling.scoring import response_logprobs
from tests import tiny
from tests.exact.enumeration import MAX_TOKENS, every_response


def scored(problem: Problems, responses: Sequences, stopped: np.ndarray) -> np.ndarray:
    each = problem.select(np.zeros(len(responses), dtype=int))
    return tiny.TASK.reward("e2e", each, responses, tiny.TASK.read(each, responses, stopped))


def exact_gradient(problem: Problems, temperature: float) -> tuple[Tensor, np.ndarray]:
    """Gradient of expected reward, and the probability of every response."""
    responses, stopped = every_response()
    model = tiny.decoder().double()
    logprobs = response_logprobs(
        model, problem.prompts, np.zeros(len(responses), dtype=int), responses, temperature
    )
    totals = (logprobs * torch.from_numpy(responses.mask)).sum(dim=1)
    rewards = torch.from_numpy(scored(problem, responses, stopped))
    (totals.exp() * rewards).sum().backward()
    return tiny.gradient(model), totals.exp().detach().numpy()


def expected_update(
    algorithm: Algorithm,
    problem: Problems,
    rows: np.ndarray,
    weights: np.ndarray,
    temperature: float,
) -> Tensor:
    """The learner's gradient on the given rows of `every_response`, weighted."""
    responses, _ = every_response()
    chosen = responses.select(rows)
    batch = Batch(
        problem.prompts,
        np.zeros(len(rows), dtype=int),
        chosen,
        np.zeros(chosen.tokens.shape, dtype=np.float32),
        weights[:, None],
        temperature,
        MAX_TOKENS,
    )
    learner = tiny.learner(algorithm)
    learner.policy.decoder.double()
    learner.accumulate(batch)
    return tiny.gradient(learner.policy.decoder)


def test_enumeration_is_complete() -> None:
    _, probabilities = exact_gradient(tiny.problems(1), 1.0)
    assert abs(probabilities.sum() - 1) < 1e-9


def test_reinforce_without_baseline_is_the_gradient_of_expected_reward() -> None:
    problem = tiny.problems(1)
    responses, stopped = every_response()
    rewards = scored(problem, responses, stopped)
    assert 0 < (rewards > 0).sum() < len(rewards)
    for temperature in (0.7, 1.0, 1.5):
        exact, probabilities = exact_gradient(problem, temperature)
        weights = len(rewards) * probabilities * rewards  # the learner divides by the rows
        update = expected_update(
            reinforce("none"), problem, np.arange(len(rewards)), weights, temperature
        )
        assert torch.allclose(-update, exact, atol=1e-6)
        assert exact.abs().max() > 1e-3


def test_a_constant_baseline_changes_no_expectation() -> None:
    problem = tiny.problems(1)
    responses, stopped = every_response()
    rewards = scored(problem, responses, stopped)
    exact, probabilities = exact_gradient(problem, 1.0)
    weights = len(rewards) * probabilities * (rewards - 0.3)
    update = expected_update(reinforce(), problem, np.arange(len(rewards)), weights, 1.0)
    assert torch.allclose(-update, exact, atol=1e-6)


def test_the_group_mean_shrinks_the_gradient_by_one_over_the_group() -> None:
    """A member's own reward is in its baseline: the known factor (G - 1)/G, here G = 2."""
    problem = tiny.problems(1)
    responses, stopped = every_response()
    rewards = scored(problem, responses, stopped)
    exact, probabilities = exact_gradient(problem, 1.0)
    n = len(rewards)
    pairs = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), axis=-1)
    pairs = pairs.reshape(-1, 2)
    advantages, _ = GroupMean().weights(rewards[pairs], {})
    chance = probabilities[pairs].prod(axis=1, keepdims=True)
    # summed over all pairs, a response's expected weight is one number
    weights = np.zeros(n)
    np.add.at(weights, pairs, advantages * chance / 2)
    algorithm = Algorithm("test", RewardAsWeight(), WeightedLikelihood("sequence_sum"), Schedule())
    update = expected_update(algorithm, problem, np.arange(n), n * weights, 1.0)
    assert torch.allclose(-update, exact / 2, atol=1e-6)


def test_star_follows_the_gradient_of_log_acceptance() -> None:
    """Expected likelihood gradient over kept samples = ∇ log P(reward), times tokens' share."""
    problem = tiny.problems(1)
    responses, stopped = every_response()
    rewards = scored(problem, responses, stopped)
    exact, probabilities = exact_gradient(problem, 1.0)
    accepted = (probabilities * rewards).sum()
    posterior = probabilities * rewards / accepted
    algorithm = Algorithm("test", RewardAsWeight(), WeightedLikelihood("sequence_sum"), Schedule())
    n = len(rewards)
    update = expected_update(algorithm, problem, np.arange(n), n * posterior, 1.0)
    assert torch.allclose(-update, exact / accepted, atol=1e-6)
