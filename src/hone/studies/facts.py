"""What a run was made of, in words: its models, how they were evaluated, its algorithms."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from hone.models.config import DecoderConfig, parameters
from hone.report.page import Arm, Choices, several
from hone.report.publish import duration
from hone.runs.folder import part_of_config, read_config
from hone.runs.results import Finished, Results
from hone.studies.runfile import RunFile


@dataclass(frozen=True)
class SharedStage:
    """A stage, and the arms that it is part of in the order of the plan."""

    arms: tuple[str, ...]
    stage: str
    runs: Results  # one a seed, as the first of the arms has them

    @property
    def folder(self) -> Path:
        """Of one seed; its config is that of all."""
        return self.runs.stages[0].folder


def shared_stages(results: Results) -> list[SharedStage]:
    """Every stage once, however many arms have it."""
    of_arms: dict[tuple[str, str], list[Finished]] = {}
    for each in results.stages:
        of_arms.setdefault((each.arm, each.stage), []).append(each)
    sharing: dict[frozenset[Path], list[tuple[str, str]]] = {}
    for place, stages in of_arms.items():
        sharing.setdefault(frozenset(each.folder for each in stages), []).append(place)
    return [
        SharedStage(
            tuple(arm for arm, _ in places),
            places[0][1],
            replace(results, stages=tuple(of_arms[places[0]])),
        )
        for places in sharing.values()
    ]


def problem_set(ids: Iterable[str]) -> str:
    """Names a set of problems: equal for equal sets, whatever their order."""
    return hashlib.sha256("\n".join(sorted(set(ids))).encode()).hexdigest()[:12]


def facts(
    record: RunFile, stages: Sequence[SharedStage], arms: Sequence[Arm]
) -> dict[str, list[str]]:
    """When a run was, how long it took, how large its models are, how they were evaluated."""
    evaluations: dict[str, list[str]] = {}
    for arm in arms:
        evaluations.setdefault(arm.protocol, []).append(arm.stage)
    lines = {
        "date": [record.date],
        "time of all stages, one after the other": [duration(record.seconds)],
        "model": _models(stages),
        "evaluation": [f"{several(names)}: {words}" for words, names in evaluations.items()],
    }
    return {name: found for name, found in lines.items() if found}


def protocol(stage: SharedStage, table: pl.DataFrame) -> str:
    """How the responses of an evaluation were drawn, and to which problems.

    Args:
        stage: whose evaluation it is.
        table: its rollouts, of all seeds.
    """
    problems, splits = table["problem_id"].unique(), table["split"].unique()
    drawn = pl.len() / pl.struct("seed", "problem_id").n_unique()
    ways = table.group_by("temperature").agg(each=drawn).sort("temperature").iter_rows()
    words = [_way(temperature, each) for temperature, each in ways]
    config = read_config(stage.folder)
    if "evaluation" not in config and config.get("top_p", 1.0) != 1.0:  # there, it is training's
        words.append(f"top_p {config['top_p']:g}")
    words += [f"forced {name}" for name in table["forced"].unique().drop_nulls().sort()]
    asked = f"{len(problems)} {'/'.join(splits.drop_nulls().sort())} problems"
    return f"{asked} (set {problem_set(problems)}), {', '.join(words)}"


def choices(stages: Sequence[SharedStage]) -> list[Choices]:
    """Every distinct algorithm with all of its fields, and the arms that it trains."""
    arms: dict[str, list[str]] = {}
    for stage in stages:
        algorithm = read_config(stage.folder).get("algorithm")
        if isinstance(algorithm, Mapping):
            arms.setdefault(json.dumps(algorithm), []).extend(stage.arms)
    fields = {text: dict(_fields(json.loads(text))) for text in arms}
    return [
        Choices(fields[text].pop("name", ""), tuple(names), fields[text])
        for text, names in arms.items()
    ]


def _models(stages: Sequence[SharedStage]) -> list[str]:
    """The size of every model that was trained from scratch; where several, of which arms."""
    arms: dict[str, list[str]] = {}
    for stage in stages:
        model = part_of_config(stage.folder, "model")
        if isinstance(model, DecoderConfig):
            arms.setdefault(_size(model), []).extend(stage.arms)
    if len(arms) == 1:
        return list(arms)
    return [f"{size} ({several(names)})" for size, names in arms.items()]


def _way(temperature: float, each: float) -> str:
    samples = f"{each:g} sample{'s' * (each != 1)}"
    return "greedy" if temperature == 0 else f"{samples} at temperature {temperature:g}"


def _size(model: DecoderConfig) -> str:
    return (
        f"{parameters(model):,} parameters: {model.family}, layers {model.layers}, "
        f"width {model.width}, heads {model.heads}"
    )


def _fields(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Fields by dotted name; a part that has kinds is named by its own, e.g. `credit` GroupMean."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            kind = str(value.get("class")).partition(":")[2]
            if kind.lower() != name:  # a schedule is a Schedule
                yield prefix + name, kind
            yield from _fields(value, f"{prefix}{name}.")
        elif name != "class":
            yield prefix + name, "none" if value is None else str(value)
