import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.measures import length_histogram, lengths


def table(**more) -> pl.DataFrame:
    """Lengths 2, 3, 0 and, cut off, 4."""
    return pl.DataFrame(
        {
            "problem_id": ["a", "a", "b", "b"],
            "step": [0, 0, 0, 1],
            "response_ids": [[5, 5, 2], [5, 5, 5, 2], [2], [5, 5, 5, 5]],
            "finish": ["stop", "stop", "stop", "length"],
            **more,
        }
    )


def test_the_end_is_not_counted():
    found = lengths(table())
    assert found.mean.value == pytest.approx((2.5 + 2) / 2)
    assert found.median.value == 2.5
    assert found.truncated.value == pytest.approx(0.25)


def test_intervals_over_problems_and_seeds():
    alone = lengths(table())
    assert alone.mean.interval is not None
    assert alone.median.interval == (0, 4)  # two problems say little
    seeds = lengths(pl.concat([table(seed=[seed] * 4) for seed in range(3)]))
    assert seeds.mean.interval == pytest.approx(alone.mean.interval)  # all three agree
    assert seeds.median.interval == alone.median.interval
    assert seeds.truncated.seeds == (0, 1, 2)


def test_order_of_rows_does_not_matter():
    rows = pl.concat([table(seed=[seed] * 4) for seed in range(3)])
    assert lengths(rows) == lengths(rows.sample(fraction=1, shuffle=True, seed=1))


def test_histogram_by_step():
    rows = length_histogram(table(), width=2).rows()
    assert rows == [(0, 0, 1, 0), (0, 2, 2, 0), (1, 4, 1, 1)]


def test_responses_without_tokens_are_left_out_and_counted():
    found = lengths(table(finish=["stop", "stop", None, "length"]))
    assert found.mean.value == pytest.approx((2.5 + 4) / 2)
    assert found.mean.note.startswith("1 of 4 responses left out")


def test_what_is_missing_is_named():
    with pytest.raises(UsageError, match="length needs column 'response_ids'"):
        lengths(table().drop("response_ids"))
    with pytest.raises(UsageError, match="width = 0"):
        length_histogram(table(), width=0)
