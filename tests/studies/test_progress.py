"""Progress is told in plain lines without a terminal, and drawn on one; time left is estimated."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hone.runs.executor import Progress
from hone.runs.folder import finish
from hone.studies.progress import Display, Estimator, plan_table, seconds_taken
from tests.runs.toy import Toy, node

NODES = [node(Toy(name), arm=f"[{name}]") for name in ("first", "second")]


def write(root: Path, index: int, step: int, seconds: float, done: bool = False) -> None:
    """What a stage leaves in its folder on the way, or at its end."""
    folder = NODES[index].folder(root)
    folder.mkdir(parents=True)
    figures = {"step": step, "total": 4, "reward": 0.25, "unheard_of": 1.0}
    (folder / "metrics.jsonl").write_text(json.dumps(figures) + '\n{"step": 9, "to')
    (folder / "timing.jsonl").write_text(json.dumps({"step": step, "seconds": seconds}) + "\n")
    if done:
        finish(folder)


def shown(root: Path, progress: Progress, *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60)
    display = Display(console, NODES, root, workers=1)
    with display.shown():
        display(progress)
        display(progress)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_a_change_is_one_line_however_long(tmp_path: Path) -> None:
    write(tmp_path, 0, 4, 8.0, done=True)
    write(tmp_path, 1, 2, 3.0)
    lines = shown(tmp_path, Progress(2, 1, running=[NODES[1]]), terminal=False).splitlines()
    assert lines == ["1/2 stages, 4 s left | [second] · second · seed 0 · 2/4 reward 0.25"]


def test_a_failure_is_told_as_it_happens(tmp_path: Path) -> None:
    progress = Progress(2, 0, running=[NODES[1]], failed={NODES[0].key: "it was meant to"})
    text = shown(tmp_path, progress, terminal=False)
    assert text.startswith("0/2 stages, 1 failed, ")
    assert text.endswith("starting\n")


def test_on_a_terminal_stages_under_way_are_drawn(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3.0)
    text = shown(tmp_path, Progress(2, 1, running=[NODES[1]]), terminal=True)
    assert "\n1/2 stages" in text
    assert "[second] · second · seed 0 · 2/4" in text


def test_estimates_follow_what_finished_stages_took(tmp_path: Path) -> None:
    write(tmp_path, 0, 4, 600.0, done=True)
    assert Estimator(NODES, tmp_path).seconds(NODES[1]) == pytest.approx(600, abs=5)
    assert seconds_taken(NODES[0].folder(tmp_path)) == 600.0
    assert seconds_taken(NODES[1].folder(tmp_path)) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "1 min 0"), (3000, "50 min"), (360_000, "100 h 00 min")]
)
def test_times_are_told_in_units_that_fit(tmp_path: Path, seconds: float, words: str) -> None:
    write(tmp_path, 0, 4, seconds, done=True)
    console = Console(file=io.StringIO(), width=100)
    console.print(plan_table(NODES, tmp_path, 1))
    assert isinstance(console.file, io.StringIO)
    assert f"2 different stages, 1 to do, about {words}" in console.file.getvalue()
