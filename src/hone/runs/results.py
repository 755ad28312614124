"""What the arms of a study came to: run folders selected by factors, read as tables."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import polars as pl

from hone.core.errors import DamagedFile
from hone.runs.plan import Factor, Node


@dataclass(frozen=True)
class Finished:
    """A finished stage of an arm: what it is called, and where it is."""

    arm: str
    stage: str
    seed: int
    factors: Mapping[str, Factor] = field(hash=False)
    folder: Path

    @staticmethod
    def of(node: Node, root: Path) -> "Finished":
        return Finished(node.arm, node.stage, node.seed, node.factors, node.folder(root))


@dataclass(frozen=True)
class Results:
    """Finished stages of a study. Selecting never copies; tables are read when asked for.

    Equal results hash alike, so that what is taken of them can be cached.
    """

    study: str
    stages: tuple[Finished, ...]

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator["Results"]:
        """Each stage by itself."""
        return (replace(self, stages=(each,)) for each in self.stages)

    def select(
        self, arm: Factor | None = None, stage: Factor | None = None, **factors: Factor
    ) -> "Results":
        """Only the stages of an arm, of a stage name, and with the given factors."""
        kept = tuple(
            each
            for each in self.stages
            if (arm is None or each.arm == arm)
            and (stage is None or each.stage == stage)
            and all(each.factors.get(name) == value for name, value in factors.items())
        )
        return replace(self, stages=kept)

    def where(self, keep: Callable[[Mapping[str, Factor]], bool]) -> "Results":
        """Only the stages whose factors satisfy a condition; `arm` counts as a factor."""
        kept = (each for each in self.stages if keep({**each.factors, "arm": each.arm}))
        return replace(self, stages=tuple(kept))

    def of_seeds(self, seeds: Sequence[int]) -> "Results":
        """Only the stages of the given seeds."""
        return replace(self, stages=tuple(each for each in self.stages if each.seed in seeds))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({each.seed for each in self.stages}))

    @property
    def arms(self) -> tuple[str, ...]:
        """Arm names in the order of the plan."""
        return tuple(dict.fromkeys(each.arm for each in self.stages))

    def factor(self, name: str) -> tuple[Factor, ...]:
        """The values of a factor, sorted."""
        return tuple(sorted({each.factors[name] for each in self.stages if name in each.factors}))

    def steps(self, name: str = "evaluation") -> tuple[int, ...]:
        """The steps at which every stage together stored the named table."""
        found = {_step(file) for each in self.stages for file in _files(each.folder, name, None)}
        return tuple(sorted(found))

    def metrics(self) -> pl.DataFrame:
        """Every logged step of every stage, with arm, stage, seed and factors as columns."""
        frames = [
            _labelled(_read_lines(file), self.study, each)
            for each in self.stages
            if (file := each.folder / "metrics.jsonl").exists()
        ]
        return pl.concat(frames, how="diagonal_relaxed")

    def rollouts(
        self, name: str = "evaluation", steps: Sequence[int] | None = None
    ) -> pl.DataFrame:
        """Rollout tables of every stage: `evaluation` or `train`; `steps` -1 is the last one."""
        return pl.concat(
            [
                _labelled(_read(file, file.stat().st_mtime_ns), self.study, each)
                for each in self.stages
                for file in _files(each.folder, name, steps)
            ],
            how="diagonal_relaxed",
        )


def _files(folder: Path, name: str, steps: Sequence[int] | None) -> list[Path]:
    files = sorted((folder / "rollouts").glob(f"{name}-*.parquet"))
    if steps is None:
        return files
    if -1 in steps:
        return files[-1:]
    return [file for file in files if _step(file) in steps]


def _step(file: Path) -> int:
    return int(file.stem.rpartition("-")[2])


@lru_cache(maxsize=64)  # measures of the same runs ask for the same tables in turn
def _read(file: Path, changed: int) -> pl.DataFrame:
    """A table, as it was written at a time."""
    try:
        return pl.read_parquet(file, glob=False)  # a folder's name may hold brackets
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedFile(f"{file} is damaged ({error})") from error


def _read_lines(file: Path) -> pl.DataFrame:
    try:
        return pl.read_ndjson(io.BytesIO(file.read_bytes()), infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedFile(f"{file} is damaged ({error})") from error


def _labelled(table: pl.DataFrame, study: str, each: Finished) -> pl.DataFrame:
    return table.with_columns(
        pl.lit(study).alias("study"),
        pl.lit(each.arm).alias("arm"),
        pl.lit(each.stage).alias("stage"),
        pl.lit(each.seed).cast(pl.Int64).alias("seed"),
        # a rollout's own columns, such as its temperature, are facts; factors only add to them
        *[
            pl.lit(value).alias(name)
            for name, value in each.factors.items()
            if name not in table.columns
        ],
    )
