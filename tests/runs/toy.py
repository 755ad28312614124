"""A stage that counts, whose fate can be chosen; it needs no model."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import polars as pl

from hone.core.errors import HoneError
from hone.core.stage import Context, StageConfig
from hone.runs.folder import FolderContext
from hone.runs.plan import Node

LOG = "carried-out.txt"


@dataclass(frozen=True)
class Toy(StageConfig):
    """Sums draws of its stream, step by step."""

    name: str
    steps: int = 3
    fate: Literal["ends", "fails", "breaks", "is killed"] = "ends"
    factors: Mapping[str, float] = field(default_factory=dict)
    note: str = field(default="", metadata={"semantic": False})

    implementation: ClassVar[str] = "tests.runs.toy:carry_out"
    version: ClassVar[int] = 1


def carry_out(config: Toy, context: Context) -> None:
    assert isinstance(context, FolderContext)
    with (context.folder.parent / LOG).open("a") as file:
        file.write(f"{config.name}\n")
    if config.fate == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if config.fate == "fails":
        raise HoneError("this stage was meant to fail")
    if config.fate == "breaks":
        raise ZeroDivisionError("this stage has a fault")
    count(config, context)


def count(config: Toy, context: Context, until: int | None = None) -> None:
    """The stage itself; it stops after the step `until`, as if it had been killed there."""
    total = 0.0

    def load(folder: Path) -> None:
        nonlocal total
        total = float((folder / "total.txt").read_text())

    def save(folder: Path) -> None:
        (folder / "total.txt").write_text(repr(total))

    for step in range(context.resume(load) + 1, config.steps + 1):
        total += float(context.stream.child("toy", step).uniform(np.arange(4)).sum())
        context.write_table("evaluation", step, pl.DataFrame({"total": [total]}))
        context.log(step, config.steps, {"total": total})
        context.checkpoint(step, save)
        if step == until:
            return
    context.complete(save)


def carried_out(root: Path) -> list[str]:
    """The names of the stages that were begun, sorted."""
    return sorted((root / "stages" / LOG).read_text().split())


def node(config: Toy, arm: str = "arm", **inputs: Node) -> Node:
    return Node(arm, config.name, config, 0, inputs)
