"""Our post-training stage on a checkpoint, timed round by round; run in a process of its own.

`python -m hone.bench.hone_steps CHECKPOINT DTYPE STEPS` prints the seconds of each round as
JSON: rollouts, grading, tables on disk and all, as in any study.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hone.bench.cases import GROUP, PROMPTS, TASK
from hone.bench.race import LEARNING_RATE
from hone.objectives.algorithms import grpo
from hone.objectives.rewards import verified
from hone.runs.folder import FolderContext
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.post_training import post_train


def step_seconds(folder: Path, dtype: str, steps: int) -> dict[str, Any]:
    """Seconds of every round after two that warm up, and the mean tokens of a response."""
    config = PostTrain(
        TASK,
        grpo(),
        verified("e2e"),
        rounds=steps + 3,
        prompts=PROMPTS,
        group=GROUP,
        optimizer=Optimizer(LEARNING_RATE),
        evaluation=Evaluation(1, every=10**9),
        numerics=Numerics(dtype=dtype),  # pyright: ignore[reportArgumentType]
    )
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch) / "rl"
        stage.mkdir()
        post_train(config, FolderContext(stage, 0, {"policy": folder.parent}))
        lines = [json.loads(line) for line in (stage / "timing.jsonl").read_text().splitlines()]
        metrics = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    seconds = np.diff([line["seconds"] for line in lines])
    tokens = np.mean([line["train_length"] + 1 for line in metrics[1:]])
    return {"seconds": seconds[2:-1].tolist(), "tokens": float(tokens)}  # the last evaluates


if __name__ == "__main__":
    checkpoint, dtype, steps = sys.argv[1:]
    torch.set_num_threads(1)
    print(json.dumps(step_seconds(Path(checkpoint), dtype, int(steps))))
