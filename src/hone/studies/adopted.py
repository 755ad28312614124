"""Language models from elsewhere that studies begin with."""

from pathlib import Path

from hone.core.errors import UsageError
from hone.runs.plan import Node
from hone.training.adopt import config_of, weights_digest
from hone.training.configs import Adopt


def folder_of(model: str) -> Path:
    """Where a language model lies.

    Raises:
        UsageError: not there.
    """
    folder = Path(model)
    if not folder.is_dir():
        raise UsageError(
            f"model = {model!r} is no folder here; set model=FOLDER, or get it with: "
            f"hf download {model} --local-dir {model}"
        )
    return folder


def adopted(model: str, seed: int) -> Node:
    """A language model in a folder as a stage that others stand on."""
    folder = folder_of(model)
    config = Adopt(str(folder), weights_digest(folder), config_of(folder))
    return Node("pretrained", "adopt", config, seed)
