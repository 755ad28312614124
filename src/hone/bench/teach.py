"""`python -m hone.bench.teach FOLDER SIZE P_COT STEPS SHARE` makes the decoder of a race."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from hone.bench.cases import LADDER, PROBLEMS, TASK
from hone.bench.contest import Enough
from hone.runs.folder import FolderContext
from hone.tasks.parity import parity_mixture
from hone.training.configs import Evaluation, Optimizer, Supervise
from hone.training.supervised import supervise

_EVERY = 20  # steps between evaluations


class UntilLong(FolderContext):
    """A stage's folder that ends the stage once a share of sampled responses are whole chains."""

    def __init__(self, folder: Path, share: float) -> None:
        super().__init__(folder, 0, {})
        self._wanted, self._found = share, 0.0

    def log(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        super().log(step, total, metrics)
        self._found = metrics.get("share_long", self._found)

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        """The only one is the last; raises `Enough` after it."""
        if self._found >= self._wanted:
            self.complete(save)
            raise Enough


def teach(folder: Path, size: str, p_cot: float, steps: int, share: float) -> None:
    """Next-token prediction on demonstrations of which a share is chains.

    Args:
        folder: of the stage; its checkpoint is what was taught.
        size: of the ladder.
        p_cot: share of chains among demonstrations.
        steps: at most.
        share: of whole chains among sampled responses that ends it; infinity for all steps.
    """
    config = Supervise(
        task=TASK,
        mixture=parity_mixture(p_cot),
        steps=steps,
        batch=64,
        optimizer=Optimizer(1e-3, warmup=10, decay="linear"),
        evaluation=Evaluation(PROBLEMS, every=_EVERY if share <= 1 else steps),
        model=LADDER[size],
    )
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(Enough):
        supervise(config, UntilLong(folder, share))


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, size, p_cot, steps, share = sys.argv[1:]
    teach(Path(folder), size, float(p_cot), int(steps), float(share))
    print(json.dumps("taught"))
