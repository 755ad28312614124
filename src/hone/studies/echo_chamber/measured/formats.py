"""Statistics of responses: which formats they are in, and what each problem is credited with."""

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER, Finish
from hone.measures.accuracy import CORRECT, majority_credits, pass_credits, per_problem, usable
from hone.studies.echo_chamber.measured.comparisons import Credit
from hone.tasks.word_problems.formats import FORMATS

NAMES = tuple(each.name for each in FORMATS)
RARE = 0.05  # share of a format below which its accuracy is not compared


def right(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for being right, at the temperature that responses before and after RL have."""
    rows, _ = usable(table, "accuracy", ("problem_id", "grade"))
    return per_problem(rows, CORRECT.mean())


def passed(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a right answer among all samples: pass@k for the largest k there is."""
    return pass_credits(table, samples(table))[0]


def agreed(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a right majority among all samples."""
    return majority_credits(table, samples(table))[0]


def of_format(name: str) -> Credit:
    """Credit for answering in a format."""
    return lambda table: per_problem(table, (pl.col("strategy") == name).mean())


def of_winner(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for answering in the format of most responses."""
    return of_format(winner(table))(table)


def samples(table: pl.DataFrame) -> int:
    """Responses that every problem has, in one run."""
    most = table["sample"].max()
    assert isinstance(most, int)
    return most + 1


def shares(table: pl.DataFrame) -> dict[str, float]:
    """The share of every format in responses, in an order that sums and ties can rely on."""
    counts = table["strategy"].value_counts(normalize=True).sort("strategy")
    return dict(counts.iter_rows())


def formats_of(table: pl.DataFrame) -> list[str]:
    """The formats that occur, those of the paper first and `other` last."""
    return sorted(table["strategy"].unique(), key=place)


def place(format: str) -> tuple[bool, int, str]:
    """By which formats are put in order."""
    return format == OTHER, NAMES.index(format) if format in NAMES else len(NAMES), format


def entropy(table: pl.DataFrame) -> float:
    """Of the format, in nats."""
    found = np.array(list(shares(table).values()))
    return float(-(found * np.log(found)).sum())


def winner(table: pl.DataFrame) -> str:
    """The format of most responses."""
    found = shares(table)
    return max(found, key=found.__getitem__)


def most_accurate(table: pl.DataFrame) -> str:
    """The format whose responses are most often right."""
    given = table.group_by("strategy").agg(right=CORRECT.mean(), share=pl.len() / table.height)
    return given.filter(pl.col("share") >= RARE).sort("right")["strategy"][-1]


def cut_short(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a finished response of fewer quantities than its problem's chain of d steps has.

    That is d + 1, the first of which is no equation in sentences.
    """
    ended = table.filter(pl.col("strategy").is_in(NAMES), finish=Finish.STOP.value)
    equations = pl.col("response_text").str.count_matches(" = ", literal=True)
    quantities = equations + (pl.col("strategy") == "text")
    return per_problem(ended, (quantities <= pl.col("difficulty")).mean())
