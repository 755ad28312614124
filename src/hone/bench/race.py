"""Races against TRL from the same checkpoint: step by step in turn, and whole runs to a level.

Both sample, grade and take one optimizer step on 32 prompts × 16 responses. Steps are timed from a
decoder that was taught to write whole chains, so that every response has the full length; whole
runs start from one that writes a quarter of them, as in the parity study, and end at 95 % greedy
accuracy. TRL runs at its best of micro-batch and dtype; each process is pinned to as many cores as
it has threads.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from hone.bench.processes import measured

LEARNING_RATE = 1e-4
EVERY = 2  # steps between evaluations of a whole run
LEVEL = 0.95
DTYPES = ("float32", "bfloat16")
_WARMUP, _STEPS = 2, 5
_MICRO_BATCHES = (64, 512)
_MOST_STEPS = 120
_NEVER = "1"  # no level at which to stop


@dataclass(frozen=True)
class Timed:
    """One contestant: seconds of its steps, or of its whole runs, from all of its turns."""

    name: str
    seconds: tuple[float, ...]
    tokens: float  # of a response, the end included
    steps: float = 1.0  # that took these seconds

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def teach(folder: Path, size: str, p_cot: float = 1.0, steps: int = 60) -> Path:
    """A checkpoint that writes a share of chains; after few steps they are not yet right."""
    measured("hone.bench.teach", str(folder), size, str(p_cot), str(steps))
    return folder / "checkpoint"


def race(checkpoint: Path, turns: int, threads: int) -> Iterator[Timed]:
    """Seconds of a step: TRL at its best in both dtypes, then ours, in turn."""
    return _in_turn(checkpoint, turns, threads, _WARMUP + _STEPS, _NEVER, _steps)


def whole_runs(checkpoint: Path, turns: int, threads: int) -> Iterator[Timed]:
    """Seconds to 95 % greedy accuracy, or infinity; our evaluations count, TRL's do not."""
    return _in_turn(checkpoint, turns, threads, _MOST_STEPS, str(LEVEL), _whole)


def best_of_trl(checkpoint: Path, threads: int) -> list[tuple[str, int]]:
    """In each dtype, the micro-batch at which a TRL step is fastest; the faster dtype first."""
    found = {
        (dtype, size): _steps("", _trl(checkpoint, dtype, size, threads, _WARMUP + 2)).median
        for dtype in DTYPES
        for size in _MICRO_BATCHES
    }
    best = [min((key for key in found if key[0] == d), key=found.__getitem__) for d in DTYPES]
    return sorted(best, key=found.__getitem__)


def ratio(slow: Timed, fast: Timed) -> tuple[float, float, float]:
    """How many times faster: in medians, and at the least and most favourable pair of times."""
    return (
        slow.median / fast.median,
        min(slow.seconds) / max(fast.seconds),
        max(slow.seconds) / min(fast.seconds),
    )


def _in_turn(
    checkpoint: Path,
    turns: int,
    threads: int,
    steps: int,
    level: str,
    timed: Callable[[str, dict[str, Any]], Timed],
) -> Iterator[Timed]:
    """Every contestant once a turn, TRL at its best first."""
    best = best_of_trl(checkpoint, threads)

    def turn() -> list[Timed]:
        theirs = [
            timed(_trl_name(*key, threads), _trl(checkpoint, *key, threads, steps, level))
            for key in best
        ]
        ours = [
            timed(f"hone, {dtype}, 1 thread", _ours(checkpoint, dtype, steps, level))
            for dtype in DTYPES
        ]
        return [*theirs, *ours]

    return _together([turn() for _ in range(turns)])


def _trl(
    checkpoint: Path, dtype: str, size: int, threads: int, steps: int, level: str = _NEVER
) -> dict[str, Any]:
    settings = (str(checkpoint), dtype, str(threads), str(size), str(steps), level)
    return measured("hone.bench.trl_steps", *settings, threads=threads)


def _trl_name(dtype: str, size: int, threads: int) -> str:
    return f"TRL, {dtype}, micro-batches of {size}, {threads} thread{'s' * (threads != 1)}"


def _ours(checkpoint: Path, dtype: str, steps: int, level: str) -> dict[str, Any]:
    return measured("hone.bench.hone_steps", str(checkpoint), dtype, str(steps), level)


def _steps(name: str, found: dict[str, Any]) -> Timed:
    return Timed(name, tuple(found["seconds"][_WARMUP:]), found["tokens"])


def _whole(name: str, found: dict[str, Any]) -> Timed:
    """Seconds up to the first evaluation at the level."""
    reached = [int(step) for step, value in found["accuracies"].items() if value >= LEVEL]
    if not reached:
        return Timed(name, (float("inf"),), found["tokens"], float("inf"))
    steps = min(reached)
    return Timed(
        name, (list(accumulate(found["seconds"]))[steps - 1],), found["tokens"], float(steps)
    )


def _together(rounds: Sequence[Sequence[Timed]]) -> Iterator[Timed]:
    """Each contestant with the times of all of its turns."""
    for turns in zip(*rounds, strict=True):
        yield Timed(
            turns[0].name,
            tuple(second for turn in turns for second in turn.seconds),
            statistics.mean(turn.tokens for turn in turns),
            statistics.mean(turn.steps for turn in turns),
        )
