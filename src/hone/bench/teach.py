"""`python -m hone.bench.teach FOLDER SIZE P_COT STEPS` makes the decoder of a race."""

import json
import sys
from pathlib import Path

import torch

from hone.bench.cases import LADDER, PROBLEMS, TASK
from hone.runs.folder import FolderContext
from hone.tasks.parity import parity_mixture
from hone.training.configs import Evaluation, Optimizer, Supervise
from hone.training.supervised import supervise


def teach(folder: Path, size: str, p_cot: float, steps: int) -> None:
    """Next-token prediction on demonstrations of which a share is chains."""
    config = Supervise(
        task=TASK,
        mixture=parity_mixture(p_cot),
        steps=steps,
        batch=64,
        optimizer=Optimizer(1e-3, warmup=10, decay="linear"),
        evaluation=Evaluation(PROBLEMS, every=steps),
        model=LADDER[size],
    )
    folder.mkdir(parents=True, exist_ok=True)
    supervise(config, FolderContext(folder, 0, {}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, size, p_cot, steps = sys.argv[1:]
    teach(Path(folder), size, float(p_cot), int(steps))
    print(json.dumps("taught"))
