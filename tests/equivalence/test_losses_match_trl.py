"""Loss and gradients equal TRL's where the definitions agree; where they differ, by what.

The same weights, tokens, masks, advantages, old and reference log-probabilities go through both.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hone.bench.contest import TRL_OBJECTIVE
from hone.core.contracts import Batch
from hone.objectives.algorithms import Algorithm, dapo, dr_grpo, grpo, gspo, rloo
from hone.objectives.divergence import KL
from hone.sampling.policy import DecoderPolicy
from hone.training.configs import Numerics, Optimizer
from hone.training.learner import DecoderLearner
from tests import tiny
from tests.equivalence.trainers import GROUP, TEMPERATURE, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's, transformers' and accelerate's own


def off_policy_batch() -> Batch:
    """Rollouts of one policy under another: ratios on both sides of every clip."""
    drawn, responses = tiny.rollouts(6, GROUP, TEMPERATURE)
    old = tiny.policy(0).score(drawn.prompts, responses, TEMPERATURE)
    # A reference close by: k3 of a distant one is e^10 somewhere, and its rounding beyond 1e-5.
    noise = np.random.default_rng(0).normal(scale=0.2, size=old.shape) * responses.tokens.mask
    advantages = np.random.default_rng(1).normal(size=len(old))
    reference = DecoderPolicy(tiny.decoder(0, scale=7.0), tiny.policy().eos)
    return Batch(
        drawn.prompts,
        responses.prompt_rows,
        responses.tokens,
        (old + noise).astype(np.float32),
        advantages[:, None],
        TEMPERATURE,
        tiny.TASK.max_tokens,
        reference_logprobs=reference.score(drawn.prompts, responses, TEMPERATURE),
    )


def ours(algorithm: Algorithm, batch: Batch) -> tuple[float, Tensor]:
    learner = DecoderLearner(
        tiny.decoder(0), tiny.TASK.alphabet, algorithm, Optimizer(1e-3), Numerics(), 1
    )
    loss = learner.accumulate(batch)["loss"]
    down = [block.down.weight.grad for block in learner.policy.decoder.blocks]
    return loss, _compared(learner.policy.decoder.embedding.grad, down)


def _compared(embedding: Tensor | None, down: list[Tensor | None]) -> Tensor:
    """Gradients of the embedding and of every layer's last matrix.

    Not of the padding symbol's embedding, which transformers freezes and we leave to its output.
    """
    assert embedding is not None
    alphabet = tiny.TASK.alphabet
    symbols = [row for row in range(len(embedding)) if row != alphabet.id(alphabet.pad)]
    matrices = [matrix.flatten() for matrix in down if matrix is not None]
    return torch.cat([embedding[symbols].flatten(), *matrices])


def theirs(trainer: Any, batch: Batch) -> tuple[float, Tensor]:
    tokens, mask = batch.responses.tokens, batch.responses.mask
    prompts = torch.from_numpy(batch.prompts.tokens[batch.prompt_rows])
    old = torch.from_numpy(batch.old_logprobs)
    assert batch.reference_logprobs is not None
    inputs = {
        "prompt_ids": prompts,
        "prompt_mask": torch.ones_like(prompts),
        "completion_ids": torch.from_numpy(tokens),
        "completion_mask": torch.from_numpy(mask).long(),
        "advantages": torch.from_numpy(batch.weights[:, 0]).float(),
        "old_per_token_logps": old,
        "old_logps": (old * torch.from_numpy(mask)).sum(dim=1),
        "ref_per_token_logps": torch.from_numpy(batch.reference_logprobs),
        "num_items_in_batch": torch.tensor(float(mask.sum())),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = trainer._compute_loss(trainer.model, inputs)
        loss.backward()
    down = [layer.mlp.down_proj.weight.grad for layer in trainer.model.model.layers]
    return float(loss.detach()), _compared(trainer.model.get_input_embeddings().weight.grad, down)


CASES: dict[str, tuple[Algorithm, str, dict[str, Any]]] = {
    "GRPO as published": (grpo("sequence_mean"), "grpo", {"loss_type": "grpo"}),
    "GRPO, token mean, as in the races": (grpo(), "grpo", TRL_OBJECTIVE),
    "GRPO with k3 in the loss": (
        grpo("sequence_mean", kl=KL(0.1)),
        "grpo",
        {"loss_type": "grpo", "beta": 0.1, "use_bias_correction_kl": False},
    ),
    "GRPO with k3 reweighted, TRL's default": (
        grpo("sequence_mean", kl=KL(0.1, reweighted=True)),
        "grpo",
        {"loss_type": "grpo", "beta": 0.1},
    ),
    "Dr. GRPO": (dr_grpo(), "grpo", {"loss_type": "dr_grpo"}),
    "DAPO": (dapo(), "grpo", {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28}),
    "GSPO": (
        gspo(),
        "grpo",
        {
            "loss_type": "grpo",
            "importance_sampling_level": "sequence",
            "epsilon": 3e-4,
            "epsilon_high": 4e-4,
        },
    ),
    "RLOO": (rloo(), "rloo", {}),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_loss_and_gradient(case: str, folder: Path) -> None:
    algorithm, kind, options = CASES[case]
    batch = off_policy_batch()
    loss, gradient = ours(algorithm, batch)
    their_loss, their_gradient = theirs(trainer_of(folder, kind, [0.0] * 24, **options), batch)
    assert their_gradient.abs().max() > 1e-4
    assert loss == pytest.approx(their_loss, abs=1e-5)
    assert torch.allclose(gradient, their_gradient, atol=1e-5)
