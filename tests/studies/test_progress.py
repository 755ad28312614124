"""Progress is told in plain lines without a terminal, and drawn on one; time left is estimated."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from hone.core.errors import DamagedFile
from hone.runs.executor import Progress
from hone.runs.folder import finish
from hone.runs.plan import Node
from hone.studies.progress import Display, Estimator, plan_table, seconds_taken
from hone.training.configs import Numerics
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


def told(nodes: Sequence[Node], root: Path) -> str:
    """What a dry run prints."""
    console = Console(file=io.StringIO(), width=200)
    console.print(plan_table(nodes, root, 1))
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


class OfAnotherKind(Toy):
    """A stage that something else carries out."""

    implementation = "tests.runs.toy:another"


class Unseen(Toy):
    """A stage of which nothing has been carried out."""

    implementation = "tests.runs.toy:unseen"


def test_a_stage_is_told_by_stages_of_its_own_kind(tmp_path: Path) -> None:
    """Others are told by all there are, one kind as much as another."""
    others = [node(OfAnotherKind(name)) for name in ("slow", "slower", "slowest")]
    write(tmp_path, 0, 4, 600.0, done=True)
    for other in others[:2]:
        folder = other.folder(tmp_path)
        folder.mkdir(parents=True)
        (folder / "timing.jsonl").write_text('{"step": 1, "seconds": 60.0}\n')
        finish(folder)
    estimator = Estimator([*NODES, *others], tmp_path)
    assert estimator.seconds(NODES[1]) == pytest.approx(600, abs=5)
    assert estimator.seconds(others[2]) == pytest.approx(60, abs=5)
    unseen = estimator.seconds(node(Unseen("unseen")))
    assert unseen == pytest.approx(2 / (1 / 600 + 1 / 60), abs=5)


@dataclass(frozen=True)
class OnDevice(Toy):
    """A stage that says where it is carried out."""

    numerics: Numerics = field(default_factory=Numerics)


def test_time_on_a_device_is_not_known_before_a_stage_has_run_there(tmp_path: Path) -> None:
    gpu = [node(OnDevice(name, numerics=Numerics(device="cuda"))) for name in ("one", "two")]
    nodes = [*NODES, *gpu]
    write(tmp_path, 0, 4, 600.0, done=True)
    known, unknown = Estimator(nodes, tmp_path).total(nodes)
    assert known == pytest.approx(1200, abs=5)
    assert unknown == gpu
    assert "about 10 min 01 s with 1 worker without the 2 on cuda, where" in told(nodes, tmp_path)
    work = 6 * 20_000 * sum(node.config.tokens for node in gpu)  # rows of no decoder
    expected = f"2 to do, {work:.0e} operations, time not known: none has run on cuda yet;"
    assert expected in told(gpu, tmp_path)
    folder = gpu[0].folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "timing.jsonl").write_text('{"step": 1, "seconds": 60.0}\n')
    finish(folder)
    assert Estimator(nodes, tmp_path).seconds(gpu[1]) == pytest.approx(60, abs=5)


@pytest.mark.parametrize("line", ['{"step": 4}', "[4]", '{"step": 4, "seconds": "long"}', "{"])
def test_a_damaged_line_of_times_is_named(tmp_path: Path, line: str) -> None:
    write(tmp_path, 0, 4, 8.0, done=True)
    (NODES[0].folder(tmp_path) / "timing.jsonl").write_text(f"{line}\n")
    with pytest.raises(DamagedFile, match=r"timing\.jsonl is damaged"):
        Estimator(NODES, tmp_path)


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "1 min 0"), (3000, "50 min"), (360_000, "100 h 00 min")]
)
def test_times_are_told_in_units_that_fit(tmp_path: Path, seconds: float, words: str) -> None:
    write(tmp_path, 0, 4, seconds, done=True)
    assert f"2 different stages, 1 to do, about {words}" in told(NODES, tmp_path)
