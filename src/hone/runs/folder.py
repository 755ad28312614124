"""The run folder of one stage: what it holds, when it counts, and the stage's view of it."""

import fcntl
import hashlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl

from hone.core.errors import DamagedFile, HoneError
from hone.core.files import (
    digests,
    disk_errors,
    parse_line,
    read_json,
    read_object,
    verify,
    write_bytes,
    write_folder,
    write_json,
)
from hone.core.random import Stream
from hone.runs.keys import rebuild

CHECKPOINT_SECONDS = 20.0
"""Wall time between checkpoints; it decides what a kill costs, never a result."""
_KEPT_CHECKPOINTS = 2
_CHECKPOINTS = "checkpoints"  # in progress; the final one is `checkpoint`
_TABLES = "tables.json"  # digests of the tables that stand when a checkpoint is taken
_UNCOMPARED = ("result.json", "timing.jsonl", "environment.json", "error.txt", ".lock")


def is_complete(folder: Path) -> bool:
    """Whether a stage has finished in this folder."""
    return (folder / "result.json").is_file()


def check_complete(folder: Path) -> None:
    """Check every file of a finished stage.

    Raises:
        DamagedFile: naming a file that is not what the stage wrote.
    """
    result = read_object(folder / "result.json", "files")
    try:
        verify(folder, result["files"])
    except (AttributeError, TypeError) as error:
        raise DamagedFile(f"{folder / 'result.json'} is damaged: it lists no files") from error


def read_config(folder: Path) -> dict[str, Any]:
    """What the stage of this folder was asked to do, as plain data.

    Raises:
        DamagedFile: `config.json` is missing or holds no config.
    """
    config = read_object(folder / "config.json", "config")["config"]
    if not isinstance(config, dict):
        raise DamagedFile(f"{folder / 'config.json'} is damaged: its config is no object")
    return config


def part_of_config(folder: Path, name: str) -> Any:
    """A field of a stage's config as the value it was, e.g. its task; None where it has none.

    Raises:
        DamagedFile: `config.json` is missing, or holds what no stage was ever asked to do.
    """
    data = read_config(folder).get(name)
    try:
        return rebuild(data)
    except HoneError as error:
        raise DamagedFile(f"{folder / 'config.json'} is damaged: {name}: {error}") from error


def is_sound(folder: Path) -> bool:
    """Whether a stage has finished in this folder and all of its files are what it wrote."""
    try:
        check_complete(folder)
    except DamagedFile:
        return False
    return True


def finish(folder: Path) -> None:
    """Mark a stage complete: every file's digest is recorded, its checkpoints in progress go.

    They go last: a kill or a full disk before the mark must not cost the whole stage.
    """
    files = {
        name: digest
        for name, digest in digests(folder).items()
        if name not in _UNCOMPARED and not name.startswith(f"{_CHECKPOINTS}/")
    }
    write_json(folder / "result.json", {"files": files})
    shutil.rmtree(folder / _CHECKPOINTS, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process works in a stage folder; a killed run's last worker is waited for."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class FolderContext:
    """The `Context` of a stage that runs in a folder (see `hone.core.stage`)."""

    folder: Path
    seed: int
    inputs: Mapping[str, Path]
    _mode: Literal["w", "a"] = field(default="w", init=False)  # what cannot resume starts over
    _tables: dict[str, str] = field(default_factory=dict, init=False)  # digests by file name
    _started: float = field(default_factory=time.monotonic, init=False)
    _last_checkpoint: float = field(default_factory=time.monotonic, init=False)

    @property
    def stream(self) -> Stream:
        return Stream.root(self.seed)

    def resume(self, load: Callable[[Path], None]) -> int:
        """Load the newest sound checkpoint; what was written after it is taken back."""
        step = self._load_newest(load)
        for table in (self.folder / "rollouts").glob("*.parquet"):
            if table.name not in self._tables:
                table.unlink()
        self._truncate("metrics.jsonl", step, "step")
        timing = self._truncate("timing.jsonl", step, "step", "seconds")
        self._started -= timing[-1]["seconds"] if timing else 0.0
        self._mode = "a"
        return step

    def log(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        seconds = round(time.monotonic() - self._started, 4)
        self._append("metrics.jsonl", {"step": step, "total": total, **metrics})
        self._append("timing.jsonl", {"step": step, "seconds": seconds})
        self._mode = "a"

    def write_table(self, name: str, step: int, table: pl.DataFrame) -> Path:
        path = self.folder / "rollouts" / f"{name}-{step:06d}.parquet"
        buffer = io.BytesIO()
        table.write_parquet(buffer, compression="zstd")
        write_bytes(path, buffer.getvalue())
        self._tables[path.name] = hashlib.sha256(buffer.getvalue()).hexdigest()
        return path

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        if time.monotonic() - self._last_checkpoint < CHECKPOINT_SECONDS:
            return
        write_folder(self._checkpoints / f"step-{step:06d}", partial(self._save, save))
        for old in sorted(self._checkpoints.glob("step-*"))[:-_KEPT_CHECKPOINTS]:
            shutil.rmtree(old)
        self._last_checkpoint = time.monotonic()

    def complete(self, save: Callable[[Path], None]) -> None:
        write_folder(self.folder / "checkpoint", save)

    @property
    def _checkpoints(self) -> Path:
        return self.folder / _CHECKPOINTS

    def _save(self, save: Callable[[Path], None], folder: Path) -> None:
        """A checkpoint: the stage's own state, and what its tables were."""
        save(folder)
        write_json(folder / _TABLES, self._tables)

    def _load_newest(self, load: Callable[[Path], None]) -> int:
        for folder in sorted(self._checkpoints.glob("step-*"), reverse=True):
            try:
                verify(folder, read_json(folder / "manifest.json"))
                tables = read_json(folder / _TABLES)
                verify(self.folder / "rollouts", tables)
            except DamagedFile as error:
                sys.stderr.write(f"not used: {error}\n")
                continue
            load(folder)
            self._tables = tables
            return int(folder.name.removeprefix("step-"))
        return 0

    def _append(self, name: str, line: dict[str, Any]) -> None:
        path = self.folder / name
        with disk_errors(path), path.open(self._mode) as file:
            file.write(json.dumps(line) + "\n")

    def _truncate(self, name: str, step: int, *keys: str) -> list[dict[str, Any]]:
        """Keep and return the lines up to the checkpoint's step; a torn last line goes too."""
        path = self.folder / name
        lines = path.read_text().splitlines() if step and path.exists() else []
        parsed = [(line, parse_line(path, line, *keys)) for line in lines if _is_line(line)]
        kept = [(line, value) for line, value in parsed if value["step"] <= step]
        write_bytes(path, "".join(f"{line}\n" for line, _ in kept).encode())
        return [value for _, value in kept]


def _is_line(line: str) -> bool:
    return line.startswith("{") and line.endswith("}")
