"""From finished stages to what people look at: the page, the comparison, the published results."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing
from rich.console import Console

from hone.core.contracts import Task
from hone.core.errors import UsageError
from hone.core.files import disk_errors
from hone.measures import Estimate, accuracy, lengths, share
from hone.report.compare import Side, compare, terminal, write_comparison
from hone.report.page import (
    Arm,
    FigureImage,
    Page,
    flattened,
    render_figure,
    several,
    write_page,
)
from hone.report.publish import publish
from hone.report.sections import Section, read_sections
from hone.report.tables import TextTable, render_table
from hone.runs.folder import part_of_config, read_config
from hone.runs.keys import determining_hash
from hone.runs.results import Results
from hone.studies.facts import choices, facts, protocol, shared_stages
from hone.studies.registry import find_study
from hone.studies.runfile import RunFile, described, load_run, runs_below
from hone.studies.study import Figure, Overview, Study, assess

_ROWS = 6000  # sampled responses in the page's browser


def write_report(
    study: Study[Any],
    record: RunFile,
    results: Results,
    claims: list[dict[str, Any]],
    path: Path,
) -> Path:
    """The self-contained page of one run."""
    stages, found = shared_stages(results), arms(results)
    write_page(
        Page(
            title=study.title,
            paper=study.paper,
            summary=study.summary,
            claims=claims,
            figures=figures(study, results),
            tables=tables(study, results),
            rollouts=sampled_responses(results),
            command=record.command,
            environment=record.environment,
            settings=record.settings,
            arms=found,
            facts=facts(record, stages, found),
            algorithms=choices(stages),
        ),
        path,
    )
    return path


def figures(study: Study[Any], results: Results) -> list[FigureImage]:
    """The study's figures that the results can draw."""
    return _rendered((figure, figure.draw(results)) for figure in study.figures)


def tables(study: Study[Any], results: Results) -> list[TextTable]:
    """The study's tables that the results can fill."""
    measured = ((table, table.measure(results)) for table in study.tables)
    return [
        render_table(table.name, table.title, table.caption, rows)
        for table, rows in measured
        if rows is not None
    ]


def arms(results: Results) -> list[Arm]:
    """What every stage came to, over its seeds: greedy and sampled accuracy, shares, length."""
    found = []
    for stage in shared_stages(results):
        if stage.runs.steps():  # else it evaluates no policy, as where a reward model is fit
            table = stage.runs.rollouts(steps=(-1,))
            figures = _estimates(table, _strategies(stage.folder))
            found.append(Arm(stage.arms, stage.stage, figures, protocol(stage, table)))
    return found


