"""`python -m hone.bench.teach FOLDER SIZE` makes a decoder that writes whole chains."""

import json
import sys
from pathlib import Path

import torch

from hone.bench.cases import LADDER, TASK
from hone.runs.folder import FolderContext
from hone.training.configs import Evaluation, Optimizer, Supervise
from hone.training.supervised import supervise


def teach(folder: Path, size: str) -> None:
    """Next-token prediction on chains alone, until their form (not their content) is learned."""
    config = Supervise(
        task=TASK,
        mixture=(("long", 1.0),),
        steps=60,
        batch=32,
        optimizer=Optimizer(1e-3, warmup=10),
        evaluation=Evaluation(64, every=60),
        model=LADDER[size],
    )
    folder.mkdir(parents=True, exist_ok=True)
    supervise(config, FolderContext(folder, 0, {}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    teach(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps("taught"))
