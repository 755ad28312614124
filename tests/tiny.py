"""Small decoders, policies and batches that the tests share."""

import numpy as np
import torch

from hone.core.contracts import Batch, Problems, Responses, SamplingProtocol
from hone.core.random import Stream
from hone.models.config import mistral_style
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm
from hone.sampling.policy import DecoderPolicy
from hone.tasks.parity import EOS, Parity
from hone.training.configs import Numerics, Optimizer
from hone.training.learner import DecoderLearner

TASK = Parity(4)


def decoder(seed: int = 0, dtype: torch.dtype = torch.float32, scale: float = 8.0) -> Decoder:
    """Random weights large enough that its distributions are far from uniform."""
    model = Decoder(mistral_style(5, 32, 2, 16, head_dim=16))
    model.initialise(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(scale if weight.dim() > 1 else 1.0)
    return model.to(dtype)


def policy(seed: int = 0) -> DecoderPolicy:
    return DecoderPolicy(decoder(seed), EOS)


def learner(
    algorithm: Algorithm,
    micro_batch: int | None = None,
    model: Decoder | None = None,
    lr: float = 1e-2,
) -> DecoderLearner:
    return DecoderLearner(
        model or decoder(),
        TASK.alphabet,
        algorithm,
        Optimizer(lr),
        Numerics(micro_batch=micro_batch),
        total_steps=10,
    )


def problems(n: int = 6) -> Problems:
    return TASK.draw("train", n, Stream.root(1))


def rollouts(n: int = 6, group: int = 4, temperature: float = 1.0) -> tuple[Problems, Responses]:
    drawn = problems(n)
    protocol = SamplingProtocol(TASK.max_tokens, group, temperature)
    return drawn, policy().respond(drawn.prompts, protocol, Stream.root(2))


def batch(n: int = 6, group: int = 4, seed: int = 0, temperature: float = 1.0) -> Batch:
    """Rollouts with random weights, a quarter of them zero."""
    drawn, responses = rollouts(n, group, temperature)
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=n * group) * (generator.random(n * group) > 0.25)
    return Batch(
        drawn.prompts,
        responses.prompt_rows,
        responses.tokens,
        responses.logprobs,
        weights[:, None],
        temperature,
        TASK.max_tokens,
    )


def gradient(model: Decoder) -> torch.Tensor:
    """All gradients as one vector."""
    return torch.cat(
        [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    )