def sampled_responses(results: Results) -> pl.DataFrame:
    """Responses for the page's browser: first, middle and last evaluation of every stage.

    What an algorithm trained comes first: that is what a reader wants to see. Empty where no stage
    evaluates a policy.
    """
    each = max(6, _ROWS // max(1, 3 * len(results)))
    evaluated = [stage for stage in results if stage.steps()]
    ordered = sorted(evaluated, key=lambda stage: "algorithm" not in _config(stage))
    parts = [_responses(stage, each // 2) for stage in ordered]
    return pl.concat(parts, how="diagonal_relaxed").head(_ROWS) if parts else pl.DataFrame()


def compare_runs(first: Path, second: Path, console: Console) -> None:
    """Two runs side by side, on the terminal and as a page beside the second.

    Raises:
        UsageError: they are one and the same.
    """
    if first.resolve() == second.resolve():
        raise UsageError(f"{first} and {second} are the same run; name two to compare")
    comparison = compare(_side(first), _side(second))
    console.print(terminal(comparison))
    path = second / f"compared-with-{first.resolve().name}.html"
    with disk_errors(path):
        write_comparison(comparison, path)
    console.print(f"report: {path.resolve()}", highlight=False, soft_wrap=True)


def publish_runs(folder: Path, destination: Path) -> Path:
    """One page of results: all runs of a study's folder, and what was published there before.

    Args:
        folder: of runs; or that of a built-in study's published parts, to write their page anew.
        destination: where pages lie.

    Raises:
        UsageError: runs of code that was not committed, or of a preset that is no longer there;
            variations alone; or two studies.
    """
    if folder.resolve().parent == destination.resolve():
        study, _ = find_study(folder.name)
        made: list[Section] = []
    else:
        study, made = _made(folder)
    sections = sorted(
        [*made, *_kept(study, destination, made)], key=lambda section: _place(study, section)
    )
    return publish(
        study.name,
        sections,
        destination,
        title=study.title,
        paper=study.paper,
        summary=study.summary,
        overviews=_overviews(study, sections),
        stale=[section.name for section in sections if _is_stale(study, section)],
    )


def _made(folder: Path) -> tuple[Study[Any], list[Section]]:
    """A section of every finished part, without variations, and whose they are."""
    records = {path: load_run(path) for path in runs_below(folder)}
    # A variation is not the preset; its page is its own report.
    plain = {path: record for path, record in records.items() if not record.overrides}
    if not plain:
        raise UsageError(
            f"nothing to publish: {folder} holds only variations "
            f"({several(record.name for record in records.values())}); run a preset without "
            "key=value"
        )
    studies = {study.name: study for study, _ in (find_study(run.study) for run in plain.values())}
    if len(studies) != 1:
        raise UsageError(f"{folder} holds runs of {', '.join(sorted(studies))}; publish one study")
    (study,) = studies.values()
    return study, [_section(study, record, path.parent) for path, record in plain.items()]


def _overviews(study: Study[Any], sections: Sequence[Section]) -> list[FigureImage]:
    """What the parts of the largest preset show together."""
    largest = [section for section in sections if section.preset == sections[-1].preset]

    def by_part(name: str) -> dict[str, TextTable]:
        return {part.part: table for part in largest for table in part.tables if table.name == name}

    return _rendered((each, each.draw(by_part(each.table))) for each in study.overviews)


def _rendered(drawn: Iterable[tuple[Figure | Overview, Drawing | None]]) -> list[FigureImage]:
    """Those that have something to show."""
    return [
        render_figure(figure.name, figure.title, figure.caption, figure.alt, drawing)
        for figure, drawing in drawn
        if drawing is not None
    ]


def _section(study: Study[Any], record: RunFile, root: Path) -> Section:
    results = record.results(root)
    return Section(
        preset=record.preset,
        part=record.part,
        claims=assess(study.claims, results),
        figures=figures(study, results),
        tables=tables(study, results),
        command=record.command,
        environment=record.environment,
        date=record.date,
        seconds=record.seconds,
        plan=_digest(record.stages),
    )


def _kept(study: Study[Any], destination: Path, made: Sequence[Section]) -> list[Section]:
    """What was published before and is not in these runs.

    Raises:
        UsageError: the study has no such part any more.
    """
    folder = destination / study.name
    names = {section.name for section in made}
    kept = [section for section in read_sections(folder) if section.name not in names]
    for section in kept:
        if section.part not in study.presets.get(section.preset, {}):
            raise UsageError(
                f"not published: {folder / section.stem}.json holds {section.name}, which the "
                f"study {study.name} no longer has: remove that file and {destination}/"
                f"{study.name}.md first"
            )
    return kept


def _is_stale(study: Study[Any], section: Section) -> bool:
    """Whether today's code would run other stages, or the same ones otherwise."""
    planned = described(list(study.plan(study.settings(section.preset, section.part))))
    code = section.environment["determining"]
    return (code, section.plan) != (determining_hash(), _digest(planned))


def _digest(stages: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(stages).encode()).hexdigest()[:20]


def _place(study: Study[Any], section: Section) -> tuple[int, int]:
    """Among the presets, and among the parts of its preset."""
    parts = list(study.presets[section.preset])
    return list(study.presets).index(section.preset), parts.index(section.part)


def _responses(stage: Results, each: int) -> pl.DataFrame:
    """The first rows of three evaluations of a stage, with words for which of them it was."""
    steps = stage.steps()
    names = {steps[0]: "first", steps[len(steps) // 2]: "middle", steps[-1]: "last"}
    table = stage.rollouts(steps=tuple(names))
    table = table.group_by("step", "temperature", maintain_order=True).head(each)
    which = pl.col("step").replace_strict(names, return_dtype=pl.String)
    return _with_prompts(table.with_columns(evaluation=which), stage)


def _with_prompts(table: pl.DataFrame, stage: Results) -> pl.DataFrame:
    """The prompts as text, in the alphabet of the stage's task."""
    task = part_of_config(stage.stages[0].folder, "task")
    if not isinstance(task, Task):
        return table
    prompts = [task.alphabet.text(np.array(row)) for row in table["prompt_ids"].to_list()]
    return table.with_columns(prompt_text=pl.Series(prompts))


def _config(stage: Results) -> dict[str, Any]:
    return read_config(stage.stages[0].folder)


def _side(folder: Path) -> Side:
    record = load_run(folder)
    study, _ = find_study(record.study)
    results = record.results(folder.parent)
    return Side(
        os.path.relpath(folder),
        flattened(record.settings),
        assess(study.claims, results),
        arms(results),
    )


def _strategies(folder: Path) -> tuple[str, ...]:
    """Of a stage's task, but for the last: where nothing else is done, it has the rest."""
    task = part_of_config(folder, "task")
    return task.strategies[:-1] if isinstance(task, Task) else ()


def _estimates(table: pl.DataFrame, strategies: tuple[str, ...]) -> Mapping[str, Estimate]:
    """Of one stage's last evaluation. A stage without greedy responses has no greedy figures."""
    greedy = table.filter(pl.col("temperature") == 0)
    sampled = table.filter(pl.col("temperature") > 0)
    found: dict[str, Estimate] = {}
    if greedy.height:
        found["greedy accuracy"] = accuracy(greedy)
        found["greedy median length"] = lengths(greedy).median
    if sampled.height:
        found["sampled accuracy"] = accuracy(sampled)
        found |= {f"{name} share": share(sampled, name) for name in strategies}
        found["sampled mean length"] = lengths(sampled).mean
        found["truncated share"] = lengths(sampled).truncated
    return found
