"""Live progress of an execution, plain lines without a terminal, and estimates of time."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hone.models.config import parameters
from hone.report.publish import duration
from hone.runs.executor import Progress
from hone.runs.folder import is_complete, is_sound
from hone.runs.plan import Node, missing, unique

_NOMINAL_RATE = 25e9  # floating-point operations a second of one thread, before anything is known
_START_SECONDS = 1.0
_SHOWN = ("greedy_accuracy", "reward", "loss", "share_long", "sampled_length", "accuracy")
_PLAIN_SECONDS = 20.0  # between lines where there is no terminal


def seconds_taken(folder: Path) -> float | None:
    """Wall time of a finished stage as it logged it; what a kill undid is not in it."""
    line = _last_line(folder / "timing.jsonl")
    return None if line is None else float(line["seconds"])


class Estimator:
    """Seconds a stage will take, from its tokens and model, calibrated on finished stages."""

    def __init__(self, nodes: Sequence[Node], root: Path) -> None:
        rates = [
            self._work(node) / taken
            for node in unique(nodes)
            if is_complete(node.folder(root)) and (taken := seconds_taken(node.folder(root)))
        ]
        self._rate = median(rates) if rates else _NOMINAL_RATE

    def seconds(self, node: Node) -> float:
        return _START_SECONDS + self._work(node) / self._rate

    @staticmethod
    def _work(node: Node) -> float:
        base = node
        while getattr(base.config, "model", None) is None and base.inputs:
            base = next(iter(base.inputs.values()))
        model = getattr(base.config, "model", None)
        return 6.0 * node.config.tokens * (parameters(model) if model else 1)


def plan_table(nodes: Sequence[Node], root: Path, workers: int) -> Group:
    """What a run would do: stages, whether they are there, estimated time."""
    estimator = Estimator(nodes, root)
    table = Table("arm", "stage", "seeds", "done", "estimate", box=None, pad_edge=False)
    to_do = {node.key: node for node in unique(nodes) if not is_sound(node.folder(root))}
    by_stage: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        by_stage.setdefault((node.arm, node.stage), []).append(node)
    for (arm, stage), members in by_stage.items():
        left = [node for node in members if node.key in to_do]
        seconds = sum(map(estimator.seconds, left), 0.0)
        seeds = ",".join(str(node.seed) for node in members)
        done = f"{len(members) - len(left)}/{len(members)}"
        table.add_row(arm, stage, seeds, done, duration(seconds))
    wall = sum(map(estimator.seconds, to_do.values()), 0.0) / workers
    return Group(
        table,
        f"{len(unique(nodes))} different stages, {len(to_do)} to do, about {duration(wall)} "
        f"with {workers} worker{'s' * (workers != 1)}; arms share stages",
    )


class Display:
    """Called with the progress a few times a second; draws it, or prints a line now and then."""

    def __init__(self, console: Console, nodes: Sequence[Node], root: Path, workers: int) -> None:
        self._console, self._nodes, self._root = console, unique(nodes), root
        self._workers = workers
        self._live: Live | None = None
        self._last_line, self._last_done = time.monotonic(), -1

    @contextmanager
    def shown(self) -> Iterator["Display"]:
        """Keeps the display on the terminal while stages run."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, refresh_per_second=4) as self._live:
            yield self

    def __call__(self, progress: Progress) -> None:
        if self._live is not None:
            self._live.update(self._drawing(progress))
            return
        due = time.monotonic() - self._last_line > _PLAIN_SECONDS
        if due or len(progress.done) != self._last_done:
            self._last_line, self._last_done = time.monotonic(), len(progress.done)
            shown = [self._summary(progress), *map(self._line, progress.running)]
            line = " | ".join(shown)
            self._console.print(line, highlight=False, soft_wrap=True, markup=False)

    def _drawing(self, progress: Progress) -> Table:
        drawing = Table.grid()
        done = progress.cached + len(progress.done)
        drawing.add_row(ProgressBar(progress.total, done, width=60))
        drawing.add_row(Text(self._summary(progress)))
        for node in progress.running:
            drawing.add_row(Text("  " + self._line(node)))
        return drawing

    def _summary(self, progress: Progress) -> str:
        done = progress.cached + len(progress.done)
        failed = f", {len(progress.failed)} failed" if progress.failed else ""
        return f"{done}/{progress.total} stages{failed}, {duration(self._left(progress))} left"

    def _left(self, progress: Progress) -> float:
        estimator = Estimator(self._nodes, self._root)
        seconds = (
            estimator.seconds(node) * (1 - _fraction(node.folder(self._root)))
            for node in missing(self._nodes, self._root)
        )
        return sum(seconds, 0.0) / self._workers

    def _line(self, node: Node) -> str:
        line = _last_line(node.folder(self._root) / "metrics.jsonl") or {}
        figures = " ".join(f"{name} {line[name]:.3g}" for name in _SHOWN if name in line)
        step = f"{line['step']}/{line['total']}" if line else "starting"
        return f"{node.arm} · {node.stage} · seed {node.seed} · {step} {figures}".rstrip()


def _fraction(folder: Path) -> float:
    line = _last_line(folder / "metrics.jsonl")
    return line["step"] / max(line["total"], 1) if line else 0.0


def _last_line(path: Path) -> dict[str, Any] | None:
    """The last whole line of a file that may be written to at this moment."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode().split("\n")
        return next((json.loads(text) for text in reversed(lines[:-1]) if text), None)
    except (OSError, ValueError):
        return None
