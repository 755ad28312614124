"""The rollout table: what it requires, and that it says what was sampled."""

import numpy as np
import polars as pl
import pytest

from hone.core.contracts import Responses
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import concatenate
from hone.core.tables import ROLLOUT_SCHEMA, conform
from hone.tasks.parity import Parity
from hone.training.evaluation import graded_table


def test_a_table_holds_its_rollouts_row_by_row() -> None:
    task = Parity(4)
    problems = task.draw("train", 3, Stream.root(0))
    both = [task.demonstrate(problems, name) for name in ("long", "short")]
    order = np.array([0, 3, 1, 4, 2, 5])  # rows of one prompt side by side
    tokens = concatenate(both).select(order)
    logprobs = np.linspace(-1, 0, tokens.tokens.size).reshape(tokens.tokens.shape)
    responses = Responses(tokens, logprobs.astype(np.float32), np.ones(6, dtype=bool), samples=2)
    table = graded_table(task, problems, responses, seed=5, step=2)
    assert list(table.schema.items()) == list(ROLLOUT_SCHEMA.items())
    assert table["problem_id"].to_list() == np.repeat(problems.ids, 2).tolist()
    assert table["response_ids"].to_list() == tokens.lists()
    assert table["strategy"].to_list() == ["long", "short"] * 3
    assert table["sample"].to_list() == [0, 1] * 3
    assert set(table["grade"]) == {"correct"}
    assert set(table["seed"]) == {5}
    assert [len(row) for row in table["logprobs"]] == tokens.lengths.tolist()


@pytest.mark.parametrize("column", ["problem_id", "sample", "response_text"])
def test_a_required_column_is_missed_by_name(column: str) -> None:
    table = pl.DataFrame(
        {"problem_id": ["a"], "sample": [0], "response_text": ["x"], "reward": [1]}
    )
    assert conform(table).columns == list(ROLLOUT_SCHEMA)
    with pytest.raises(UsageError, match=column):
        conform(table.drop(column))
    with pytest.raises(UsageError, match="grade or reward"):
        conform(table.drop("reward"))
