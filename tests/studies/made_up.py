"""Runs made up so that what their statistics must say is known."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hone.runs.plan import Factor
from hone.runs.results import Finished, Results

D = 11
PROBLEMS = 200


def rows(
    strategy: str, right: float, n: int = PROBLEMS, temperature: float = 1.0, exact: float = 1.0
) -> pl.DataFrame:
    """Responses in one strategy, a share of them right; of right chains, a share exact."""
    correct = np.arange(n) < right * n
    steps = np.where(np.arange(n) < right * exact * n, D, 3)
    return pl.DataFrame(
        {
            "problem_id": [str(i) for i in range(n)],
            "strategy": [strategy] * n,
            "grade": np.where(correct, "correct", "incorrect"),
            "steps_correct": steps,
            "difficulty": [D] * n,
            "temperature": [temperature] * n,
            "finish": ["stop"] * n,
            "response_ids": [[0] * (2 if strategy == "short" else D + 1)] * n,
        }
    )


class Runs:
    """Stage folders with hand-made tables and metrics."""

    def __init__(self, root: Path) -> None:
        self.root, self.stages = root, list[Finished]()

    def add(
        self,
        stage: str,
        seed: int,
        tables: dict[str, pl.DataFrame],
        metrics: Sequence[dict[str, float]] = (),
        arm: str = "arm",
        **factors: Factor,
    ) -> None:
        folder = self.root / f"{stage}-{len(self.stages)}"
        (folder / "rollouts").mkdir(parents=True)
        for name, table in tables.items():
            table.write_parquet(folder / "rollouts" / f"{name}.parquet")
        lines = "".join(json.dumps(line) + "\n" for line in metrics)
        (folder / "metrics.jsonl").write_text(lines)
        self.stages.append(Finished(arm, stage, seed, factors, folder))

    @property
    def results(self) -> Results:
        return Results("parity", tuple(self.stages))

    def pretrained(
        self, seed: int, greedy: float = 0.5, short: float = 0.5, **factors: Factor
    ) -> None:
        """A pretrained model: its greedy accuracy, and accuracy given short when sampled."""
        strategy = "long" if greedy > 0.9 else "short"
        table = pl.concat([rows(strategy, greedy, temperature=0.0), rows("short", short)])
        self.add("pretrain", seed, {"evaluation-000001": table}, **factors)  # pyright: ignore[reportArgumentType]
