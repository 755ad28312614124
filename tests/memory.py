"""A stage's context without a run folder: everything it stores stays in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hone.core.random import Stream


@dataclass
class Memory:
    """A context that keeps everything; `stored` plays the disk for checkpoints."""

    folder: Path
    seed: int = 0
    inputs: Mapping[str, Path] = field(default_factory=dict)
    logged: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[tuple[str, int], pl.DataFrame] = field(default_factory=dict)
    resumed_at: int = 0

    @property
    def stream(self) -> Stream:
        return Stream.root(self.seed)

    def resume(self, load: Callable[[Path], None]) -> int:
        if self.resumed_at:
            load(self.folder)
        return self.resumed_at

    def log(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        self.logged.append({"step": step, **metrics})

    def write_table(self, name: str, step: int, table: pl.DataFrame) -> Path:
        self.tables[name, step] = table
        return self.folder / f"{name}-{step}"

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        save(self.folder)

    def complete(self, save: Callable[[Path], None]) -> None:
        save(self.folder)
