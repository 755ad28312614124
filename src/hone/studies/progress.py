"""Live progress of an execution, plain lines without a terminal, and estimates of time."""

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

from hone.core.errors import DamagedFile
from hone.core.files import parse_line
from hone.models.config import parameters
from hone.report.publish import duration
from hone.runs.environment import numerics
from hone.runs.executor import Progress
from hone.runs.folder import is_complete, is_sound
from hone.runs.plan import Node, missing, unique
from hone.training.configs import Likelihood, Respond

_NOMINAL_RATE = 100e9  # floating-point operations a second of one thread, before any are known
_DISPATCH = 300_000  # a token costs as much besides its arithmetic as so many parameters
_LINEAR = 20_000  # and a row of a linear model as much as so many
_START_SECONDS = 1.0
_SHOWN = ("greedy_accuracy", "reward", "loss", "sampled_length", "accuracy")
_PLAIN_SECONDS = 20.0  # between lines where there is no terminal
_TAIL_BYTES = 2**16  # more than the longest line of a log


def seconds_taken(folder: Path) -> float | None:
    """Wall time of a finished stage as it logged it; what a kill undid is not in it.

    Raises:
        DamagedFile: `timing.jsonl` does not say it.
    """
    file = folder / "timing.jsonl"
    line = _last_line(file, "seconds")
    try:
        return None if line is None else float(line["seconds"])
    except (TypeError, ValueError) as error:
        raise DamagedFile(f"{file} is damaged: its seconds are no number ({error})") from error


class Estimator:
    """Seconds a stage will take, from its tokens and model, calibrated on finished stages.

    On those of its own kind if there are any: responses end before they are as long as they may be,
    demonstrations do not. What a device other than the CPU does in a second is not known before a
    stage has run on it.
    """

    def __init__(self, nodes: Sequence[Node], root: Path) -> None:
        alike: dict[tuple[str, str], list[float]] = {}
        for node in unique(nodes):
            if is_complete(node.folder(root)) and (taken := seconds_taken(node.folder(root))):
                kind = _device(node), node.config.implementation
                alike.setdefault(kind, []).append(self._work(node) / taken)
        self._of_kind = {kind: median(rates) for kind, rates in alike.items()}
        self._of_device = {"cpu": _NOMINAL_RATE}
        for device in {device for device, _ in alike}:
            kinds = (rate for (place, _), rate in self._of_kind.items() if place == device)
            self._of_device[device] = median(kinds)

    def seconds(self, node: Node) -> float | None:
        """None on a device of which nothing is known."""
        device = _device(node)
        kind = device, node.config.implementation
        rate = self._of_kind.get(kind, self._of_device.get(device))
        return None if rate is None else _START_SECONDS + self._work(node) / rate

    def total(self, nodes: Sequence[Node]) -> tuple[float, list[Node]]:
        """Seconds of all stages together that can be told, and the stages that cannot."""
        found = [(node, self.seconds(node)) for node in nodes]
        known = sum((seconds for _, seconds in found if seconds is not None), 0.0)
        return known, [node for node, seconds in found if seconds is None]

    def operations(self, nodes: Sequence[Node]) -> str:
        """Floating-point operations of stages whose time cannot be told, about."""
        return f"{sum(map(self._work, nodes)):.0e} operations"

    @staticmethod
    def _work(node: Node) -> float:
        base = node
        while getattr(base.config, "model", None) is None and base.inputs:
            base = next(iter(base.inputs.values()))
        model = getattr(base.config, "model", None)
        passes = 2.0 if isinstance(node.config, Respond | Likelihood) else 6.0  # forward, backward
        return passes * node.config.tokens * (_DISPATCH + parameters(model) if model else _LINEAR)


def plan_table(nodes: Sequence[Node], root: Path, workers: int) -> Group:
    """What a run would do: stages, whether they are there, estimated time."""
    estimator = Estimator(nodes, root)
    table = Table("arm", "stage", "seeds", "done", "estimate", box=None, pad_edge=False)
    to_do = {node.key: node for node in unique(nodes) if not is_sound(node.folder(root))}
    by_stage: dict[tuple[str, str], dict[str, Node]] = {}
    for node in nodes:
        by_stage.setdefault((node.arm, node.stage), {})[node.key] = node
    for (arm, stage), each in by_stage.items():
        members = list(each.values())
        left = [node for node in members if node.key in to_do]
        seconds, untold = estimator.total(left)
        seeds = ",".join(str(seed) for seed in dict.fromkeys(node.seed for node in members))
        done = f"{len(members) - len(left)}/{len(members)}"
        cost = estimator.operations(untold) if untold else duration(seconds)
        table.add_row(arm, stage, seeds, done, cost)
    return Group(
        table,
        f"{len(unique(nodes))} different stages, {len(to_do)} to do, "
        f"{_time(estimator, list(to_do.values()), workers)}; arms share stages",
    )


def _time(estimator: Estimator, to_do: Sequence[Node], workers: int) -> str:
    """How long the stages will take, and of which that cannot be told."""
    seconds, untold = estimator.total(to_do)
    devices = ", ".join(sorted(set(map(_device, untold))))
    if untold and len(untold) == len(to_do):
        return f"{estimator.operations(untold)}, time not known: none has run on {devices} yet"
    told = f"about {duration(seconds / workers)} with {workers} worker{'s' * (workers != 1)}"
    if not untold:
        return told
    return f"{told} without the {len(untold)} on {devices}, where none has run yet"


def _device(node: Node) -> str:
    return numerics(node.config).get("device", "cpu")


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
        left = self._left()
        words = "time left not known yet" if left is None else f"{duration(left)} left"
        return f"{done}/{progress.total} stages{failed}, {words}"

    def _left(self) -> float | None:
        estimator, total = Estimator(self._nodes, self._root), 0.0
        for node in missing(self._nodes, self._root):
            seconds = estimator.seconds(node)
            if seconds is None:
                return None
            total += seconds * (1 - _fraction(node.folder(self._root)))
        return total / self._workers

    def _line(self, node: Node) -> str:
        line = _last_line(node.folder(self._root) / "metrics.jsonl", "step", "total") or {}
        shown = (name for name in line if name in _SHOWN or name.startswith("share_"))
        figures = " ".join(f"{name} {line[name]:.3g}" for name in shown)
        step = f"{line['step']}/{line['total']}" if line else "starting"
        return f"{node.arm} · {node.stage} · seed {node.seed} · {step} {figures}".rstrip()


def _fraction(folder: Path) -> float:
    line = _last_line(folder / "metrics.jsonl", "step", "total")
    return line["step"] / max(line["total"], 1) if line else 0.0


def _last_line(path: Path, *keys: str) -> dict[str, Any] | None:
    """The last whole line of a file that may be written to at this moment.

    Raises:
        DamagedFile: the line lacks one of the keys.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    return next((parse_line(path, text, *keys) for text in reversed(lines[:-1]) if text), None)
