"""Our post-training stage on a checkpoint, timed round by round; run in a process of its own.

`python -m hone.bench.hone_steps CHECKPOINT DTYPE DEVICE STEPS LEVEL` prints the seconds of each
round as JSON: rollouts, grading, tables on disk and all, as in any study. Where LEVEL is below 1,
greedy accuracy is measured as well, and its time counts.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hone.bench.cases import GROUP, PROBLEMS, PROMPTS, TASK
from hone.bench.race import EVERY, LEARNING_RATE
from hone.objectives.algorithms import grpo
from hone.objectives.rewards import verified
from hone.runs.folder import FolderContext
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.post_training import post_train


def run(folder: Path, dtype: str, device: str, steps: int, level: float) -> dict[str, Any]:
    """Seconds of every round, mean tokens of a response, greedy accuracy by round."""
    evaluated = level < 1
    config = PostTrain(
        TASK,
        grpo(),
        verified("e2e"),
        rounds=steps,
        prompts=PROMPTS,
        group=GROUP,
        optimizer=Optimizer(LEARNING_RATE),
        evaluation=Evaluation(PROBLEMS, EVERY) if evaluated else Evaluation(1, every=steps),
        numerics=Numerics(dtype, device),  # pyright: ignore[reportArgumentType]
    )
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch) / "rl"
        stage.mkdir()
        post_train(config, FolderContext(stage, 0, {"policy": folder.parent}))
        times, metrics = (_lines(stage / name) for name in ("timing.jsonl", "metrics.jsonl"))
    return {
        "seconds": np.diff([line["seconds"] for line in times]).tolist(),
        "tokens": float(np.mean([line["train_length"] + 1 for line in metrics[1:]])),
        "accuracies": {
            line["step"]: line["greedy_accuracy"] for line in metrics if "greedy_accuracy" in line
        },
    }


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


if __name__ == "__main__":
    folder, dtype, device, steps, level = sys.argv[1:]
    torch.set_num_threads(1)
    print(json.dumps(run(Path(folder), dtype, device, int(steps), float(level))))
