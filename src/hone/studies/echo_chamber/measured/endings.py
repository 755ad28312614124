"""What a run of RL ends in, beside what it began with."""

import math
from collections.abc import Callable, Collection

import polars as pl

from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.formats import most_accurate, shares, winner
from hone.studies.echo_chamber.measured.selection import problems_of, responses


def after(value: Callable[[pl.DataFrame], float]) -> Callable[[Results], float]:
    """A number of a run's responses after RL."""
    return lambda run: value(responses(run, "after"))


def wins(run: Results) -> str:
    """The format that a run ends in."""
    return winner(responses(run, "after"))


def ends_in(format: str) -> Callable[[Results], bool]:
    """Whether a run ends in a format."""
    return lambda run: wins(run) == format


def right_in(formats: Collection[str], stage: str = "before") -> Callable[[Results], float]:
    """How often a run's responses in some formats are right; NaN where there are none."""

    def value(run: Results) -> float:
        written = responses(run, stage).filter(pl.col("strategy").is_in(formats))
        grades = written.select(CORRECT)
        return float(grades.to_numpy().mean()) if len(grades) else math.nan

    return value


def share_where(format: str, word: str, asked: bool) -> Callable[[Results], float]:
    """A format's share, after RL, of answers to problems that have a word, or to the others."""

    def value(run: Results) -> float:
        table = responses(run, "after")
        has = [id for id, text in problems_of(run, table).items() if (word in text) is asked]
        return shares(table.filter(pl.col("problem_id").is_in(has))).get(format, 0.0)

    return value


def most_accurate_wins(run: Results) -> bool:
    """Whether it is the format that was right most often before RL."""
    return wins(run) == most_accurate(responses(run, "before"))


def length_ratio(run: Results, problems: str, format: str) -> float:
    """Mean tokens of responses in a format after RL over those before it; NaN where it is missing.

    Formats differ in length: over all of them the ratio would tell which of them is left.
    """
    last, first = (
        _tokens(responses(run, f"{problems} {when}").filter(strategy=format))
        for when in ("after", "before")
    )
    return last / first


def _tokens(table: pl.DataFrame) -> float:
    """The mean length of responses; NaN of none."""
    lengths = table["response_ids"].list.len().to_numpy()
    return float(lengths.mean()) if len(lengths) else math.nan
