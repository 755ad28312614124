"""A whole study in seconds, as a user would write it, and `hone` as a process of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hone import cli

STUDY = """
from dataclasses import replace

import hone.runs.folder
from hone.studies.rl_after_ntp import parity

hone.runs.folder.CHECKPOINT_SECONDS = 0.05  # in the workers too: they import this file
settings = parity.Settings(
    experiments=("threshold", "algorithms"), sweep=(0.25,), seeds=(0,), d=5, layers=1, width=16,
    steps=60, batch=16, rounds=12, prompts=16, group=4, star_rounds=8, star_samples=64, problems=16,
)
study = replace(
    parity.study, name="tiny", presets={"quick": {"": settings}}, figures=parity.study.figures[:1]
)
"""
STAGES = 5  # pretrain, calibration, and RL by STaR, REINFORCE and GRPO
_UNCOMPARED = ("result.json", "timing.jsonl", "environment.json", ".lock")


def write_study(folder: Path) -> Path:
    file = folder / "tiny.py"
    file.write_text(STUDY)
    return file


def hone(
    arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """`hone` in this process: exit code, standard output and error."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hone", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def command(*arguments: str | Path) -> list[str]:
    """The command line of `hone` as a process of its own."""
    return [sys.executable, "-c", "from hone.cli import main; main()", *map(str, arguments)]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """`hone` as the leader of a process group of its own, as a shell would start it."""
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lives(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def kill(process: subprocess.Popen[str], *, group: bool) -> None:
    """SIGKILL, to the whole group or to its leader alone."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def contents(root: Path) -> dict[str, str]:
    """Digests of all that a study's stages hold and that must not depend on how they came about."""
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((root / "stages").rglob("*"))
        if file.is_file() and file.name not in _UNCOMPARED and ".damaged" not in str(file)
    }


def steps_logged(root: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in root.glob("stages/*/metrics.jsonl"))


@dataclass(frozen=True)
class Checkpointed:
    """What a killed run had behind its newest checkpoint: wall times that no redoing repeats."""

    timing: Path
    lines: list[str]

    def was_kept(self) -> bool:
        return self.timing.read_text().splitlines()[: len(self.lines)] == self.lines


def checkpointed(root: Path) -> list[Checkpointed]:
    """The steps that are behind a checkpoint, in every unfinished stage."""
    found = []
    for checkpoints in root.glob("stages/*/checkpoints"):
        newest = max((int(each.name[5:]) for each in checkpoints.glob("step-*")), default=0)
        timing = checkpoints.parent / "timing.jsonl"
        lines = [line for line in timing.read_text().splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["step"] <= newest]
        found += [Checkpointed(timing, kept)] * (newest > 0)
    return found
