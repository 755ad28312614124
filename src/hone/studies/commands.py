"""What the command line does: everything between a parsed request and what is printed."""

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hone.core.errors import UsageError, require
from hone.core.files import disk_errors, read_object, write_json
from hone.report.claims_table import claims_table
from hone.runs.environment import environment, numerics
from hone.runs.executor import check_owner, execute, set_damaged_aside, study_folder
from hone.runs.keys import describe
from hone.runs.plan import Node, missing, unique
from hone.studies.progress import Display, plan_table, seconds_taken
from hone.studies.registry import find_study
from hone.studies.reporting import compare_runs, publish_runs, write_report
from hone.studies.runfile import Request, RunFile, described, load_run, run_name, runs_below
from hone.studies.study import Study, assess

console = Console()


def say(text: str) -> None:
    """Print a line as it stands: paths and commands are copied, so nothing wraps or is marked."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def run(request: Request, dry_run: bool = False) -> None:
    """Carry out a study's preset, part by part; print its claims and write its report.

    Raises:
        UsageError: before anything is written, if the request is impossible.
    """
    study, user_file = find_study(request.study)
    plans = {part: _plan(study, request, part) for part in _parts(study, request)}
    root, workers = request.out or Path("runs") / study.name, _workers(request.workers)
    nodes = [node for _, nodes in plans.values() for node in nodes]
    for text in request.overrides:
        if effect := _without_effect(study, request, plans, text):
            name = run_name(request.preset, request.part or "", ())
            say(f"note: {text} {effect} {name}")
    if dry_run:
        check_owner(root, study.name)
        console.print(plan_table(nodes, root, workers))
        return
    _check_devices(nodes)
    with study_folder(root, study.name), _interruptible(request.command(request.part)):
        for part, (settings, nodes) in plans.items():
            _carry_out(nodes, root, workers, user_file)
            record = RunFile(
                study=request.study if user_file is None else str(user_file),
                preset=request.preset,
                part=part,
                overrides=request.overrides,
                command=request.command(part),
                settings=describe(settings),
                environment=_environment(nodes, root),
                date=datetime.date.today().isoformat(),
                seconds=_seconds(nodes, root),
                stages=described(nodes),
            )
            record.write(root / record.name)
            _conclude(study, record, root, root / record.name)


def claims(folder: Path, as_json: bool) -> None:
    """Print the claims of a run, or of every run of a study's folder, computed afresh."""
    found = {}
    for path in runs_below(folder):
        record = load_run(path)
        study, _ = find_study(record.study)
        found[record.name] = assess(study.claims, record.results(path.parent))
    if as_json:
        console.print_json(data=found)
        return
    for name, assessed in found.items():
        console.rule(name)
        console.print(claims_table(assessed, console.width))


def report(folders: Sequence[Path], publish: Path | None) -> None:
    """Write the page of one run (or of each run below a study's folder), compare two, or publish.

    Raises:
        UsageError: no folder or more than two, or publishing two studies at once.
    """
    if len(folders) == 2 and publish is None:
        compare_runs(folders[0], folders[1], console)
    elif len(folders) != 1:
        allowed = "one study's folder to publish" if publish else "one folder, or two to compare"
        raise UsageError(f"report takes {allowed}; got {len(folders)}")
    elif publish is not None:
        with disk_errors(publish):
            say(f"published: {publish_runs(folders[0], publish)}")
    else:
        for path in runs_below(folders[0]):
            record = load_run(path)
            study, _ = find_study(record.study)
            _conclude(study, record, path.parent, path)


def doctor(folder: Path, as_json: bool) -> None:
    """Print what the machine offers and what is unwise about the present settings."""
    from hone.bench.machine import examine

    found = examine(folder)
    if as_json:
        console.print_json(data={**asdict(found), "unwise": found.unwise()}, default=str)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for label, value in found.table_rows():
        table.add_row(label, value)
    console.print(table, highlight=False)
    for advice in found.unwise() or ["nothing unwise about the present settings"]:
        say(f"- {advice}")


def _parts(study: Study[Any], request: Request) -> list[str]:
    if request.part is None and request.preset in study.presets:
        return list(study.presets[request.preset])
    return [request.part or ""]  # an unknown preset is refused with the settings


