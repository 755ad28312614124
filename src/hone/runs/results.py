"""What the arms of a study came to: run folders selected by factors, read as tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.core.errors import DamagedFile
from hone.runs.plan import Factor, Node

_ROLLOUTS = "rollouts"


@dataclass(frozen=True)
class Results:
    """Finished stages of a study. Selecting never copies; tables are read when asked for."""

    study: str
    nodes: tuple[Node, ...]
    root: Path

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator["Results"]:
        """Each stage by itself."""
        return (Results(self.study, (node,), self.root) for node in self.nodes)

    def select(
        self, arm: str | None = None, stage: str | None = None, **factors: Factor
    ) -> "Results":
        """Only the stages of an arm, of a stage name, and with the given factors."""
        kept = tuple(
            node
            for node in self.nodes
            if (arm is None or node.arm == arm)
            and (stage is None or node.stage == stage)
            and all(node.factors.get(name) == value for name, value in factors.items())
        )
        return Results(self.study, kept, self.root)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({node.seed for node in self.nodes}))

    @property
    def arms(self) -> tuple[str, ...]:
        """Arm names in the order of the plan."""
        return tuple(dict.fromkeys(node.arm for node in self.nodes))

    def factor(self, name: str) -> tuple[Factor, ...]:
        """The values of a factor, sorted."""
        return tuple(sorted({node.factors[name] for node in self.nodes if name in node.factors}))

    def metrics(self) -> pl.DataFrame:
        """Every logged step of every stage, with arm, stage, seed and factors as columns."""
        frames = [
            _labelled(pl.read_ndjson(file, infer_schema_length=None), self.study, node)
            for node in self.nodes
            if (file := node.folder(self.root) / "metrics.jsonl").exists()
        ]
        return pl.concat(frames, how="diagonal_relaxed")

    def rollouts(self, name: str = "evaluation", steps: Sequence[int] | None = None) -> pl.DataFrame:
        """Rollout tables of every stage: `evaluation` or `train`; `steps` -1 is the last one."""
        return pl.concat(
            [
                _labelled(_read(file), self.study, node)
                for node in self.nodes
                for file in _files(node.folder(self.root), name, steps)
            ],
            how="diagonal_relaxed",
        )


def _files(folder: Path, name: str, steps: Sequence[int] | None) -> list[Path]:
    files = sorted((folder / _ROLLOUTS).glob(f"{name}-*.parquet"))
    if steps is None:
        return files
    if -1 in steps:
        return files[-1:]
    return [file for file in files if int(file.stem.rpartition("-")[2]) in steps]


def _read(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedFile(f"{file} is damaged ({error})") from error


def _labelled(table: pl.DataFrame, study: str, node: Node) -> pl.DataFrame:
    return table.with_columns(
        pl.lit(study).alias("study"),
        pl.lit(node.arm).alias("arm"),
        pl.lit(node.stage).alias("stage"),
        pl.lit(node.seed).cast(pl.Int64).alias("seed"),
        *[pl.lit(value).alias(name) for name, value in node.factors.items()],
    )
