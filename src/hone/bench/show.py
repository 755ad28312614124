"""`hone bench`: the ladder of model sizes, or a race against TRL, as a table or as JSON."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hone.bench import race
from hone.bench.cases import LADDER
from hone.bench.ladder import Rung
from hone.bench.processes import measured
from hone.core.errors import require, unknown

DTYPES = ("float32", "bfloat16")
WHOLE = (0.25, 1500)
"""p_cot and pretraining steps of the model that whole runs start from."""


def bench(
    sizes: Sequence[str],
    against: str | None,
    turns: int,
    threads: int,
    as_json: bool,
    *,
    whole: bool = False,
) -> None:
    """Measure the ladder, or race.

    Raises:
        UsageError: an unknown size or opponent.
    """
    for size in sizes:
        if size not in LADDER:
            raise unknown("size", size, LADDER)
    require(turns >= 1, "turns", turns, "1 or more")
    if against is None:
        require(not whole, "whole", whole, "only with --against trl")
        _show_ladder(sizes, as_json)
        return
    require(against == "trl", "against", against, "trl")
    for size in sizes:
        _show_race(size, turns, threads, whole, as_json)


def _show_ladder(sizes: Sequence[str], as_json: bool) -> None:
    table = Table("million parameters", "dtype", "mode", "training tokens/s", "rollout tokens/s",
                  "GRPO step s", "of GEMM peak", "log-prob. gap", "memory MiB")  # fmt: skip
    found = []
    for size in sizes:
        for dtype in DTYPES:
            for compiled in (False, True):
                rung = Rung(**measured("hone.bench.ladder", size, dtype, str(compiled)))
                mode = "compiled" if compiled else "eager"
                found.append({"dtype": dtype, "mode": mode, **asdict(rung)})
                table.add_row(f"{rung.million:.2f}", dtype, mode, f"{rung.training:,.0f}",
                              f"{rung.rollouts:,.0f}", f"{rung.step:.2f}",
                              f"{rung.peak_share:.0%}", f"{rung.gap:.1e}",
                              f"{rung.memory:.0f}")  # fmt: skip
    _print(table, found, as_json)


def _show_race(size: str, turns: int, threads: int, whole: bool, as_json: bool) -> None:
    table = Table("contestant", "median s", "range s", "× faster", "spread", "tokens a response",
                  "steps")  # fmt: skip
    slow, *others = raced(size, turns, threads, whole)
    found = []
    for one in (slow, *others):
        times, low, high = race.ratio(slow, one)
        found.append({**asdict(one), "median": one.median, "ratio": times, "spread": (low, high)})
        table.add_row(
            one.name,
            f"{one.median:.2f}",
            f"{min(one.seconds):.2f} to {max(one.seconds):.2f}",
            f"{times:.1f}",
            f"{low:.1f} to {high:.1f}",
            f"{one.tokens:.1f}",
            f"{one.steps:g}",
        )
    _print(table, found, as_json)


def raced(
    size: str, turns: int, threads: int, whole: bool, device: str = "cpu"
) -> list[race.Timed]:
    """The contestants' times; TRL at its best comes first."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "taught"
        if whole:
            track = race.Track(race.teach(folder, size, *WHOLE), threads, device)
            return list(race.whole_runs(track, turns))
        return list(race.race(race.Track(race.teach(folder, size), threads, device), turns))


def _print(table: Table, found: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        Console().print_json(json.dumps(found))
    else:
        Console().print(table)
