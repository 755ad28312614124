"""Races against TRL from the same checkpoint: step by step in turn, and whole runs to a level.

Both sample, grade and take one optimizer step on 32 prompts × 16 responses, with the same reward
and the same objective. Steps are timed from a decoder that was taught until it writes whole chains,
so that responses have the full length, and are rewarded by a coin, so that every group has a
signal; whole runs start from one that writes a quarter of them, as in the parity study, have the
parity's reward, and end at 95 % greedy accuracy. TRL runs at its best of micro-batch, dtype and
number of threads, which each kind of race tells by its own figure; each process is pinned to as
many cores as it has threads.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from hone.bench.contest import LEVEL
from hone.bench.processes import OutOfMemory, measured
from hone.models.config import DecoderConfig

DTYPES = ("float32", "bfloat16")
STEPS = 5  # timed in a turn, after those of warming up
_WARMUP = 1
_MICRO_BATCHES = (64, 512)
_MOST_STEPS = 120
_NEVER = 1.0  # no level at which to stop


@dataclass(frozen=True)
class Timed:
    """One contestant: seconds of its steps, or of its whole runs, from all of its turns.

    A run that never reaches the level takes for ever, as does a step that memory is too small for.
    """

    name: str
    seconds: tuple[float, ...]
    tokens: float  # of a response, the end included
    steps: float = 1.0  # that took these seconds

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def teach(folder: Path, size: str, *, whole: bool) -> Path:
    """A checkpoint that writes whole chains, or, for whole runs, a quarter of them."""
    how = ("0.25", "1500", "inf") if whole else ("1", "600", "0.98")
    measured("hone.bench.teach", str(folder), size, *how)
    return folder / "checkpoint"


def untaught(folder: Path, config: DecoderConfig) -> Path:
    """A checkpoint of any shape that writes whatever its random weights say."""
    measured("hone.bench.untaught", str(folder), json.dumps(asdict(config)))
    return folder / "checkpoint"


@dataclass(frozen=True)
class Setting:
    """How TRL is run."""

    dtype: str
    threads: int
    micro_batch: int


@dataclass(frozen=True)
class Track:
    """Where a race is run.

    Attributes:
        checkpoint: what both start from.
        threads: numbers of them that TRL tries; ours has one.
        device: `cpu` or `cuda`.
        reward: its name in `contest.REWARDS`.
    """

    checkpoint: Path
    threads: tuple[int, ...] = (1,)
    device: str = "cpu"
    reward: str = "coin"

    @property
    def settings(self) -> list[Setting]:
        """All in which TRL may be at its best."""
        return [
            Setting(dtype, threads, size)
            for dtype in DTYPES
            for threads in self.threads
            for size in _MICRO_BATCHES
        ]

    def trl(self, setting: Setting, steps: int, level: float, seed: int) -> dict[str, Any]:
        """TRL's times."""
        where = (str(self.checkpoint), setting.dtype, self.device, str(setting.threads))
        end = (str(steps), str(level), self.reward, str(seed))
        arguments = (*where, str(setting.micro_batch), *end)
        return measured("hone.bench.trl_steps", *arguments, threads=setting.threads)

    def ours(self, dtype: str, steps: int, level: float, seed: int) -> dict[str, Any]:
        where = (str(self.checkpoint), dtype, self.device)
        end = (str(steps), str(level), self.reward, str(seed))
        return measured("hone.bench.hone_steps", *where, *end)

    def name(self, whose: str, dtype: str, threads: int) -> str:
        where = f"{threads} thread{'s' * (threads != 1)}" if self.device == "cpu" else self.device
        return f"{whose}, {dtype}, {where}"


@dataclass(frozen=True)
class Kind:
    """What is timed: at most so many steps from a seed, up to a level, and what of them counts."""

    steps: int
    level: float
    timed: Callable[[str, dict[str, Any]], Timed]

    def trl(self, track: Track, setting: Setting, seed: int) -> Timed:
        whose = f"TRL, micro-batches of {setting.micro_batch}"
        return self._timed(
            track.name(whose, setting.dtype, setting.threads),
            lambda: track.trl(setting, self.steps, self.level, seed),
        )

    def ours(self, track: Track, dtype: str, seed: int) -> Timed:
        return self._timed(
            track.name("hone", dtype, 1),
            lambda: track.ours(dtype, self.steps, self.level, seed),
        )

    def _timed(self, name: str, measure: Callable[[], dict[str, Any]]) -> Timed:
        try:
            return self.timed(name, measure())
        except OutOfMemory:
            return Timed(name, (float("inf"),), 0.0)


def race(track: Track, turns: int, steps: int = STEPS) -> list[Timed]:
    """Seconds of a step: TRL in either dtype, its best first, then ours, in turn.

    Micro-batches that are slower in a few steps are left out.
    """
    settings = best_of_trl(track)
    return _in_turn(track, Kind(_WARMUP + steps, _NEVER, _steps), turns, settings)


def whole_runs(track: Track, turns: int) -> list[Timed]:
    """Seconds to 95 % greedy accuracy, or infinity; our evaluations count, TRL's do not.

    Nothing shorter than a whole run tells how TRL is at its best in whole runs, so all of its
    settings take every turn. Each turn has a seed of its own.
    """
    return _in_turn(track, Kind(_MOST_STEPS, LEVEL, _whole), turns, track.settings)


def best_of_trl(track: Track) -> list[Setting]:
    """In each dtype with each number of threads, the micro-batch at which a step is fastest."""
    trial = Kind(_WARMUP + 2, _NEVER, _steps)
    found = {setting: trial.trl(track, setting, seed=0).median for setting in track.settings}
    alike: dict[tuple[str, int], list[Setting]] = {}
    for setting in found:
        alike.setdefault((setting.dtype, setting.threads), []).append(setting)
    return [min(settings, key=found.__getitem__) for settings in alike.values()]


def ratio(slow: Timed, fast: Timed) -> tuple[float, float, float]:
    """How many times faster: in medians, and at the least and most favourable pair of times."""
    return (
        slow.median / fast.median,
        min(slow.seconds) / max(fast.seconds),
        max(slow.seconds) / min(fast.seconds),
    )


def _in_turn(track: Track, kind: Kind, turns: int, settings: Sequence[Setting]) -> list[Timed]:
    """Every contestant once a turn; of TRL's, the one that this race found fastest comes first."""
    rounds = [
        [
            *(kind.trl(track, setting, seed) for setting in settings),
            *(kind.ours(track, dtype, seed) for dtype in DTYPES),
        ]
        for seed in range(1, turns + 1)
    ]
    timed = [_together(turns) for turns in zip(*rounds, strict=True)]
    theirs, ours = timed[: len(settings)], timed[len(settings) :]
    return [*sorted(theirs, key=lambda one: one.median), *ours]


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


def _together(turns: Sequence[Timed]) -> Timed:
    """A contestant with the times of all of its turns."""
    return Timed(
        turns[0].name,
        tuple(second for turn in turns for second in turn.seconds),
        statistics.mean(turn.tokens for turn in turns),
        statistics.mean(turn.steps for turn in turns),
    )
