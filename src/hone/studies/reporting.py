"""From finished stages to what people look at: the page, the comparison, the published results."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from hone.core.errors import UsageError
from hone.measures import Estimate, accuracy, lengths, share
from hone.report.compare import Side, compare, terminal, write_comparison
from hone.report.page import FigureImage, Page, flattened, render_figure, write_page
from hone.report.publish import Section, publish
from hone.runs.files import disk_errors, read_json
from hone.runs.keys import rebuild
from hone.runs.results import Results
from hone.studies.registry import find_study
from hone.studies.runfile import RunFile, described, load_run, runs_below
from hone.studies.study import Study, assess

_ROWS = 6000  # sampled responses in the page's browser


def write_report(
    study: Study[Any],
    record: RunFile,
    results: Results,
    claims: list[dict[str, Any]],
    path: Path,
) -> Path:
    """The self-contained page of one run."""
    write_page(
        Page(
            title=study.title,
            paper=study.paper,
            summary=study.summary,
            claims=claims,
            figures=figures(study, results),
            rollouts=sampled_responses(results),
            command=record.command,
            environment=record.environment,
            settings=record.settings,
            arms=arms(results),
        ),
        path,
    )
    return path


def figures(study: Study[Any], results: Results) -> list[FigureImage]:
    """The study's figures that the results can draw."""
    drawn = ((figure, figure.draw(results)) for figure in study.figures)
    return [
        render_figure(figure.name, figure.title, figure.caption, figure.alt, drawing)
        for figure, drawing in drawn
        if drawing is not None
    ]


def arms(results: Results) -> list[dict[str, Any]]:
    """What every stage came to, over its seeds: greedy and sampled accuracy, shares, length."""
    found = []
    for arm in results.arms:
        for stage in dict.fromkeys(each.stage for each in results.select(arm=arm).stages):
            runs = results.select(arm=arm, stage=stage)
            if runs.steps():  # else it evaluates no policy, as where a reward model is fit
                table = runs.rollouts(steps=(-1,))
                found.append({"arm": arm, "stage": stage, "figures": _estimates(table)})
    return found


def sampled_responses(results: Results) -> pl.DataFrame:
    """Responses for the page's browser: first, middle and last evaluation of every stage."""
    each = max(6, _ROWS // max(1, 3 * len(results)))
    parts = []
    for stage in results:
        if not (steps := stage.steps()):
            continue
        shown = {steps[0], steps[len(steps) // 2], steps[-1]}
        table = stage.rollouts(steps=tuple(shown))
        table = table.group_by("step", "temperature", maintain_order=True).head(each // 2)
        parts.append(_with_prompts(table, stage))
    return pl.concat(parts, how="diagonal_relaxed").head(_ROWS)


def compare_runs(first: Path, second: Path, console: Console) -> None:
    """Two runs side by side, on the terminal and as a page beside the second."""
    comparison = compare(_side(first), _side(second))
    console.print(terminal(comparison))
    path = second / f"compared-with-{first.resolve().name}.html"
    with disk_errors(path):
        write_comparison(comparison, path)
    console.print(f"report: {path.resolve()}", highlight=False, soft_wrap=True)


def publish_runs(folder: Path, destination: Path) -> Path:
    """One page of results from all runs of a study's folder.

    Raises:
        UsageError: runs of code that was not committed, or of a preset that is no longer there.
    """
    sections, studies = {}, {}
    for path in runs_below(folder):
        record = load_run(path)
        if record.overrides:
            continue  # a variation is not the preset; its page is its own report
        study, _ = find_study(record.study)
        studies[study.name] = study
        results = record.results(path.parent)
        planned = described(study.plan(study.settings(record.preset, record.part)))
        parts = list(study.presets[record.preset])
        order = (list(study.presets).index(record.preset), parts.index(record.part))
        sections[order] = Section(
            preset=record.preset,
            part=record.part,
            claims=assess(study.claims, results),
            figures=figures(study, results),
            command=record.command,
            environment=record.environment,
            date=record.date,
            seconds=record.seconds,
            stale=record.is_stale or planned != record.stages,
        )
    if len(studies) != 1:
        raise UsageError(f"{folder} holds runs of {sorted(studies) or 'no'} study; publish one")
    (study,) = studies.values()
    return publish(
        study.name,
        [sections[order] for order in sorted(sections)],
        destination,
        title=study.title,
        paper=study.paper,
        summary=study.summary,
    )


def _with_prompts(table: pl.DataFrame, stage: Results) -> pl.DataFrame:
    """The prompts as text, in the alphabet of the stage's task."""
    config = read_json(stage.stages[0].folder / "config.json")["config"]
    alphabet = rebuild(config["task"]).alphabet
    prompts = [alphabet.text(np.array(row)) for row in table["prompt_ids"].to_list()]
    return table.with_columns(prompt_text=pl.Series(prompts))


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


def _estimates(table: pl.DataFrame) -> Mapping[str, Estimate]:
    """Of one stage's last evaluation. A stage without greedy responses has no greedy figures."""
    greedy = table.filter(pl.col("temperature") == 0)
    sampled = table.filter(pl.col("temperature") > 0)
    found: dict[str, Estimate] = {}
    if greedy.height:
        found["greedy accuracy"] = accuracy(greedy)
        found["greedy median length"] = lengths(greedy).median
    if sampled.height:
        found["sampled accuracy"] = accuracy(sampled)
        found["long share"] = share(sampled, "long")
        found["sampled mean length"] = lengths(sampled).mean
        found["truncated share"] = lengths(sampled).truncated
    return found
