"""Our post-training stage on a checkpoint, timed round by round; run in a process of its own.

`python -m hone.bench.hone_steps CHECKPOINT DTYPE DEVICE STEPS LEVEL REWARD SEED` prints the seconds
of each round as JSON: rollouts, grading, tables on disk and all, as in any study, but without
checkpoints, since TRL is asked for none. Where LEVEL is below 1, greedy accuracy is measured as
well, its time counts, and the run ends once it is reached.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hone.bench.cases import GROUP, PROBLEMS, PROMPTS
from hone.bench.contest import EVERY, LEARNING_RATE, REWARDS, Enough, task_of
from hone.objectives.algorithms import grpo
from hone.runs.folder import FolderContext
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.post_training import post_train


class TimedContext(FolderContext):
    """A stage's folder that stops the stage after so many steps, or once the level is reached."""

    def __init__(self, folder: Path, seed: int, policy: Path, steps: int, level: float) -> None:
        super().__init__(folder, seed, {"policy": policy})
        self._steps, self._level = steps, level

    def log(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        """Raises `Enough` where the stage is to stop."""
        super().log(step, total, metrics)
        reached = metrics.get("greedy_accuracy", 0.0) >= self._level
        if step == self._steps or (reached and step):
            raise Enough

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        """None is taken."""


def run(
    folder: Path, dtype: str, device: str, steps: int, level: float, reward: str, seed: int
) -> dict[str, Any]:
    """Seconds of every round, mean tokens of a response, greedy accuracy by round."""
    evaluated = level < 1
    beyond = steps + 1  # a stage evaluates after its last round, which is not to be timed
    config = PostTrain(
        task_of(folder),
        grpo(),
        REWARDS[reward],
        rounds=beyond,
        prompts=PROMPTS,
        group=GROUP,
        optimizer=Optimizer(LEARNING_RATE),
        evaluation=Evaluation(PROBLEMS, EVERY) if evaluated else Evaluation(1, every=beyond),
        numerics=Numerics(dtype, device),  # pyright: ignore[reportArgumentType]
    )
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch) / "rl"
        stage.mkdir()
        with suppress(Enough):
            post_train(config, TimedContext(stage, seed, folder.parent, steps, level))
        times, metrics = (_lines(stage / name) for name in ("timing.jsonl", "metrics.jsonl"))
    return {
        "seconds": np.diff([line["seconds"] for line in times]).tolist(),
        "tokens": float(
            np.mean([line["train_length"] + 1 - line["truncated"] for line in metrics[1:]])
        ),
        "accuracies": {
            line["step"]: line["greedy_accuracy"]
            for line in metrics[1:]
            if "greedy_accuracy" in line
        },
    }


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


if __name__ == "__main__":
    folder, dtype, device, steps, level, reward, seed = sys.argv[1:]
    torch.set_num_threads(1)
    found = run(Path(folder), dtype, device, int(steps), float(level), reward, int(seed))
    print(json.dumps(found))
