"""Tables of finished stages are what is on disk."""

import os
from pathlib import Path

import polars as pl

from hone.runs.results import Finished, Results


def test_equal_results_hash_alike(tmp_path: Path) -> None:
    """And results of other stages are others."""

    def results(arm: str) -> Results:
        return Results("study", (Finished(arm, "after", 1, {"kl": 0.1}, tmp_path),))

    assert len({results("arm"), results("arm"), results("other")}) == 2


def test_a_table_that_was_made_again_is_read_again(tmp_path: Path) -> None:
    """Reading twice costs once; a stage that is made again is not mistaken for what it was."""
    file = tmp_path / "rollouts" / "evaluation-000001.parquet"
    file.parent.mkdir()
    results = Results("study", (Finished("arm", "after", 1, {}, tmp_path),))
    for written, grade in enumerate(("correct", "incorrect"), 1):
        pl.DataFrame({"grade": [grade]}).write_parquet(file)
        os.utime(file, ns=(written, written))
        first, second = (results.rollouts()["grade"].item() for _ in range(2))
        assert first == second == grade
