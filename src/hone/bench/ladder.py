"""`python -m hone.bench.ladder SIZE DTYPE COMPILE` measures one rung; run in its own process."""

import json
import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch

from hone.bench import cases
from hone.core.contracts import Batch, SamplingProtocol
from hone.core.random import Stream
from hone.models.config import parameters
from hone.objectives.algorithms import grpo, next_token_prediction
from hone.training.supervised import demonstrations

_TRAINED = 32  # sequences a training step


@dataclass(frozen=True)
class Rung:
    """What one model size does on one thread.

    Attributes:
        million: parameters.
        training: tokens/s of next-token training, prompts included.
        rollouts: response tokens/s of sampling 32 prompts × 16 responses.
        step: seconds of a GRPO step, sampling and learning.
        peak_share: floating-point rate of training over the measured GEMM rate, same dtype.
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
    peak = cases.gemm_rate(dtype)
    config, task = cases.LADDER[size], cases.TASK
    learner = cases.learner(config, next_token_prediction(), dtype, compiled)
    long = (("long", 1.0),)
    batches = [demonstrations(task, long, _TRAINED, Stream.root(i)) for i in range(cases.REPEATS)]
    seconds = cases.median_seconds(lambda i: learner.update(batches[i], Stream.root(i)))
    training = _TRAINED * (task.prompt_tokens + task.max_tokens) / seconds

    policy = cases.learner(config, grpo(), dtype, compiled)
    problems = task.draw("train", cases.PROMPTS, Stream.root(0))
    protocol = SamplingProtocol(task.max_tokens, cases.GROUP)
    forced, rows = task.constrain("long"), cases.PROMPTS * cases.GROUP
    weights = np.random.default_rng(0).normal(size=(rows, 1))

    def sample(i: int) -> Batch:
        answers = policy.policy.respond(problems.prompts, protocol, Stream.root(i), forced)
        return Batch(problems.prompts, answers.prompt_rows, answers.tokens, answers.logprobs,
                     weights, 1.0, task.max_tokens)  # fmt: skip

    sampling = cases.median_seconds(sample)
    batch = sample(0)
    learning = cases.median_seconds(lambda i: policy.update(batch, Stream.root(i)))
    work = 6 * parameters(config)  # operations a token, forward and backward
    free = policy.policy.respond(problems.prompts, protocol, Stream.root(9))
    scored = policy.policy.score(problems.prompts, free, 1.0)
    gap = np.abs(scored - free.logprobs).max(initial=0, where=free.tokens.mask)
    return Rung(
        parameters(config) / 1e6,
        training,
        rows * task.max_tokens / sampling,
        sampling + learning,
        training * work / peak / 1e9,
        float(gap),
        cases.peak_memory_mib(),
    )


if __name__ == "__main__":
    size, dtype, compiled = sys.argv[1:]
    torch.set_num_threads(1)
    found = rung(size, dtype, compiled == "True")  # pyright: ignore[reportArgumentType]
    print(json.dumps(asdict(found)))
