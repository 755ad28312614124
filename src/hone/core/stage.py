"""A stage of an experiment: a light config, the function that carries it out, what it may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import polars as pl

from hone.core.random import Stream

LATER = {"later": True}
"""Metadata of a field that came when stages had been made: at its default it is not in the key."""


@dataclass(frozen=True)
class StageConfig:
    """What a stage does. Importing a config never imports torch; its implementation may.

    Fields whose metadata has `semantic=False` do not change the result and stay out of the key; a
    field that is added has `LATER`, so that finished stages stay finished.
    """

    implementation: ClassVar[str]  # "package.module:function", called with (config, context)
    version: ClassVar[int]  # raised whenever the same config would give another result

    @property
    def needs(self) -> tuple[str, ...]:
        """The roles of the stages that it stands on; a plan without one of them is refused."""
        return ()

    @property
    def tokens(self) -> int:
        """Roughly how many tokens it trains on or samples; only estimates of time use it."""
        return 1


@runtime_checkable
class Context(Protocol):
    """What the machinery gives a running stage. `runs` supplies it; tests supply simpler ones."""

    @property
    def seed(self) -> int: ...
    @property
    def stream(self) -> Stream:
        """The stage's randomness, by seed."""
        ...

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Run folders of the finished stages this one stands on, by role."""
        ...

    def resume(self, load: Callable[[Path], None]) -> int:
        """Load the newest sound checkpoint, if any, and return the step it was taken at."""
        ...

    def log(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        """Record the figures of one step."""
        ...

    def write_table(self, name: str, step: int, table: pl.DataFrame) -> Path:
        """Store a table of one step."""
        ...

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        """Take a checkpoint if one is due; a run killed later resumes from it."""
        ...

    def complete(self, save: Callable[[Path], None]) -> None:
        """Store the final checkpoint."""
        ...
