"""A race against TRL: the same checkpoint, task, prompts and samples, steps timed in turn.

Both start from a decoder that was taught to write whole chains, so that every response has the full
length, and both sample, grade and take one optimizer step on 32 prompts × 16 responses. TRL runs at
its best of micro-batch and dtype; each process is pinned to as many cores as it has threads.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hone.bench.processes import measured

LEARNING_RATE = 1e-5
_STEPS = 5
_MICRO_BATCHES = (64, 512)


@dataclass(frozen=True)
class Timed:
    """One contestant: seconds of its steps, from all of its turns."""

    name: str
    seconds: tuple[float, ...]
    tokens: float  # of a response, the end included

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def teach(folder: Path, size: str) -> Path:
    """A checkpoint that writes whole chains, right or wrong."""
    measured("hone.bench.teach", str(folder), size)
    return folder / "checkpoint"


def best_of_trl(checkpoint: Path, threads: int) -> tuple[str, int]:
    """The dtype and micro-batch at which a TRL step is fastest on so many threads."""
    found = {
        (dtype, size): _trl(checkpoint, dtype, size, threads, steps=2)
        for dtype in ("float32", "bfloat16")
        for size in _MICRO_BATCHES
    }
    return min(found, key=lambda key: found[key].median)


def race(checkpoint: Path, turns: int, threads: int) -> Iterator[Timed]:
    """TRL at its best and ours in both dtypes, in turn."""
    dtype, size = best_of_trl(checkpoint, threads)
    contestants = [
        lambda: _trl(checkpoint, dtype, size, threads, _STEPS),
        lambda: _ours(checkpoint, "float32"),
        lambda: _ours(checkpoint, "bfloat16"),
    ]
    rounds = [[contestant() for contestant in contestants] for _ in range(turns)]
    for turns_of_one in zip(*rounds, strict=True):
        yield _together(turns_of_one)


def ratio(slow: Timed, fast: Timed) -> tuple[float, float, float]:
    """How many times faster: in medians, and at the least and most favourable pair of steps."""
    return (
        slow.median / fast.median,
        min(slow.seconds) / max(fast.seconds),
        max(slow.seconds) / min(fast.seconds),
    )


def _trl(checkpoint: Path, dtype: str, size: int, threads: int, steps: int) -> Timed:
    found = measured(
        "hone.bench.trl_steps",
        str(checkpoint),
        dtype,
        str(threads),
        str(size),
        str(steps),
        threads=threads,
    )
    name = f"TRL, {dtype}, micro-batches of {size}, {threads} thread{'s' * (threads != 1)}"
    return Timed(name, tuple(found["seconds"]), found["tokens"])


def _ours(checkpoint: Path, dtype: str) -> Timed:
    found = measured("hone.bench.hone_steps", str(checkpoint), dtype, str(_STEPS))
    name = f"hone, {dtype}, 1 thread"
    return Timed(name, tuple(found["seconds"]), found["tokens"])


def _together(turns: Sequence[Timed]) -> Timed:
    seconds = tuple(second for turn in turns for second in turn.seconds)
    return Timed(turns[0].name, seconds, statistics.mean(turn.tokens for turn in turns))
