"""Answers in formats, made up so that what is measured of them is known."""

import polars as pl

from tests.studies.made_up import Runs


def table(**columns: list) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    return pl.DataFrame({"problem_id": [f"p{i}" for i in range(rows)], "sample": [0] * rows,
                         "grade": ["incorrect"] * rows} | columns)  # fmt: skip


def answers(*right: float, format: str = "program", samples: int = 4) -> pl.DataFrame:
    """Samples to as many problems, with a share of each right."""
    return pl.DataFrame([
        {"problem_id": f"p{place}", "sample": sample, "strategy": format,
         "grade": "correct" if sample < share * samples else "incorrect",
         "answer": "1", "kind": "k", "difficulty": 1, "forced": format}
        for place, share in enumerate(right) for sample in range(samples)
    ])  # fmt: skip


def run_of(made: Runs, base: int, repeat: int, **tables: pl.DataFrame) -> None:
    """A run of RL from a model: its stages by name, and an RL stage for what counts those."""
    for stage, rows in ({"rl": answers(0.5)} | tables).items():
        made.add(stage.replace("_", " "), base, {"evaluation-000001": rows},
                 base=base, repeat=repeat)  # fmt: skip
