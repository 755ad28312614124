"""The learner: gradients do not depend on how, where or beside whom a response is computed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hone.core.contracts import Batch
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models import lora
from hone.models.config import LoRA
from hone.objectives.algorithms import Algorithm, Schedule, grpo, reinforce, reinforce_pp, star
from hone.objectives.credit import RewardAsWeight, TokenCredit
from hone.objectives.divergence import KL
from hone.objectives.losses import (
    ClippedSurrogate,
    Denominator,
    Loss,
    Tokens,
    WeightedLikelihood,
    token_shares,
)
from hone.training.configs import Numerics, Optimizer
from hone.training.learner import DecoderLearner
from tests import tiny

DENOMINATORS: tuple[Denominator, ...] = (
    "token_mean",
    "sequence_mean",
    "sequence_sum",
    "token_budget",
)
LOSSES: list[Loss] = [
    *(WeightedLikelihood(name) for name in DENOMINATORS),
    *(ClippedSurrogate(name) for name in DENOMINATORS),
    ClippedSurrogate("sequence_mean", ratio="sequence"),
    ClippedSurrogate("sequence_mean", ratio="geometric"),
]


def plain(loss: Loss) -> Algorithm:
    return Algorithm(str(loss), RewardAsWeight(), loss, Schedule())


OBJECTIVES: list[Algorithm] = [
    *(plain(loss) for loss in LOSSES),
    grpo(kl=KL(0.3)),
    grpo("sequence_mean", kl=KL(0.3, "exact")),
    dataclasses.replace(grpo(), entropy=0.3),
    reinforce_pp(),  # weights of tokens
]


def full_batch(algorithm: Algorithm) -> Batch:
    """Whatever the objective needs; weights of tokens where the credit gives them."""
    batch = tiny.batch()
    generator = np.random.default_rng(4)
    reference = generator.normal(-1.5, 0.3, batch.old_logprobs.shape).astype(np.float32)
    weights = batch.weights
    if isinstance(algorithm.credit, TokenCredit):
        weights = weights * generator.normal(size=batch.old_logprobs.shape)
    return dataclasses.replace(batch, reference_logprobs=reference, weights=weights)


def gradient_of(batch: Batch, algorithm: Algorithm, micro_batch: int | None = None) -> Tensor:
    """In float64, so that only the mathematics can differ."""
    exact = tiny.learner(algorithm, micro_batch)
    exact.policy.decoder.double()
    if exact._reference:
        exact._reference.decoder = tiny.decoder(3).double()
    exact.accumulate(batch)
    return tiny.gradient(exact.policy.decoder)


def widened(values: np.ndarray | None, columns: int) -> np.ndarray | None:
    if values is None or values.shape[1] == 1:
        return values
    return np.pad(values, ((0, 0), (0, columns)))


@pytest.mark.parametrize("algorithm", OBJECTIVES, ids=lambda value: value.name)
class TestInvariance:
    def test_micro_batches(self, algorithm: Algorithm) -> None:
        whole = gradient_of(full_batch(algorithm), algorithm)
        assert whole.abs().max() > 1e-4
        for size in (1, 40, 130):
            parts = gradient_of(full_batch(algorithm), algorithm, size)
            assert torch.allclose(parts, whole, atol=1e-12)

    def test_permutation_of_rows(self, algorithm: Algorithm) -> None:
        batch = full_batch(algorithm)
        order = np.random.default_rng(0).permutation(len(batch))
        found = gradient_of(batch.select(order), algorithm)
        assert torch.allclose(found, gradient_of(batch, algorithm), atol=1e-12)

    def test_order_of_groups(self, algorithm: Algorithm) -> None:
        batch = full_batch(algorithm)
        order = np.random.default_rng(1).permutation(len(batch.prompts))
        turned = dataclasses.replace(
            batch,
            prompts=batch.prompts.select(order),
            prompt_rows=np.argsort(order)[batch.prompt_rows],
        )
        found = gradient_of(turned, algorithm)
        assert torch.allclose(found, gradient_of(batch, algorithm), atol=1e-12)

    def test_padding(self, algorithm: Algorithm) -> None:
        batch = full_batch(algorithm)
        tokens = np.pad(batch.responses.tokens, ((0, 0), (0, 3)), constant_values=2)
        old = np.pad(batch.old_logprobs, ((0, 0), (0, 3)))
        weights = widened(batch.weights, 3)
        assert weights is not None
        wide = dataclasses.replace(
            batch,
            responses=Sequences(tokens, batch.responses.lengths),
            old_logprobs=old,
            weights=weights,
            reference_logprobs=widened(batch.reference_logprobs, 3),
        )
        found = gradient_of(wide, algorithm)
        assert torch.allclose(found, gradient_of(batch, algorithm), atol=1e-12)

    def test_prompts_computed_once_or_for_every_row(self, algorithm: Algorithm) -> None:
        batch = full_batch(algorithm)
        unshared = dataclasses.replace(
            batch,
            prompts=batch.prompts.select(batch.prompt_rows),
            prompt_rows=np.arange(len(batch)),
        )
        found = gradient_of(unshared, algorithm)
        assert torch.allclose(found, gradient_of(batch, algorithm), atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_rows_without_weight_count_in_the_denominator_only(loss: Loss) -> None:
    batch, algorithm = tiny.batch(), plain(loss)
    live = batch.weights[:, 0] != 0
    kept = gradient_of(batch.select(live), algorithm)
    lengths, mask, budget = batch.responses.lengths, batch.responses.mask, batch.max_tokens
    scale = token_shares(lengths, mask, loss.denominator, budget)
    scale_kept = token_shares(lengths[live], mask[live], loss.denominator, budget)
    ratio = scale[live].max() / scale_kept.max()
    assert torch.allclose(gradient_of(batch, algorithm), kept * ratio, atol=1e-12)


def test_shares_of_a_batch_sum_to_what_the_denominator_says() -> None:
    lengths = np.array([1, 4, 2])
    mask = np.arange(4) < lengths[:, None]
    sums = {name: token_shares(lengths, mask, name, 5).sum() for name in DENOMINATORS}
    assert sums == pytest.approx(
        {"token_mean": 1, "sequence_mean": 1, "sequence_sum": 7 / 3, "token_budget": 7 / 15}
    )


def test_on_policy_surrogate_has_the_policy_gradient() -> None:
    batch = tiny.batch()
    unclipped = gradient_of(batch, plain(WeightedLikelihood("token_mean")))
    clipped = gradient_of(batch, plain(ClippedSurrogate("token_mean")))
    # old log-probabilities are float32: the ratio is 1 to rounding
    assert torch.allclose(unclipped, clipped, rtol=1e-4, atol=1e-6)


def one_token(logprobs: Tensor, weight: float) -> Tokens:
    one = torch.ones(1, 1)
    return Tokens(logprobs, torch.zeros(1, 1), weight * one, one)


def test_the_surrogate_is_flat_where_it_is_clipped() -> None:
    """Ratio beyond the clip with a positive weight, or below it with a negative one."""
    loss = ClippedSurrogate("token_mean", 0.2, 0.3)
    for shift, weight in ((0.5, 1.0), (-0.5, -1.0)):
        logprobs = torch.full((1, 1), shift, requires_grad=True)
        loss.terms(one_token(logprobs, weight)).sum().backward()
        assert logprobs.grad is not None
        assert logprobs.grad.item() == 0
    for shift, weight in ((0.5, -1.0), (-0.5, 1.0), (0.2, 1.0)):
        logprobs = torch.full((1, 1), shift, requires_grad=True)
        loss.terms(one_token(logprobs, weight)).sum().backward()
        assert logprobs.grad is not None
        assert logprobs.grad.item() == pytest.approx(-weight * np.exp(shift))


def _assert_goes_on_bitwise(first: DecoderLearner, second: DecoderLearner, folder: Path) -> None:
    """The second learner, loaded from what the first saved, does what the first does next."""
    first.update(tiny.batch(), Stream.root(0))
    first.save(folder)
    second.load(folder)
    for learner in (first, second):
        learner.update(tiny.batch(seed=1), Stream.root(1))
    assert _weights_equal(first, second)


@pytest.mark.parametrize("algorithm", [star(minibatch=5), reinforce(), grpo(minibatch=7)], ids=str)
def test_a_saved_learner_goes_on_bitwise(algorithm: Algorithm, tmp_path) -> None:
    first, second = tiny.learner(algorithm), tiny.learner(algorithm, model=tiny.decoder(9))
    _assert_goes_on_bitwise(first, second, tmp_path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_saved_adapters_go_on_bitwise_and_leave_the_weights(dtype: torch.dtype, tmp_path) -> None:
    first, second = (_adapted(grpo(kl=KL(0.1, "exact")), seed, dtype) for seed in (1, 2))
    _assert_goes_on_bitwise(first, second, tmp_path)
    weights = dict(first.policy.decoder.named_parameters())
    kept = tiny.decoder(dtype=dtype)
    assert torch.equal(weights["blocks.0.out.parametrizations.weight.original"],
                       kept.blocks[0].out.weight)  # fmt: skip


def test_dropout_is_a_function_of_the_updates_stream(tmp_path: Path) -> None:
    first, second, other, whole = (
        _adapted(star(minibatch=5), seed, torch.float32, rate)
        for seed, rate in ((1, 0.5), (2, 0.5), (3, 0.5), (4, 0.0))
    )
    _assert_goes_on_bitwise(first, second, tmp_path)
    losses = set()
    for learner, seed in ((other, 1), (other, 2), (whole, 1)):
        learner.load(tmp_path)
        losses.add(learner.update(tiny.batch(), Stream.root(seed))["loss"])
    assert len(losses) == 3


def _adapted(
    algorithm: Algorithm, seed: int, dtype: torch.dtype, dropout: float = 0.0
) -> DecoderLearner:
    decoder = tiny.decoder()
    lora.adapt(decoder, LoRA(2, 4.0, dropout), torch.Generator().manual_seed(seed))
    numerics = Numerics(dtype="bfloat16" if dtype == torch.bfloat16 else "float32")
    return DecoderLearner(decoder, tiny.TASK.alphabet, algorithm, Optimizer(1e-2), numerics, 10)


def test_a_restart_forgets_everything() -> None:
    algorithm = star(start="initial")
    used, fresh = tiny.learner(algorithm), tiny.learner(algorithm)
    used.update(tiny.batch(), Stream.root(0))
    used.restart()
    for learner in (used, fresh):
        learner.update(tiny.batch(seed=1), Stream.root(1))
    assert _weights_equal(used, fresh)


def test_bfloat16_follows_float32() -> None:
    """Masters stay float32: many small steps move the rounded copy as they move the original."""
    wide = tiny.learner(reinforce("none"), lr=1e-4)
    narrow = DecoderLearner(
        tiny.decoder(),
        tiny.TASK.alphabet,
        reinforce("none"),
        Optimizer(1e-4),
        Numerics("bfloat16"),
        total_steps=10,
    )
    before = tiny.decoder().state_dict()
    for step in range(20):
        for learner in (wide, narrow):
            learner.update(tiny.batch(seed=step), Stream.root(step))
    moved = [
        torch.cat([(after[name].float() - before[name]).flatten() for name in before])
        for after in (wide.policy.decoder.state_dict(), narrow._optimizer._masters)
    ]
    assert torch.nn.functional.cosine_similarity(moved[0], moved[1], dim=0) > 0.9


@pytest.mark.parametrize(
    ("algorithm", "tempered"), [(star(minibatch=64), False), (grpo(), True)], ids=str
)
def test_only_samples_to_be_reweighted_are_scored_at_their_temperature(
    algorithm: Algorithm, tempered: bool
) -> None:
    """Data to be fit are fit by the model itself; a policy gradient is the hot sampler's."""
    hot = tiny.batch(temperature=1.5)
    cool = dataclasses.replace(hot, temperature=1.0)
    gradients = []
    for batch in (hot, cool):
        learner = tiny.learner(algorithm)
        learner.accumulate(batch)
        gradients.append(tiny.gradient(learner.policy.decoder))
    assert torch.equal(*gradients) != tempered


def _weights_equal(first: DecoderLearner, second: DecoderLearner) -> bool:
    pairs = zip(first.policy.decoder.parameters(), second.policy.decoder.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
