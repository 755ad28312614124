"""A study: presets, a plan of arms, claims and figures, all in one file a researcher can read."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from hone.core.errors import UsageError, require, unknown
from hone.measures.estimates import Estimate
from hone.measures.verdicts import Region, verdict
from hone.runs.plan import Node
from hone.runs.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

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


@dataclass(frozen=True)
class Figure:
    """A named figure; `draw` returns None where the arms it shows are not part of the run."""

    name: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Results], "Drawing | None"]


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
    plan: Callable[[Settings], Sequence[Node]]
    claims: Sequence[Claim] = field(default_factory=tuple)
    figures: Sequence[Figure] = field(default_factory=tuple)

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
        pairs = [_override(settings, text) for text in overrides]
        changes = dict(pairs)
        require(len(changes) == len(pairs), "overrides", " ".join(overrides), "every key once")
        return dataclasses.replace(settings, **changes)


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


def _override(settings: Any, text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    hints = {field.name: field.type for field in dataclasses.fields(settings)}
    if not equals:
        raise UsageError(
            f"{text!r} is not an override; write key=value, e.g. {next(iter(hints))}=…"
        )
    if key not in hints:
        raise unknown("key", key, hints)
    return key, _parse(key, value, get_type_hints(type(settings))[key])


_IN_WORDS: dict[Any, str] = {int: "a whole number", float: "a finite number"}


def _parse(key: str, value: str, kind: Any) -> Any:
    """The value that a text stands for, as the type of its field says."""
    if get_origin(kind) is tuple:
        return tuple(_parse(key, item, get_args(kind)[0]) for item in value.split(",") if item)
    if NoneType in get_args(kind):  # X | None
        return None if value == "none" else _parse(key, value, get_args(kind)[0])
    if kind is bool or get_origin(kind) is Literal:
        choices = {str(each): each for each in get_args(kind) or ("true", "false")}
        require(value in choices, key, value, " or ".join(choices))
        return value == "true" if kind is bool else choices[value]
    try:
        parsed = kind(value)
    except ValueError:
        parsed = math.nan
    sound = not isinstance(parsed, float) or math.isfinite(parsed)
    require(sound, key, value, _IN_WORDS.get(kind, str(kind)))
    return parsed
