"""`python -m hone.bench.ladder SIZE DTYPE COMPILE` measures one rung; run in its own process."""

import json
import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch

from hone.bench import cases
from hone.core.contracts import SamplingProtocol
from hone.core.random import Stream
from hone.models.config import DecoderConfig, parameters
from hone.objectives.algorithms import grpo


@dataclass(frozen=True)
class Rung:
    """What one model size does on one thread.

    Attributes:
        million: parameters.
        training: tokens/s of next-token training, prompts included.
        rollouts: response tokens/s of sampling 32 prompts × 16 responses.
        step: seconds of a GRPO step, sampling and learning.
        peak_share: rate of the linear layers' operations in training (`cases.training_work`) over
            the measured GEMM rate, same dtype.
        gap: largest difference of sampled and recomputed log-probabilities.
        memory: MiB the process had at most.
    """

    million: float
    training: float
    rollouts: float
    step: float
    peak_share: float
    gap: float
    memory: float


def rung(size: str, dtype: cases.Dtype, compiled: bool) -> Rung:
    """One size in one dtype."""
    config, rows = cases.LADDER[size], cases.PROMPTS * cases.GROUP
    peak = cases.gemm_rate(dtype)
    training = cases.training_rate(config, dtype, compiled)
    took = cases.grpo_step(config, dtype, compiled)
    return Rung(
        parameters(config) / 1e6,
        training,
        rows * cases.TASK.max_tokens / took["sample"],
        took["step"],
        training * cases.training_work(config) / peak / 1e9,
        logprob_gap(config, dtype, compiled),
        cases.peak_memory_mib(),
    )


def logprob_gap(config: DecoderConfig, dtype: cases.Dtype, compiled: bool) -> float:
    """The largest difference of sampled and recomputed log-probabilities."""
    policy = cases.learner(config, grpo(), dtype, compiled).policy
    problems = cases.TASK.draw("train", cases.PROMPTS, Stream.root(0))
    protocol = SamplingProtocol(cases.TASK.max_tokens, cases.GROUP)
    responses = policy.respond(problems.prompts, protocol, Stream.root(9))
    scored = policy.score(problems.prompts, responses, 1.0)
    gaps = np.abs(scored - responses.logprobs)
    return float(gaps.max(initial=0, where=responses.tokens.mask))


if __name__ == "__main__":
    size, dtype, compiled = sys.argv[1:]
    torch.set_num_threads(1)
    found = rung(size, dtype, compiled == "True")  # pyright: ignore[reportArgumentType]
    print(json.dumps(asdict(found)))