def _plan(study: Study[Any], request: Request, part: str) -> tuple[Any, list[Node]]:
    settings = study.settings(request.preset, part, request.overrides)
    try:
        nodes = list(study.plan(settings))
    except UsageError as error:
        raise UsageError(_traced(study, request, part, str(error))) from error
    if not nodes:
        raise UsageError(
            f"nothing to carry out: preset {request.preset} has no stage with these settings"
        )
    return settings, nodes


def _traced(study: Study[Any], request: Request, part: str, said: str) -> str:
    """What a plan was refused for, behind the overrides without which it would not be.

    A plan hands settings on to configs, which know their own fields' names and not the keys.
    """
    if any(said.startswith(f"{text.partition('=')[0]} = ") for text in request.overrides):
        return said
    blamed = [text for text in request.overrides if _possible(study, request, part, text)]
    return f"{' '.join(blamed)}: {said}" if blamed else said


def _possible(study: Study[Any], request: Request, part: str, text: str) -> bool:
    """Whether there is a plan without an override."""
    try:
        return bool(list(study.plan(_settings_without(study, request, part, text))))
    except UsageError:
        return False


def _settings_without(study: Study[Any], request: Request, part: str, text: str) -> Any:
    others = tuple(other for other in request.overrides if other != text)
    return study.settings(request.preset, part, others)


def _without_effect(
    study: Study[Any], request: Request, plans: Mapping[str, tuple[Any, list[Node]]], text: str
) -> str:
    """In what way every part has the same stages without an override; empty if one has not."""
    try:
        others = {part: _settings_without(study, request, part, text) for part in plans}
        if all(others[part] == settings for part, (settings, _) in plans.items()):
            return "is what there is already in"
        same = all(
            {node.key for node in nodes} == {node.key for node in study.plan(others[part])}
            for part, (_, nodes) in plans.items()
        )
    except UsageError:  # impossible without it
        return ""
    return "changes no stage of" if same else ""


def _check_devices(nodes: Sequence[Node]) -> None:
    """Refuse a plan for a GPU where there is none."""
    if not any(numerics(node.config).get("device") == "cuda" for node in nodes):
        return
    import torch

    require(torch.cuda.is_available(), "device", "cuda", "cpu: torch finds no CUDA device here")


def _workers(wanted: int | None) -> int:
    if wanted is not None and wanted < 1:
        raise UsageError(f"workers = {wanted} is not possible; allowed: 1 or more")
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return wanted or (len(affinity(0)) if affinity else os.cpu_count() or 1)


@contextmanager
def _interruptible(command: str) -> Iterator[None]:
    """Ctrl-C says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; to go on where it was: {command}")
        raise


def _carry_out(nodes: Sequence[Node], root: Path, workers: int, user_file: Path | None) -> None:
    """Execute what is missing, with live progress."""
    for message in set_damaged_aside(nodes, root):
        say(message)
    if not missing(nodes, root):
        say("nothing to do: every stage is there")
        return
    display = Display(console, nodes, root, workers)
    with display.shown():
        execute(nodes, root, workers, display, user_file)


def _conclude(study: Study[Any], record: RunFile, root: Path, folder: Path) -> None:
    """Claims, report page, and what the newcomer is told."""
    results = record.results(root)
    assessed = assess(study.claims, results)
    write_json(folder / "claims.json", assessed)
    console.print(claims_table(assessed, console.width))
    with disk_errors(folder / "report.html"):
        page = write_report(study, record, results, assessed, folder / "report.html")
    say(f"report: {page.resolve()}")


def _environment(nodes: Sequence[Node], root: Path) -> dict[str, Any]:
    """Where the stages were made: here and now, unless machine or packages were others then."""
    now = environment()
    made = [read_object(node.folder(root) / "environment.json") for node in unique(nodes)]
    same = [name for name in now if name != "code"]
    others = (then for then in made if any(then.get(name) != now[name] for name in same))
    found = dict(next(others, now))
    for name in ("code", "dtype", "device"):  # all of them, of those stages that have them
        said = (value for then in made if name in then for value in then[name].split(", then "))
        if values := sorted(set(said)):
            found[name] = ", ".join(values)
    return found


def _seconds(nodes: Sequence[Node], root: Path) -> float:
    return round(sum(seconds_taken(node.folder(root)) or 0.0 for node in unique(nodes)), 1)
