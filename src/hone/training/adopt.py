"""A language model from elsewhere becomes a checkpoint that other stages stand on."""

import hashlib
import shutil
from pathlib import Path

from hone.core.errors import DamagedFile, UsageError
from hone.core.files import read_object
from hone.core.language_model import copy_tokenizer
from hone.core.stage import Context
from hone.models.config import DecoderConfig
from hone.models.hf_config import from_hf
from hone.training.configs import Adopt

_PATTERNS = ("config.json", "*.safetensors", "model.safetensors.index.json")


def adopt(config: Adopt, context: Context) -> None:
    """The `adopt` stage: copies the model's files; the run folder is then complete by itself.

    Raises:
        DamagedFile: the weights are not those that the run was planned with.
    """
    source = Path(config.folder)
    found = weights_digest(source)
    if found != config.digest:
        raise DamagedFile(
            f"{source} holds other weights than when the run was planned; plan it again"
        )

    def copied(folder: Path) -> None:
        for file in _weights(source):
            shutil.copyfile(file, folder / file.name)
        copy_tokenizer(source, folder)

    context.log(1, 1, {})
    context.complete(copied)


def weights_digest(folder: Path) -> str:
    """Equal for equal models.

    Raises:
        UsageError: there is no such folder, or no weights in it.
    """
    files = _weights(folder)
    if not any(file.suffix == ".safetensors" for file in files):
        raise UsageError(
            f"{folder} holds no model; name a folder with config.json, *.safetensors and a "
            "tokenizer, e.g. from: hf download Qwen/Qwen2.5-1.5B-Instruct --local-dir FOLDER"
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(f"{file.name}\n".encode())
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:20]


def config_of(folder: Path) -> DecoderConfig:
    """The shape of the model in a folder.

    Raises:
        DamagedFile: its config.json is missing or lacks a key.
        UsageError: the model computes something that our decoder does not; names the key.
    """
    file = folder / "config.json"
    return from_hf(read_object(file), file)


def _weights(folder: Path) -> list[Path]:
    return sorted({file for pattern in _PATTERNS for file in folder.glob(pattern)})
