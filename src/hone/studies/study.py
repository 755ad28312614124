"""A study: presets, a plan of arms, claims and figures, all in one file a researcher can read."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from hone.core.errors import UsageError, require, unknown
from hone.measures.estimates import Estimate
from hone.measures.verdicts import Region, verdict
from hone.runs.plan import Node
from hone.runs.results import Results
from hone.studies.settings import read_override

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from hone.report.tables import Rows, TextTable

Settings = TypeVar("Settings")
Measure = Callable[[Results], Estimate | None]
"""A statistic of a run; None where the run has none of the arms it needs."""


@dataclass(frozen=True)
class Claim:
    """A sentence from a paper, the statistic that decides it and where it counts as reproduced.

    `measure` returns None where the arms it needs are not part of the run.
    """

    id: str
    paper: str
    statement: str
    statistic: str
    region: Region
    measure: Measure
    unit: str = ""
    reported: float | None = None


def cited(
    paper: str,
    id: str,
    where: str,
    statement: str,
    statistic: str,
    region: Region,
    measure: Measure,
    unit: str = "",
    reported: float | None = None,
) -> Claim:
    """A claim that stands at a place in a paper."""
    return Claim(id, f"{paper} {where}", statement, statistic, region, measure, unit, reported)


@dataclass(frozen=True)
class Figure:
    """A named figure; `draw` returns None where the arms it shows are not part of the run."""

    name: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Results], "Drawing | None"]


@dataclass(frozen=True)
class Table:
    """A named table; `measure` returns None where the arms it shows are not part of the run."""

    name: str
    title: str
    caption: str
    measure: Callable[[Results], "Rows | None"]


@dataclass(frozen=True)
class Overview:
    """A figure of what all parts of a preset have in one of their tables.

    It is drawn where they are published, as the parts may be run at different times and places.
    `draw` takes the table of every part that has it, and returns None where it shows nothing.
    """

    name: str
    title: str
    caption: str
    alt: str
    table: str
    draw: Callable[[Mapping[str, "TextTable"]], "Drawing | None"]


@dataclass(frozen=True)
class Study(Generic[Settings]):
    """What `hone run` carries out.

    Attributes:
        presets: settings by part for every preset; a preset without parts has the one part "".
        plan: the stages of all arms under given settings.
    """

    name: str
    title: str
    paper: str
    summary: str
    presets: Mapping[str, Mapping[str, Settings]]
    plan: Callable[[Settings], Iterable[Node]]
    claims: Sequence[Claim] = field(default_factory=tuple)
    figures: Sequence[Figure] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)
    overviews: Sequence[Overview] = field(default_factory=tuple)

    def settings(self, preset: str, part: str, overrides: Sequence[str] = ()) -> Settings:
        """The settings of a part with `key=value` overrides applied.

        Raises:
            UsageError: unknown preset, part or key, or a value of the wrong type.
        """
        if preset not in self.presets:
            raise unknown(f"preset of study {self.name}", preset, self.presets)
        if part and "" in self.presets[preset]:
            raise UsageError(f"preset {preset} of study {self.name} has no parts; leave out --part")
        if part not in self.presets[preset]:
            raise unknown(f"part of preset {preset}", part, self.presets[preset])
        settings: Any = self.presets[preset][part]
        pairs = [read_override(settings, text) for text in overrides]
        changes = dict(pairs)
        require(len(changes) == len(pairs), "overrides", " ".join(overrides), "every key once")
        return dataclasses.replace(settings, **changes)


@runtime_checkable
class Experiments(Protocol):
    """Settings that name experiments, and the seeds of each."""

    @property
    def experiments(self) -> Sequence[str]: ...
    @property
    def seeds(self) -> Sequence[int]: ...


Chosen = TypeVar("Chosen", bound=Experiments)


def seed_by_seed(
    settings: Chosen, experiments: Mapping[str, Callable[[Chosen, int], Iterable[Node]]]
) -> list[Node]:
    """Every stage of the experiments that the settings name: of one seed, then of the next.

    Raises:
        UsageError: an experiment that there is not, or one twice; no seeds, or one twice.
    """
    for name in settings.experiments:
        if name not in experiments:
            raise unknown("experiment", name, experiments)
    names, seeds = settings.experiments, settings.seeds
    require(len(set(names)) == len(names), "experiments", names, "none twice")
    require(
        len(set(seeds)) == len(seeds) > 0, "seeds", seeds, "one or more different whole numbers"
    )
    return [
        node
        for seed in settings.seeds
        for name in settings.experiments
        for node in experiments[name](settings, seed)
    ]


def assess(claims: Sequence[Claim], results: Results) -> list[dict[str, Any]]:
    """Every claim that the results can speak to, as `claims.json` holds it."""
    measured = ((claim, claim.measure(results)) for claim in claims)
    return [_record(claim, estimate) for claim, estimate in measured if estimate is not None]


def _record(claim: Claim, estimate: Estimate) -> dict[str, Any]:
    value = None if math.isnan(estimate.value) else estimate.value
    return {
        "id": claim.id,
        "paper": claim.paper,
        "statement": claim.statement,
        "statistic": claim.statistic,
        "unit": claim.unit,
        "reported": claim.reported,
        "measured": value,
        "interval": None if estimate.interval is None else list(estimate.interval),
        "confidence": estimate.confidence,
        "method": estimate.method,
        "seeds": list(estimate.seeds),
        "region": str(claim.region),
        "verdict": verdict(estimate, claim.region),
        "note": estimate.note,
    }
