"""A number with its uncertainty: what every measure returns."""

from dataclasses import dataclass

Number = float | int  # spelled out, as run-time type checks do not take an int for a float

Interval = tuple[Number, Number]
"""Its low and high end, both included."""


@dataclass(frozen=True)
class Estimate:
    """A statistic, the interval around it, and how the interval was made."""

    value: Number  # NaN where the statistic is undefined
    interval: Interval | None  # None where nothing can be said about the uncertainty
    confidence: float  # e.g. 0.95
    method: str  # of the interval, in words
    seeds: tuple[int, ...]  # empty where the table names none
    note: str = ""  # what was left out, or what to beware of


def without_interval(value: Number, method: str) -> Estimate:
    """A number of which nothing says how sure it is, such as one that a paper reports."""
    return Estimate(float(value), None, 0.95, method, ())
