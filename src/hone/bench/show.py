"""`hone bench`: the ladder of model sizes, or a race against TRL, as a table or as JSON."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hone.bench import machine, race
from hone.bench.cases import LADDER
from hone.bench.ladder import Rung
from hone.bench.processes import measured
from hone.core.errors import HoneError, require, unknown
from hone.models.config import DecoderConfig

DTYPES = ("float32", "bfloat16")
_STRAY = 0.5  # cores that other processes may keep busy beside a race on all of them


def bench(
    sizes: Sequence[str],
    against: str | None,
    turns: int,
    threads: int,
    as_json: bool,
    *,
    whole: bool = False,
    all_cores: bool = False,
) -> None:
    """Measure the ladder, or race.

    Raises:
        UsageError: an unknown size or opponent, or more threads than there are cores for.
        HoneError: all cores are asked for, and others use them.
    """
    for size in sizes:
        if size not in LADDER:
            raise unknown("size", size, LADDER)
    require(turns >= 1, "turns", turns, "1 or more")
    usable = machine.cores().usable
    require(1 <= threads <= usable, "threads", threads, f"1 to {usable}, the cores usable here")
    if against is None:
        require(not whole, "whole", whole, "only with --against trl")
        require(not all_cores, "all_cores", all_cores, "only with --against trl")
        _show_ladder(sizes, as_json)
        return
    require(against == "trl", "against", against, "trl")
    tried = threads_on_idle_cores(threads) if all_cores else (threads,)
    for size in sizes:
        _show_race(size, turns, tried, whole, as_json)


def threads_on_idle_cores(threads: int = 1) -> tuple[int, ...]:
    """So many threads, and as many as there are usable cores: what TRL tries.

    Raises:
        HoneError: other processes keep the cores busy, and TRL would be slow for their sake.
    """
    usable, busy = machine.cores().usable, machine.busy_cores()
    if busy > _STRAY:
        raise HoneError(
            f"a race on all {usable} cores needs them idle, but others keep {busy:.1f} of them "
            "busy; wait for these, or race on one core, without --all-cores"
        )
    return tuple(sorted({threads, usable}))


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


def _show_race(size: str, turns: int, threads: tuple[int, ...], whole: bool, as_json: bool) -> None:
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
            f"{one.steps:.3g}",
        )
    _print(table, found, as_json)


def raced(
    size: str,
    turns: int,
    threads: tuple[int, ...],
    whole: bool,
    device: str = "cpu",
    steps: int = race.STEPS,
) -> list[race.Timed]:
    """The contestants' times; TRL at its best comes first.

    Args:
        size: of the ladder.
        turns: of each contestant.
        threads: numbers of them that TRL tries.
        whole: whole runs instead of steps.
        device: `cpu` or `cuda`.
        steps: timed in a turn, where steps are.
    """
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = race.teach(Path(scratch) / "taught", size, whole=whole)
        if whole:
            return race.whole_runs(race.Track(checkpoint, threads, device, "e2e"), turns)
        return race.race(race.Track(checkpoint, threads, device), turns, steps)


def raced_untaught(
    config: DecoderConfig, turns: int, threads: tuple[int, ...], device: str, steps: int
) -> list[race.Timed]:
    """Times of steps from random weights: for shapes that are too large to be taught."""
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = race.untaught(Path(scratch) / "untaught", config)
        return race.race(race.Track(checkpoint, threads, device), turns, steps)


def _print(table: Table, found: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        Console().print_json(json.dumps(found))
    else:
        Console().print(table)
