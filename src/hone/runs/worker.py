"""What a worker process does: one stage at a time, on one thread, never outliving its parent."""

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hone.core.errors import UsageError
from hone.core.files import read_object, remove_unfinished, write_json
from hone.core.stage import StageConfig
from hone.runs.environment import environment, numerics
from hone.runs.folder import FolderContext, finish, is_complete, locked
from hone.runs.keys import describe


def prepare(parent: int, user_file: Path | None) -> None:
    """Start-up of a worker: it dies with its parent and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if user_file is not None:
        import_file(user_file)


def run_stage(
    config: StageConfig, seed: int, key: str, folder: Path, inputs: Mapping[str, Path]
) -> None:
    """Carry out a stage in its folder, from its newest checkpoint on."""
    with locked(folder):
        if is_complete(folder):  # the last worker of a killed run may have finished it
            return
        remove_unfinished(folder)
        (folder / "error.txt").unlink(missing_ok=True)
        description = {"config": describe(config), "seed": seed, "key": key}
        description["inputs"] = {role: path.name for role, path in inputs.items()}
        write_json(folder / "config.json", description)
        write_json(folder / "environment.json", {**_made_in(folder), **numerics(config)})
        _one_thread()
        module, _, function = config.implementation.partition(":")
        implementation = getattr(importlib.import_module(module), function)
        implementation(config, FolderContext(folder, seed, inputs))
        finish(folder)


def import_file(path: Path) -> ModuleType:
    """Import a user's Python file under its own stem, once as long as no other has that stem.

    Raises:
        UsageError: there is no such file, or it cannot be imported.
    """
    name = f"user_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    spec = spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _made_in(folder: Path) -> dict[str, object]:
    """Where a stage is made. One that goes on under other code names both, and is never current."""
    now, file = environment(), folder / "environment.json"
    if (folder / "checkpoints").is_dir() and file.is_file():
        before = read_object(file, "code", "determining")
        for name in ("code", "determining"):
            if not str(before[name]).endswith(str(now[name])):
                now[name] = f"{before[name]}, then {now[name]}"
            else:
                now[name] = before[name]
    return now


def _one_thread() -> None:
    """Two spinning thread pools on two cores make a small matrix product 500 times slower."""
    import torch

    torch.set_num_threads(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
