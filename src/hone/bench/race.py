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


@dataclass(frozen=True)
class Track:
    """Where a race is run.

    Attributes:
        checkpoint: what both start from.
        threads: TRL's; ours has one.
        device: `cpu` or `cuda`.
    """

    checkpoint: Path
    threads: int
    device: str = "cpu"

    def trl(self, dtype: str, size: int, steps: int, level: str = _NEVER) -> dict[str, Any]:
        """TRL's times with micro-batches of a size."""
        settings = (str(self.checkpoint), dtype, self.device, str(self.threads), str(size))
        end = (str(steps), level)
        return measured("hone.bench.trl_steps", *settings, *end, threads=self.threads)

    def ours(self, dtype: str, steps: int, level: str) -> dict[str, Any]:
        settings = (str(self.checkpoint), dtype, self.device, str(steps), level)
        return measured("hone.bench.hone_steps", *settings)

    def name(self, whose: str, dtype: str, threads: int) -> str:
        where = f"{threads} thread{'s' * (threads != 1)}" if self.device == "cpu" else self.device
        return f"{whose}, {dtype}, {where}"


def race(track: Track, turns: int) -> Iterator[Timed]:
    """Seconds of a step: TRL at its best in both dtypes, then ours, in turn."""
    return _in_turn(track, turns, _WARMUP + _STEPS, _NEVER, _steps)


def whole_runs(track: Track, turns: int) -> Iterator[Timed]:
    """Seconds to 95 % greedy accuracy, or infinity; our evaluations count, TRL's do not."""
    return _in_turn(track, turns, _MOST_STEPS, str(LEVEL), _whole)


def best_of_trl(track: Track) -> list[tuple[str, int]]:
    """In each dtype, the micro-batch at which a TRL step is fastest; the faster dtype first."""
    found = {
        (dtype, size): _steps("", track.trl(dtype, size, _WARMUP + 2)).median
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
    track: Track,
    turns: int,
    steps: int,
    level: str,
    timed: Callable[[str, dict[str, Any]], Timed],
) -> Iterator[Timed]:
    """Every contestant once a turn, TRL at its best first."""
    best = best_of_trl(track)

    def turn() -> list[Timed]:
        theirs = [
            timed(
                track.name(f"TRL, micro-batches of {size}", dtype, track.threads),
                track.trl(dtype, size, steps, level),
            )
            for dtype, size in best
        ]
        ours = [
            timed(track.name("hone", dtype, 1), track.ours(dtype, steps, level)) for dtype in DTYPES
        ]
        return [*theirs, *ours]

    return _together([turn() for _ in range(turns)])


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
